package warehouse_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

const createT = "CREATE TABLE t (k String, n UInt64, at DateTime64(3, 'UTC') DEFAULT now64(3), opt Nullable(String)) " +
	"ENGINE = MergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 100"

func count(t *testing.T, db *warehouse.DB) uint64 {
	t.Helper()
	var n uint64
	require.NoError(t, db.Get(t.Context(), &n, "SELECT count() FROM t"))
	return n
}

// Driver pitfall 2: after an error the outcome is unknown, and the same rows
// with the same token are harmless.
func TestInsertTokenWritesOnce(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		ctx := t.Context()
		require.NoError(t, db.Exec(ctx, createT))
		rows := [][]any{{"a", uint64(1), "x"}, {"b", uint64(2), nil}}
		for range 3 {
			require.NoError(t, db.Insert(ctx, "t", []string{"k", "n", "opt"}, rows, warehouse.InsertOptions{Token: "one"}))
		}
		require.EqualValues(t, 2, count(t, db))
		require.NoError(t, db.Insert(ctx, "t", []string{"k", "n", "opt"}, rows, warehouse.InsertOptions{Token: "two"}))
		require.EqualValues(t, 4, count(t, db))
	})
}

// Engine semantics: with a window, identical blocks without a token are
// silently dropped; Insert switches that off.
func TestInsertWithoutTokenKeepsIdenticalBlocks(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		require.NoError(t, db.Exec(t.Context(), createT))
		for range 3 {
			require.NoError(t, db.Insert(t.Context(), "t", []string{"k", "n"}, [][]any{{"heartbeat", uint64(1)}}, warehouse.InsertOptions{}))
		}
		require.EqualValues(t, 3, count(t, db))
	})
}

// Driver pitfall 4: one bad row poisons the batch; Insert names it, sends
// nothing, and the rest can be inserted.
func TestInsertNamesTheBadRow(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		ctx := t.Context()
		require.NoError(t, db.Exec(ctx, createT))
		rows := [][]any{{"a", uint64(1)}, {"b", "no number"}, {"c", uint64(3)}}
		err := db.Insert(ctx, "t", []string{"k", "n"}, rows, warehouse.InsertOptions{})
		var bad *warehouse.RowError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, 1, bad.Row)
		require.Equal(t, "n", bad.Column)
		require.Zero(t, count(t, db))
		require.NoError(t, db.Insert(ctx, "t", []string{"k", "n"}, [][]any{rows[0], rows[2]}, warehouse.InsertOptions{}))
		require.EqualValues(t, 2, count(t, db))
		require.ErrorAs(t, db.Insert(ctx, "t", []string{"k", "n"}, [][]any{{"a"}}, warehouse.InsertOptions{}), &bad)
		require.ErrorContains(t, db.Insert(ctx, "t", []string{"k", "nope"}, rows, warehouse.InsertOptions{}), "no column nope")
	})
}

// Driver pitfall 5: times beyond 2262 wrap around, the zero time becomes 1970.
func TestInsertRefusesTimesThatWrap(t *testing.T) {
	db := warehousetest.OpenEmpty(t)
	require.NoError(t, db.Exec(t.Context(), "CREATE DATABASE "+db.Database(), warehouse.Admin))
	require.NoError(t, db.Exec(t.Context(), createT))
	wraps := time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, at := range []any{wraps, &wraps, time.Time{}, time.Date(1899, 1, 1, 0, 0, 0, 0, time.UTC)} {
		var bad *warehouse.RowError
		require.ErrorAs(t, db.Insert(t.Context(), "t", []string{"k", "at"}, [][]any{{"a", at}}, warehouse.InsertOptions{}), &bad)
		require.Equal(t, "at", bad.Column)
	}
	last := time.Date(2262, 4, 10, 23, 59, 59, 999e6, time.UTC)
	require.NoError(t, db.Insert(t.Context(), "t", []string{"k", "at"}, [][]any{{"a", last}}, warehouse.InsertOptions{}))
	var back time.Time
	require.NoError(t, db.Get(t.Context(), &back, "SELECT at FROM t"))
	require.True(t, last.Equal(back), back)
}

// Driver pitfall 13: column types are remembered, and asked for again after a
// change.
func TestInsertSeesNewColumns(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		ctx := t.Context()
		require.NoError(t, db.Exec(ctx, createT))
		require.NoError(t, db.Insert(ctx, "t", []string{"k"}, [][]any{{"a"}}, warehouse.InsertOptions{}))
		require.NoError(t, db.Exec(ctx, "ALTER TABLE t ADD COLUMN extra String, MODIFY COLUMN n String"))
		require.NoError(t, db.Insert(ctx, "t", []string{"k", "n", "extra"}, [][]any{{"b", "text", "x"}}, warehouse.InsertOptions{}))
		require.EqualValues(t, 2, count(t, db))
	})
}

// Driver pitfall 1: an INSERT whose body is empty is refused, before the engine
// and by it.
func TestEmptyInsertBodyIsRefused(t *testing.T) {
	db := warehousetest.OpenEmpty(t)
	require.NoError(t, db.Exec(t.Context(), "CREATE DATABASE "+db.Database(), warehouse.Admin))
	require.NoError(t, db.Exec(t.Context(), createT))
	target := "http://embedded/?database=" + db.Database() + "&query=INSERT+INTO+t+%28k%29+FORMAT+Native"
	for name, transport := range map[string]http.RoundTripper{
		"engine": db.RoundTripper(),
		"guard": warehouse.GuardedTransport(roundTrip(func(*http.Request) (*http.Response, error) {
			t.Error("the empty insert reached the server")
			return nil, io.EOF
		})),
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, io.NopCloser(strings.NewReader("")))
		require.NoError(t, err)
		res, err := transport.RoundTrip(req)
		if name == "guard" {
			require.ErrorContains(t, err, "empty body")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, http.StatusInternalServerError, res.StatusCode)
		require.Equal(t, "108", res.Header.Get("X-ClickHouse-Exception-Code"))
		require.NoError(t, res.Body.Close())
	}
	require.Zero(t, count(t, db))
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

var errBroken = errors.New("the body broke off")

// broken yields a part of a body and then fails.
type broken struct{ rest io.Reader }

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	if err == io.EOF {
		err = errBroken
	}
	return n, err
}

// An insert whose body breaks off writes nothing, even after whole blocks.
func TestBrokenInsertBodyWritesNothing(t *testing.T) {
	db := warehousetest.OpenEmpty(t)
	require.NoError(t, db.Exec(t.Context(), "CREATE DATABASE "+db.Database(), warehouse.Admin))
	require.NoError(t, db.Exec(t.Context(), createT))
	var block strings.Builder
	require.NoError(t, db.StreamFormat(t.Context(), &block, "SELECT toString(number) AS k FROM numbers(2000000)", "Native"))
	whole := block.String()
	send := func(body io.Reader) (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			"http://embedded/?database="+db.Database()+"&query=INSERT+INTO+t+%28k%29+FORMAT+Native", io.NopCloser(body))
		require.NoError(t, err)
		return db.RoundTripper().RoundTrip(req)
	}
	for _, cut := range []int{10, 1000, len(whole) / 20} {
		_, err := send(&broken{rest: strings.NewReader(whole[:cut])})
		require.ErrorIs(t, err, errBroken)
		require.Zero(t, count(t, db))
		// A body that merely ends early is an error of the format.
		res, err := send(strings.NewReader(whole[:cut]))
		require.NoError(t, err)
		require.Equal(t, http.StatusInternalServerError, res.StatusCode)
		require.NoError(t, res.Body.Close())
	}
	res, err := send(strings.NewReader(whole))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.EqualValues(t, 2000000, count(t, db))
}

func TestInsertOfManyRows(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		require.NoError(t, db.Exec(t.Context(), createT))
		rows := make([][]any, 100_000)
		for i := range rows {
			rows[i] = []any{strings.Repeat("k", i%50), uint64(i)}
		}
		require.NoError(t, db.Insert(t.Context(), "t", []string{"k", "n"}, rows, warehouse.InsertOptions{Lane: warehouse.LaneIngest}))
		var parts uint64
		require.NoError(t, db.Get(t.Context(), &parts, "SELECT count(DISTINCT _part) FROM t"))
		require.EqualValues(t, 1, parts)
		require.EqualValues(t, len(rows), count(t, db))
		require.NoError(t, db.Insert(t.Context(), "t", []string{"k"}, nil, warehouse.InsertOptions{}))
	})
}
