package warehousetest

import (
	"context"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
)

// Serve puts the engine behind the product's own HTTP server until the test
// ends, and returns its DSN: a warehouse as several processes share it.
func Serve(t testing.TB) string {
	t.Helper()
	served, err := warehouse.NewServer(OpenEmpty(t), warehouse.ServerOptions{Password: "open sesame"})
	require.NoError(t, err)
	server := httptest.NewServer(served)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	address.User = url.UserPassword("default", "open sesame")
	return address.String()
}

// OpenOver returns a fresh, migrated database on the server at dsn. It is
// closed and dropped when the test ends.
func OpenOver(t testing.TB, dsn string) *warehouse.DB {
	t.Helper()
	db, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn, Database: NewDatabase()})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx := context.Background()
		require.NoError(t, db.Drop(ctx, db.ProjectDatabase()))
		require.NoError(t, db.Drop(ctx, db.Database()))
		require.NoError(t, db.Close())
	})
	_, err = db.Migrate(t.Context())
	require.NoError(t, err)
	return db
}
