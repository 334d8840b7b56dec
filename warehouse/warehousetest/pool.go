package warehousetest

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
)

// pool keeps migrated databases of tests that are over, emptied for the next
// ones: making one costs as much as a test that uses it.
var pool struct {
	sync.Mutex
	free   []string
	tables [2]map[string]string // definitions as migrated: ours, the project's
}

// errTouched is a database that a test changed in other ways than by rows.
var errTouched = errors.New("a table isn't as it was migrated")

// Open returns a migrated database without any rows in the test process's one
// embedded engine. It is closed, and emptied or dropped, when the test ends.
// Tests may run in parallel.
func Open(t testing.TB) *warehouse.DB {
	t.Helper()
	pool.Lock()
	name := ""
	if n := len(pool.free); n > 0 {
		name, pool.free = pool.free[n-1], pool.free[:n-1]
	}
	pool.Unlock()
	fresh := name == ""
	if fresh {
		name = NewDatabase()
	}
	db, err := warehouse.Open(t.Context(), warehouse.Options{DSN: DSN(t), Database: name})
	require.NoError(t, err, "opening the test engine")
	if fresh {
		_, err = db.Migrate(t.Context())
		require.NoError(t, err, "migrating the test database")
		tables, err := definitions(t.Context(), db)
		require.NoError(t, err)
		pool.Lock()
		pool.tables = tables
		pool.Unlock()
	}
	t.Cleanup(func() {
		ctx := context.Background()
		switch err := empty(ctx, db); {
		case err == nil:
			pool.Lock()
			pool.free = append(pool.free, name)
			pool.Unlock()
		case errors.Is(err, errTouched):
			drop(t, db)
		default:
			require.NoError(t, err, "emptying the test database")
		}
		require.NoError(t, db.Close())
	})
	return db
}

func drop(t testing.TB, db *warehouse.DB) {
	for _, name := range []string{db.MaskedDatabase(), db.ProjectDatabase(), db.Database()} {
		require.NoError(t, db.Drop(context.Background(), name))
	}
}

// empty makes a database as Migrate left it.
func empty(ctx context.Context, db *warehouse.DB) error {
	now, err := definitions(ctx, db)
	if err != nil {
		return err
	}
	pool.Lock()
	fresh := pool.tables
	pool.Unlock()
	if !maps.Equal(now[0], fresh[0]) {
		return errTouched
	}
	if err := db.Drop(ctx, db.MaskedDatabase()); err != nil {
		return err
	}
	var filled []string
	err = db.Select(ctx, &filled, "SELECT DISTINCT table FROM system.parts WHERE database = ? AND table != 'schema_migrations'", db.Database())
	if err != nil {
		return err
	}
	for _, table := range filled { // made anew, as TRUNCATE deletes every file of it at once
		if err := remake(ctx, db, db.Database(), table, fresh[0][table]); err != nil {
			return err
		}
	}
	for table, definition := range now[1] {
		if definition != fresh[1][table] {
			if err := remake(ctx, db, db.ProjectDatabase(), table, fresh[1][table]); err != nil {
				return err
			}
		}
	}
	for table, definition := range fresh[1] {
		if now[1][table] == "" {
			if err := remake(ctx, db, db.ProjectDatabase(), table, definition); err != nil {
				return err
			}
		}
	}
	return nil
}

// remake drops a table or view, and creates it where there is a definition.
func remake(ctx context.Context, db *warehouse.DB, database, table, definition string) error {
	err := db.Exec(ctx, "DROP TABLE IF EXISTS "+warehouse.QuoteIdentifier(database)+"."+warehouse.QuoteIdentifier(table))
	if err != nil || definition == "" {
		return err
	}
	return db.Exec(ctx, strings.ReplaceAll(definition, databaseHere, db.Database()))
}

// databaseHere stands for a database's name in definitions of its tables.
const databaseHere = "\x00"

// definitions are those of the database's tables, and of what is in the project's.
func definitions(ctx context.Context, db *warehouse.DB) (of [2]map[string]string, err error) {
	for i, database := range []string{db.Database(), db.ProjectDatabase()} {
		var rows []struct {
			Name       string `ch:"name"`
			Definition string `ch:"create_table_query"`
		}
		if err := db.Select(ctx, &rows, "SELECT name, create_table_query FROM system.tables WHERE database = ?", database); err != nil {
			return of, err
		}
		of[i] = map[string]string{}
		for _, r := range rows {
			of[i][r.Name] = strings.ReplaceAll(r.Definition, db.Database(), databaseHere)
		}
	}
	return of, nil
}
