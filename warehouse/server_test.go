package warehouse_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// each runs a test on every kind of warehouse there is: the embedded engine,
// the same behind a real HTTP connection (so that the http:// path is used),
// and the server that TAILRACE_TEST_CLICKHOUSE names.
func each(t *testing.T, test func(t *testing.T, db *warehouse.DB)) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, warehousetest.Open(t))
	})
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		test(t, openOver(t, serve(t)))
	})
	if dsn := os.Getenv("TAILRACE_TEST_CLICKHOUSE"); dsn != "" {
		t.Run("server", func(t *testing.T) {
			t.Parallel()
			test(t, openOver(t, dsn))
		})
	}
}

func openOver(t *testing.T, dsn string) *warehouse.DB {
	db, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn, Database: warehousetest.NewDatabase()})
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

var killByID = regexp.MustCompile(`^KILL QUERY WHERE query_id = '([^']+)' ASYNC$`)

// serve puts the embedded engine behind an HTTP server that behaves as
// ClickHouse's: exceptions in mid-stream are framed in the body.
func serve(t *testing.T) string {
	engine := warehousetest.OpenEmpty(t)
	transport := engine.RoundTripper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forward := r.Clone(r.Context())
		forward.URL = &url.URL{Scheme: "http", Host: "embedded", RawQuery: r.URL.RawQuery}
		if !r.URL.Query().Has("query") {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			if kill := killByID.FindSubmatch(text); kill != nil {
				_ = engine.Kill(r.Context(), string(kill[1]))
				return
			}
			forward.Body = io.NopCloser(strings.NewReader(string(text)))
		}
		res, err := transport.RoundTrip(forward)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer res.Body.Close()
		for name, values := range res.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(res.StatusCode)
		if _, err := io.Copy(w, res.Body); err != nil {
			const tag = "abcdefghijklmnop"
			message := "Code: 395. DB::Exception: " + err.Error()
			fmt.Fprintf(w, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", tag, message, len(message), tag)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}
