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
	tables map[string]string // name → definition, as migrated
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
	same := maps.Equal(now, pool.tables)
	pool.Unlock()
	if !same {
		return errTouched
	}
	for _, name := range []string{db.MaskedDatabase(), db.ProjectDatabase()} {
		if err := db.Drop(ctx, name); err != nil {
			return err
		}
	}
	if err := db.Exec(ctx, "CREATE DATABASE "+warehouse.QuoteIdentifier(db.ProjectDatabase())); err != nil {
		return err
	}
	var filled []string
	err = db.Select(ctx, &filled, "SELECT DISTINCT table FROM system.parts WHERE database = ? AND table != 'schema_migrations'", db.Database())
	if err != nil {
		return err
	}
	for _, table := range filled { // made anew, as TRUNCATE deletes every file of it at once
		if err := db.Exec(ctx, "DROP TABLE "+warehouse.QuoteIdentifier(db.Database())+"."+warehouse.QuoteIdentifier(table)); err != nil {
			return err
		}
		if err := db.Exec(ctx, strings.ReplaceAll(now[table], databaseHere, db.Database())); err != nil {
			return err
		}
	}
	return nil
}

// databaseHere stands for a database's name in definitions of its tables.
const databaseHere = "\x00"

func definitions(ctx context.Context, db *warehouse.DB) (map[string]string, error) {
	var rows []struct {
		Name       string `ch:"name"`
		Definition string `ch:"create_table_query"`
	}
	if err := db.Select(ctx, &rows, "SELECT name, create_table_query FROM system.tables WHERE database = ?", db.Database()); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, r := range rows {
		out[r.Name] = strings.ReplaceAll(r.Definition, db.Database(), databaseHere)
	}
	return out, nil
}
