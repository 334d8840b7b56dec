package warehouse_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

func TestSmoke(t *testing.T) {
	warehousetest.DSN(t)
	for range 3 {
		t0 := time.Now()
		warehousetest.Open(t)
		t.Log("open+migrate", time.Since(t0))
	}
	db := warehousetest.Open(t)
	ctx := t.Context()
	t.Log(db.Version())
	require.NoError(t, db.Exec(ctx, "CREATE TABLE t (k String, n UInt64, at DateTime64(3,'UTC'), j JSON) ENGINE=MergeTree ORDER BY k SETTINGS non_replicated_deduplication_window=100"))
	at := time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC)
	rows := [][]any{{"a", uint64(1), at, `{"x":1,"y":{"z":"s"}}`}, {"b", uint64(2), at, `{"x":"str"}`}}
	cols := []string{"k", "n", "at", "j"}
	require.NoError(t, db.Insert(ctx, "t", cols, rows, warehouse.InsertOptions{Token: "x"}))
	require.NoError(t, db.Insert(ctx, "t", cols, rows, warehouse.InsertOptions{Token: "x"}))
	var n uint64
	require.NoError(t, db.Get(ctx, &n, "SELECT count() FROM t WHERE at = ?", at))
	require.EqualValues(t, 2, n)
	var js []string
	require.NoError(t, db.Select(ctx, &js, "SELECT toString(j) FROM t ORDER BY k"))
	t.Log(js)
	t0 := time.Now()
	for range 100 {
		require.NoError(t, db.Get(ctx, &n, "SELECT 1::UInt64"))
	}
	t.Log("select 1:", time.Since(t0)/100)
	t0 = time.Now()
	for i := range 100 {
		require.NoError(t, db.Get(ctx, &n, "SELECT 1::UInt64", warehouse.Settings{"max_block_size": 1000 + i}))
	}
	t.Log("select 1 with settings:", time.Since(t0)/100)
	require.ErrorIs(t, db.Get(ctx, &n, "SELECT 1::UInt64 WHERE 0"), warehouse.ErrNoRows)
	r, err := db.Query(ctx, "SELECT 1::UInt64 AS a, 'x' AS b WHERE 0")
	require.NoError(t, err)
	t.Log(r.Columns(), r.Next(), r.Err())
}
