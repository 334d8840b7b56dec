package warehouse_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

var gateNow = time.Date(2026, 3, 1, 12, 30, 15, 123000000, time.UTC)

// openGate prepares a database with views as a project has them, a table that
// users may not read, and a file with a secret.
func openGate(t testing.TB) (*warehouse.DB, warehouse.GateOptions, string) {
	t.Helper()
	db := warehousetest.Open(t)
	ctx := t.Context()
	for _, statement := range []string{
		"CREATE TABLE " + db.Database() + ".secret (profile_id String, password String) ENGINE = MergeTree ORDER BY profile_id",
		"INSERT INTO " + db.Database() + ".secret VALUES ('p', 'hidden')",
		"CREATE TABLE " + db.Database() + ".orders_table (profile_id String, order_id String, total Float64, items Array(Tuple(sku String, price Float64, quantity UInt32)), at DateTime64(3, 'UTC'), tags Array(String), attributes Map(String, String), segment LowCardinality(String), country Nullable(String)) ENGINE = MergeTree ORDER BY (profile_id, order_id)",
		"CREATE VIEW " + db.ProjectDatabase() + ".orders AS SELECT * FROM " + db.Database() + ".orders_table",
		"CREATE VIEW " + db.ProjectDatabase() + ".customer_value AS SELECT profile_id, max(at) AS last_order_at, sum(total) AS lifetime_value, count() AS orders FROM " + db.Database() + ".orders_table GROUP BY profile_id",
	} {
		require.NoError(t, db.Exec(ctx, statement))
	}
	options := warehouse.GateOptions{Now: gateNow, MaxTime: 10 * time.Second, MaxMemory: 1 << 30, AllowedTables: map[string]bool{
		"events": true, "profiles": true, "identities": true, "consents": true, "suppressions": true, "audience_changes": true,
		"orders": true, "customer_value": true,
	}}
	file := filepath.Join(t.TempDir(), "secret.txt")
	require.NoError(t, os.WriteFile(file, []byte("tell nobody"), 0o600))
	return db, options, file
}

func statementsOf(t testing.TB, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	var out []string
	for _, s := range strings.Split(string(text), "\n---\n") {
		if s = strings.TrimRight(s, "\n"); strings.TrimSpace(s) != "" {
			out = append(out, s)
		}
	}
	return out
}

func TestGateLetsRealQueriesPass(t *testing.T) {
	t.Parallel()
	db, options, _ := openGate(t)
	queries := statementsOf(t, "gate_good.sql")
	require.GreaterOrEqual(t, len(queries), 60)
	for _, sql := range queries {
		checked, err := db.Check(t.Context(), sql, options)
		require.NoError(t, err, sql)
		require.NotEmpty(t, checked.Columns, sql)
		rows, err := db.Query(t.Context(), checked.Wrap(10), options.Limits(), warehouse.LaneUser)
		require.NoError(t, err, checked.SQL)
		for rows.Next() {
		}
		require.NoError(t, rows.Close(), checked.SQL)
		require.Equal(t, strings.Count(sql, "\n"), strings.Count(checked.SQL, "\n"), sql)
		again, err := db.Check(t.Context(), checked.SQL, qualified(db, options))
		require.NoError(t, err, checked.SQL)
		require.Equal(t, checked.Columns, again.Columns)
		require.False(t, again.ReadsTime, checked.SQL)
	}
}

// qualified allows the same tables by their full names, as checked SQL has them.
func qualified(db *warehouse.DB, o warehouse.GateOptions) warehouse.GateOptions {
	tables := map[string]bool{}
	for name := range o.AllowedTables {
		tables[db.ProjectDatabase()+"."+name] = true
	}
	o.AllowedTables = tables
	return o
}

func TestGateRefuses(t *testing.T) {
	t.Parallel()
	db, options, file := openGate(t)
	queries := statementsOf(t, "gate_bad.sql")
	require.GreaterOrEqual(t, len(queries), 150)
	options.MaxTime = 2 * time.Second
	for _, entry := range queries {
		head, sql, _ := strings.Cut(entry, "\n")
		code, cut := strings.CutPrefix(head, "-- ")
		require.True(t, cut, entry)
		sql = strings.NewReplacer("<file>", file, "<data>", db.Database(), "<project>", db.ProjectDatabase(), "<nul>", "\x00", "<esc>", "\x1b", "<bad>", "\xff").Replace(sql)
		start := time.Now()
		_, err := db.Check(t.Context(), sql, options)
		var gateErr *warehouse.GateError
		if !assert.ErrorAs(t, err, &gateErr, sql) || !assert.Equal(t, code, gateErr.Code, "%s\n%v", sql, err) {
			continue
		}
		require.Positive(t, gateErr.Line, sql)
		require.Positive(t, gateErr.Column, sql)
		require.NotContains(t, gateErr.Error(), "tell nobody")
		require.NotContains(t, gateErr.Error(), "hidden")
		require.Less(t, time.Since(start), 10*time.Second, sql)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, left, 1, "a refused statement wrote a file")
}
