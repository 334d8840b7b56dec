package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/sql"
)

// migration is one file NNNN_name.sql.
type migration struct {
	version uint32
	name    string // with the number: 0001_core
	text    string
	sha256  string
}

var migrationFile = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.sql$`)

// Migrate creates the databases and applies the migrations that were not yet,
// in order; it returns their names. Repeating it is harmless. It refuses a
// database that knows more migrations than this release (ErrSchemaNewer) or
// other text under the same number.
//
// ClickHouse has no transaction around DDL: a migration that broke off is run
// again from its start, so every statement of one must bear repetition
// (IF NOT EXISTS, OR REPLACE).
func (db *DB) Migrate(ctx context.Context) (applied []string, err error) {
	migrations, err := readMigrations(sql.Schema, "schema")
	if err != nil {
		return nil, err
	}
	return db.migrate(ctx, migrations)
}

func (db *DB) migrate(ctx context.Context, migrations []migration) (applied []string, err error) {
	for _, database := range []string{db.database, db.ProjectDatabase()} {
		if err := db.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteIdentifier(database), laneAdmin); err != nil {
			return nil, fmt.Errorf("migrating: creating database %s: %w", database, err)
		}
	}
	err = db.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations
(
    version    UInt32,
    name       String,
    sha256     String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`)
	if err != nil {
		return nil, fmt.Errorf("migrating: creating schema_migrations: %w", err)
	}
	if err := db.catchUp(ctx); err != nil {
		return nil, fmt.Errorf("migrating: %w", err)
	}
	done, err := db.appliedMigrations(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrating: %w", err)
	}
	if err := checkMigrations(migrations, done); err != nil {
		return nil, fmt.Errorf("migrating %s: %w", db.database, err)
	}
	var rows [][]any
	for _, m := range migrations {
		if _, ok := done[m.version]; ok {
			continue
		}
		if err = db.apply(ctx, m); err != nil {
			err = fmt.Errorf("migrating %s: %s: %w", db.database, m.name, err)
			break
		}
		applied = append(applied, m.name)
		rows = append(rows, []any{m.version, m.name, m.sha256})
	}
	// Recorded together, and also what went well before a failure: a crash
	// before this only repeats statements that bear it.
	if recordErr := db.Insert(ctx, "schema_migrations", []string{"version", "name", "sha256"}, rows, InsertOptions{}); recordErr != nil {
		err = errors.Join(err, fmt.Errorf("migrating %s: recording: %w", db.database, recordErr))
	}
	return applied, err
}

func (db *DB) apply(ctx context.Context, m migration) error {
	text := strings.NewReplacer(
		"{{database}}", quoteIdentifier(db.database),
		"{{project_database}}", quoteIdentifier(db.ProjectDatabase()),
	).Replace(m.text)
	for i, statement := range splitStatements(text) {
		if err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("statement %d: %w", i+1, err)
		}
	}
	return nil
}

// appliedMigrations returns the digests of what was applied, by version.
func (db *DB) appliedMigrations(ctx context.Context) (map[uint32]string, error) {
	var rows []struct {
		Version uint32 `ch:"version"`
		SHA256  string `ch:"sha256"`
	}
	if err := db.Select(ctx, &rows, "SELECT version, argMin(sha256, applied_at) AS sha256 FROM schema_migrations GROUP BY version"); err != nil {
		return nil, err
	}
	done := map[uint32]string{}
	for _, row := range rows {
		done[row.Version] = row.SHA256
	}
	return done, nil
}

func checkMigrations(known []migration, done map[uint32]string) error {
	digests := map[uint32]migration{}
	for _, m := range known {
		digests[m.version] = m
	}
	for version, digest := range done {
		m, ok := digests[version]
		if !ok {
			return fmt.Errorf("%w: it has migration %d; install that release or newer", ErrSchemaNewer, version)
		}
		if m.sha256 != digest {
			return fmt.Errorf("%w: %s", ErrSchemaChanged, m.name)
		}
	}
	return nil
}

// readMigrations reads NNNN_name.sql files, which must be numbered without gaps
// from 1.
func readMigrations(files fs.FS, dir string) ([]migration, error) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	var out []migration
	for _, entry := range entries {
		match := migrationFile.FindStringSubmatch(entry.Name())
		if match == nil {
			return nil, fmt.Errorf("reading migrations: %s is not named NNNN_name.sql", entry.Name())
		}
		text, err := fs.ReadFile(files, dir+"/"+entry.Name())
		if err != nil {
			return nil, fmt.Errorf("reading migrations: %w", err)
		}
		version, err := strconv.ParseUint(match[1], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading migrations: %w", err)
		}
		digest := sha256.Sum256(text)
		out = append(out, migration{
			version: uint32(version),
			name:    strings.TrimSuffix(entry.Name(), ".sql"),
			text:    string(text),
			sha256:  hex.EncodeToString(digest[:]),
		})
	}
	slices.SortFunc(out, func(a, b migration) int { return int(a.version) - int(b.version) })
	for i, m := range out {
		if m.version != uint32(i+1) {
			return nil, fmt.Errorf("reading migrations: %s is out of sequence, %04d is missing", m.name, i+1)
		}
	}
	return out, nil
}
