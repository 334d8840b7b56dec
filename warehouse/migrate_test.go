package warehouse_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

func files(texts ...string) fstest.MapFS {
	fs := fstest.MapFS{}
	for i, text := range texts {
		fs["m/000"+string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

func TestMigrateIsIdempotent(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		var tables, again uint64
		const sql = "SELECT count() FROM system.tables WHERE database IN (?, ?)"
		require.NoError(t, db.Get(t.Context(), &tables, sql, db.Database(), db.ProjectDatabase()))
		require.Greater(t, tables, uint64(20))
		applied, err := db.Migrate(t.Context())
		require.NoError(t, err)
		require.Empty(t, applied)
		require.NoError(t, db.Get(t.Context(), &again, sql, db.Database(), db.ProjectDatabase()))
		require.Equal(t, tables, again)
	})
}

func TestMigrateAppliesInOrderAndResumes(t *testing.T) {
	t.Parallel()
	db := warehousetest.OpenEmpty(t)
	ctx := t.Context()
	first := "-- a; comment\nCREATE TABLE IF NOT EXISTS {{database}}.a (x String DEFAULT ';') ENGINE = MergeTree ORDER BY x;\nCREATE OR REPLACE VIEW {{project_database}}.a AS SELECT * FROM {{database}}.a;"
	applied, err := db.MigrateFrom(ctx, files(first), "m")
	require.NoError(t, err)
	require.Equal(t, []string{"0001_step"}, applied)

	// A broken migration is not recorded, those before it are.
	second := "CREATE TABLE IF NOT EXISTS {{database}}.b (x String) ENGINE = MergeTree ORDER BY x"
	applied, err = db.MigrateFrom(ctx, files(first, second, "CREATE NONSENSE"), "m")
	require.ErrorContains(t, err, "0003_step: statement 1")
	requireCode(t, 62, err)
	require.Equal(t, []string{"0002_step"}, applied)
	applied, err = db.MigrateFrom(ctx, files(first, second, "SELECT 1"), "m")
	require.NoError(t, err)
	require.Equal(t, []string{"0003_step"}, applied)

	// A release that knows less must not touch it; edited history neither.
	_, err = db.MigrateFrom(ctx, files(first, second), "m")
	require.ErrorIs(t, err, warehouse.ErrSchemaNewer)
	_, err = db.MigrateFrom(ctx, files(first+" ", second, "SELECT 1"), "m")
	require.ErrorIs(t, err, warehouse.ErrSchemaChanged)
}

func TestMigrationFilesAreChecked(t *testing.T) {
	t.Parallel()
	db := warehousetest.OpenEmpty(t)
	_, err := db.MigrateFrom(t.Context(), fstest.MapFS{"m/0002_gap.sql": {}}, "m")
	require.ErrorContains(t, err, "0001 is missing")
	_, err = db.MigrateFrom(t.Context(), fstest.MapFS{"m/x.sql": {}}, "m")
	require.ErrorContains(t, err, "NNNN_name.sql")
}

func TestSplitStatements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                            nil,
		" ; ;; -- x":                  nil,
		"SELECT 1":                    {"SELECT 1"},
		"SELECT 1;\nSELECT 2;":        {"SELECT 1", "SELECT 2"},
		"SELECT ';', \";\", `;`; B":   {"SELECT ';', \";\", `;`", "B"},
		`SELECT '\';', 'it''s;'; B`:   {`SELECT '\';', 'it''s;'`, "B"},
		"/* a; /* b; */ ; */ A; B":    {"/* a; /* b; */ ; */ A", "B"},
		"A -- ; '\n; B # ;\n":         {"A -- ; '", "B # ;"},
		"A 'never closed; B":          {"A 'never closed; B"},
		"A /* never closed; B":        {"A /* never closed; B"},
		"SELECT 1 #! comment ;\n + 1": {"SELECT 1 #! comment ;\n + 1"},
	} {
		require.Equal(t, want, warehouse.SplitStatements(text), "%q", text)
	}
	require.Equal(t, "INSERT", warehouse.FirstWord("/* x */ -- y\n (insert into t"))
	require.Empty(t, warehouse.FirstWord(""))
}

func FuzzSplitStatements(f *testing.F) {
	for _, seed := range []string{"SELECT 1; SELECT 2", "'a\\';' ; `;`", "/* /* */ ; */ x", "-- a\n;b", "\\", "'", "$$;$$"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		total := 0
		for _, part := range warehouse.SplitStatements(text) {
			require.Contains(t, text, part)
			require.NotEmpty(t, strings.TrimSpace(part))
			total += len(part)
		}
		require.LessOrEqual(t, total, len(text))
		warehouse.FirstWord(text)
	})
}
