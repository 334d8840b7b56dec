package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	if dir := os.Getenv(victimEnv); dir != "" {
		victim(dir)
		return
	}
	code := m.Run()
	warehousetest.Stop()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var testTime = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// away is a warehouse that can't be reached.
type away struct{}

var errAway = errors.New("connection refused")

func (away) Insert(context.Context, string, []string, [][]any, warehouse.InsertOptions) error {
	return errAway
}
func (away) Select(context.Context, any, string, ...any) error              { return errAway }
func (away) Query(context.Context, string, ...any) (*warehouse.Rows, error) { return nil, errAway }
func (away) Database() string                                               { return "tailrace" }

func testSources(key string) (Source, bool) {
	switch key {
	case "k", "id:secret":
		return Source{Name: "web"}, true
	case "shop-only":
		return Source{Name: "shop", Origins: []string{"https://shop.example"}}, true
	}
	return Source{}, false
}

// open opens a collector in a folder of the test's own, on a warehouse that is
// away unless the options name one.
func open(t testing.TB, o Options) *Collector {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Warehouse == nil {
		o.Warehouse = away{}
	}
	if o.Sources == nil {
		o.Sources = testSources
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// post sends a body with the key "k" and returns the answer.
func post(t testing.TB, h http.Handler, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.SetBasicAuth("k", "")
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// logged returns all events in a collector's log.
func logged(t testing.TB, c *Collector) []blockEvent {
	t.Helper()
	reader := c.wal.reader(position{}, func(s segment, offset, bytes int64) { t.Errorf("damage in %s at %d", s.name(), offset) })
	b := &block{}
	for {
		payload, from, to, ok, err := reader.next()
		require.NoError(t, err)
		if !ok {
			break
		}
		b.add(payload, from, to, testTime)
	}
	require.NoError(t, reader.close())
	return b.events
}

func timeNow() time.Time { return testTime }
