package warehouse

import (
	"context"
	"io/fs"
	"net/http"
)

// Admin is the lane without a default database, for tests that create one.
const Admin = laneAdmin

var (
	SplitStatements = splitStatements
	CountStatements = countStatements
	FirstWord       = firstWord
	OnCluster       = onCluster
	LoadLibrary     = func(path string) error { _, err := loadLibrary(path); return err }
	FindLibrary     = findLibrary
	EngineError     = engineError
)

// RoundTripper is what the driver sends its requests to.
func (db *DB) RoundTripper() http.RoundTripper { return &embeddedTransport{engine: db.engine} }

// MigrateFrom applies other migrations than the product's.
func (db *DB) MigrateFrom(ctx context.Context, files fs.FS, dir string) ([]string, error) {
	migrations, err := readMigrations(files, dir)
	if err != nil {
		return nil, err
	}
	return db.migrate(ctx, migrations)
}

// GuardedTransport is the guard in front of next.
func GuardedTransport(next http.RoundTripper) http.RoundTripper { return &guardTransport{next: next} }

// BoundSQL is a statement as the engine gets it, with its parameters.
func BoundSQL(sql string, args ...any) (string, map[string]string, error) {
	call, err := newCall(sql, args)
	if err != nil {
		return "", nil, err
	}
	return call.sql, call.params, nil
}
