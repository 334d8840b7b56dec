package warehouse_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
)

// requireCode fails unless err is the engine's typed exception with the code.
func requireCode(t *testing.T, code int32, err error) {
	t.Helper()
	var exception *clickhouse.Exception
	require.ErrorAs(t, err, &exception)
	require.Equal(t, code, exception.Code, exception.Message)
}

func TestValuesRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		ctx := t.Context()
		at := time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC)
		for _, c := range []struct {
			value      any
			text, kind string
		}{
			{"a'b\\\t\n\r\x00ü; DROP TABLE x --", "a'b\\\t\n\r\x00ü; DROP TABLE x --", "String"},
			{`\N`, `\N`, "String"},
			{"", "", "String"},
			{[]byte("x\x00y"), "x\x00y", "String"},
			{true, "true", "Bool"},
			{-5, "-5", "Int64"},
			{uint64(1 << 63), "9223372036854775808", "UInt64"},
			{uint8(7), "7", "UInt8"},
			{1.5, "1.5", "Float64"},
			{at, "2024-01-02 03:04:05.678", "DateTime64(3, 'UTC')"},
			{at.In(time.FixedZone("x", 3600)), "2024-01-02 03:04:05.678", "DateTime64(3, 'UTC')"},
			{time.Date(1960, 1, 1, 0, 0, 0, 500e6, time.UTC), "1960-01-01 00:00:00.500", "DateTime64(3, 'UTC')"},
			{[]string{"a'b", `c\`, "d\n"}, `['a\'b','c\\','d\n']`, "Array(String)"},
			{[]string{}, "[]", "Array(String)"},
			{[]int{1, 2}, "[1,2]", "Array(Int64)"},
			{map[string]string{"k": "v'"}, `{'k':'v\''}`, "Map(String, String)"},
		} {
			var row struct {
				Text string `ch:"text"`
				Kind string `ch:"kind"`
			}
			require.NoError(t, db.Get(ctx, &row, "SELECT toString(? AS x) AS text, toTypeName(x) AS kind", c.value))
			require.Equal(t, c.text, row.Text)
			require.Equal(t, c.kind, row.Kind)
			require.NoError(t, db.Get(ctx, &row, "SELECT toString({v:"+c.kind+"} AS x) AS text, toTypeName(x) AS kind", warehouse.P{"v": c.value}))
			require.Equal(t, c.text, row.Text)
		}
	})
}

// Driver pitfall 6: `?` and named values bind times at second precision.
func TestTimesKeepMilliseconds(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		at := time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC)
		var same bool
		require.NoError(t, db.Get(t.Context(), &same, "SELECT ? = toDateTime64('2024-01-02 03:04:05.678', 3, 'UTC')", at))
		require.True(t, same)
		require.NoError(t, db.Get(t.Context(), &same, "SELECT {at:DateTime64(3)} = toDateTime64('2024-01-02 03:04:05.678', 3, 'UTC')", warehouse.P{"at": at}))
		require.True(t, same)
		require.ErrorContains(t, db.Get(t.Context(), &same, "SELECT {at:DateTime} = 1", warehouse.P{"at": at}), "fraction")
	})
}

// Driver pitfall 7: NULL needs a pointer.
func TestNullNeedsAPointer(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		var text string
		require.Error(t, db.Get(t.Context(), &text, "SELECT CAST(NULL AS Nullable(String))"))
		pointer := &text
		require.NoError(t, db.Get(t.Context(), &pointer, "SELECT CAST(NULL AS Nullable(String))"))
		require.Nil(t, pointer)
	})
}

func TestSettingsAreOfOneStatement(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		ctx := t.Context()
		var before, during, after uint64
		const sql = "SELECT toUInt64(getSetting('max_block_size'))"
		require.NoError(t, db.Get(ctx, &before, sql))
		for range 20 {
			require.NoError(t, db.Get(ctx, &during, sql, warehouse.Settings{"max_block_size": 77}))
			require.EqualValues(t, 77, during)
			require.NoError(t, db.Get(ctx, &after, sql))
			require.Equal(t, before, after)
		}
		// A statement that can't even start leaves nothing behind either.
		requireCode(t, 115, db.Exec(ctx, "SELECT 1", warehouse.Settings{"max_block_size": 77, "no_such_setting": 1}))
		require.NoError(t, db.Exec(ctx, "SET max_block_size = 78"))
		require.NoError(t, db.Exec(ctx, "CREATE TEMPORARY TABLE session_only (x UInt8)"))
		for range 20 {
			require.NoError(t, db.Get(ctx, &after, sql))
			require.Equal(t, before, after)
			requireCode(t, 60, db.Exec(ctx, "SELECT * FROM session_only"))
		}
	})
}

// async_insert is on by default since 26.3; days are UTC everywhere.
func TestDefaultsOfEveryStatement(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		var async bool
		require.NoError(t, db.Get(t.Context(), &async, "SELECT getSetting('async_insert')"))
		require.False(t, async)
		var zone, database string
		require.NoError(t, db.Get(t.Context(), &zone, "SELECT timezone()"))
		require.Equal(t, "UTC", zone)
		require.NoError(t, db.Get(t.Context(), &database, "SELECT currentDatabase()"))
		require.Equal(t, db.Database(), database)
	})
}

// Driver pitfall 8 and conclusion 13: a context with a deadline adds
// max_execution_time, which readonly=1 must not refuse.
func TestReadonlyWithDeadline(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		readonly := warehouse.Settings{"readonly": 1, "max_memory_usage": 100 << 20}
		for range 3 {
			require.NoError(t, db.Exec(ctx, "SELECT 1", readonly))
			requireCode(t, 164, db.Exec(ctx, "CREATE TABLE refused (x UInt8) ENGINE = Memory", readonly))
		}
		require.NoError(t, db.Exec(ctx, "CREATE TABLE allowed (x UInt8) ENGINE = Memory"))
	})
}

func TestExceptionsAreTyped(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		ctx := t.Context()
		requireCode(t, 60, db.Exec(ctx, "SELECT * FROM no_such_table"))
		requireCode(t, 62, db.Exec(ctx, "SELEC 1"))
		requireCode(t, 241, db.Exec(ctx, "SELECT groupArray(number) FROM numbers(100000000)", warehouse.Settings{"max_memory_usage": 50 << 20}))
		var n uint8
		require.ErrorIs(t, db.Get(ctx, &n, "SELECT 1 WHERE 0"), warehouse.ErrNoRows)
		// Driver pitfall 16: no rows come with an error.
		rows, err := db.Query(ctx, "SELECT * FROM no_such_table")
		requireCode(t, 60, err)
		require.Nil(t, rows)
	})
}

func TestMoreThanOneStatementIsRefused(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		ctx := t.Context()
		require.NoError(t, db.Exec(ctx, "CREATE TABLE kept (x UInt8) ENGINE = Memory"))
		for _, sql := range []string{
			"SELECT 1; DROP TABLE kept",
			"EXPLAIN AST SELECT 1; DROP TABLE kept",
			"SELECT ';' /* ; */; DROP TABLE kept",
			"SELECT $$'$$; DROP TABLE kept",
			"INSERT INTO kept VALUES (1); DROP TABLE kept",
		} {
			requireCode(t, 62, db.Exec(ctx, sql))
		}
		require.NoError(t, db.Exec(ctx, "SELECT ';' -- ;\n;"))
		var n uint64
		require.NoError(t, db.Get(ctx, &n, "SELECT count() FROM kept"))
		require.Zero(t, n)
	})
}

// Driver pitfall 12: an error after the first rows must not look like the end.
func TestErrorInMidStream(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		rows, err := db.Query(t.Context(), "SELECT number, throwIf(number = 6000000) FROM numbers(8000000)", warehouse.Settings{"max_threads": 1})
		require.NoError(t, err)
		n := 0
		for rows.Next() {
			n++
		}
		requireCode(t, 395, rows.Err())
		requireCode(t, 395, rows.Close())
		require.Positive(t, n)
		require.Less(t, n, 6000000)
	})
}

const endless = "SELECT count() FROM system.numbers WHERE NOT ignore(sipHash64(number))"

// requireNothingRuns waits until the engine runs no statement with the mark.
func requireNothingRuns(t *testing.T, db *warehouse.DB, mark string) {
	t.Helper()
	var left []string
	deadline := time.Now().Add(10 * time.Second)
	for {
		require.NoError(t, db.Select(t.Context(), &left, "SELECT toString((elapsed, is_cancelled, query)) FROM system.processes WHERE position(query, ?) > 0 AND query NOT LIKE '%system.processes%'", mark))
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			require.Empty(t, left, "a cancelled statement still runs")
		}
	}
}

// Driver pitfall 9: cancelling must stop the statement in the engine.
func TestContextEndsTheStatement(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		for i, sql := range []string{
			endless,
			"INSERT INTO FUNCTION null('x UInt64') SELECT sipHash64(number) FROM system.numbers",
		} {
			mark := fmt.Sprintf("mark_%s_%d", db.Database(), i)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			start := time.Now()
			err := db.Exec(ctx, sql+" SETTINGS max_block_size = 65409, max_threads = 1 -- "+mark)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Less(t, time.Since(start), 10*time.Second)
			requireNothingRuns(t, db, mark)
		}
	})
}

func TestClosingRowsEndsTheStatement(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		mark := "close_" + db.Database()
		rows, err := db.Query(t.Context(), "SELECT number FROM system.numbers -- "+mark)
		require.NoError(t, err)
		require.True(t, rows.Next())
		require.NoError(t, rows.Close())
		require.False(t, rows.Next())
		requireNothingRuns(t, db, mark)
	})
}

func TestKillByQueryID(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		ctx := t.Context()
		id := "kill-" + db.Database()
		result := make(chan error, 1)
		go func() { result <- db.Exec(ctx, endless, warehouse.QueryID(id)) }()
		require.NoError(t, db.Kill(ctx, "no-such-query"))
		require.Eventually(t, func() bool {
			require.NoError(t, db.Kill(ctx, id))
			select {
			case err := <-result:
				requireCode(t, 394, err)
				return true
			default:
				return false
			}
		}, 20*time.Second, 20*time.Millisecond)
	})
}

// Driver pitfall 10: open rows hold a connection; lanes keep it from starving
// other work.
func TestLanesAreApart(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		var open []*warehouse.Rows
		for range 4 {
			rows, err := db.Query(t.Context(), "SELECT number FROM system.numbers", warehouse.LaneUser)
			require.NoError(t, err)
			open = append(open, rows)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		require.Error(t, db.Exec(ctx, "SELECT 1", warehouse.LaneUser))
		require.NoError(t, db.Exec(t.Context(), "SELECT 1"))
		for _, rows := range open {
			require.NoError(t, rows.Close())
		}
		require.NoError(t, db.Exec(t.Context(), "SELECT 1", warehouse.LaneUser))
	})
}

func TestConcurrentStatements(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		require.NoError(t, db.Exec(t.Context(), "CREATE TABLE c (w UInt64, n UInt64) ENGINE = MergeTree ORDER BY n"))
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for w := range errs {
			wg.Go(func() {
				for i := range 10 {
					err := db.Insert(t.Context(), "c", []string{"w", "n"}, [][]any{{uint64(w), uint64(i)}}, warehouse.InsertOptions{})
					var n uint64
					err = errors.Join(err, db.Get(t.Context(), &n, "SELECT count() FROM c WHERE w = ?", w, warehouse.Settings{"max_block_size": 1000 + w}))
					if err == nil && n != uint64(i+1) {
						err = fmt.Errorf("worker %d saw %d rows of its %d", w, n, i+1)
					}
					errs[w] = errors.Join(errs[w], err)
				}
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
	})
}

// Driver pitfall 14: values of several types under one JSON path.
func TestJSONColumns(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		ctx := t.Context()
		require.NoError(t, db.Exec(ctx, "CREATE TABLE j (k UInt8, j JSON) ENGINE = MergeTree ORDER BY k"))
		texts := []string{`{"a":1}`, `{"a":"x"}`, `{"a":[1,"x"]}`, `{"a":1.5,"b":{"d":true}}`, `{}`, `{"a":18446744073709551615}`}
		var rows [][]any
		for i, text := range texts {
			rows = append(rows, []any{uint8(i), text})
		}
		require.NoError(t, db.Insert(ctx, "j", []string{"k", "j"}, rows, warehouse.InsertOptions{}))
		var back []string
		require.NoError(t, db.Select(ctx, &back, "SELECT toJSONString(j) FROM j ORDER BY k"))
		require.Len(t, back, len(texts))
		require.Equal(t, `{"a":18446744073709551615}`, back[5])
		// Driver pitfall 15: what JSON refuses fails the whole block.
		for _, text := range []string{`{"a":1,"a":2}`, `{"a":1e400}`, `{"a":`} {
			requireCode(t, 117, db.Insert(ctx, "j", []string{"k", "j"}, [][]any{{uint8(9), `{}`}, {uint8(9), text}}, warehouse.InsertOptions{}))
		}
		var n uint64
		require.NoError(t, db.Get(ctx, &n, "SELECT count() FROM j WHERE k = 9"))
		require.Zero(t, n)
	})
}
