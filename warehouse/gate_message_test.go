package warehouse_test

import (
	"context"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
)

func TestGateErrorsPointIntoTheUsersText(t *testing.T) {
	t.Parallel()
	db, options, _ := openGate(t)
	for _, c := range []struct{ sql, want string }{
		{"SELECT profile_id,\n  last_order\nFROM customer_value",
			"2:3: unknown column last_order: did you mean last_order_at?"},
		{"SELECT now() AS a, today() AS b,\n/* é */ 'é' AS c, o.totall FROM orders AS o",
			"2:19: unknown column o.totall: did you mean o.total?"},
		{"SELECT profile_id\nFROM custmer_value", "2:6: unknown table custmer_value: did you mean customer_value?"},
		{"SELECT profile_id FROM orders\nWHERE countt() > 1", "2:7: the function countt can't be used: see docs for the functions that users' SQL may call"},
		{"SELECT now(), total\nFROM orders ORDER total", "2:19: syntax error at total: expected"},
		{"SELECT profile_id FROM orders WHERE", "1:36: syntax error at end of query: expected"},
		{"SELECT a\nFROM (SELECT 1 AS a", "2:6: this ( is never closed"},
		{"SELECT a )", "1:10: this ) closes nothing"},
		{"SELECT 1 AS a\nFORMAT JSON", "2:1: FORMAT can't stand here, since the reader chooses the format: remove it, or quote the name: `format`"},
		{"SELECT 1 AS a;\nSELECT 2", "2:1: a second statement begins here: keep one SELECT in a file"},
		{"SELECT\n  rand() AS r", "2:3: rand can't be used: it gives another answer at every call; take a hash of the key instead, such as cityHash64(profile_id)"},
		{"SELECT x FROM system.tables", "1:15: unknown table system.tables: users' SQL reads the public tables and the project's own views"},
		{"WITH orders AS (SELECT 1 AS a) SELECT a FROM orders", "1:6: WITH orders hides the table of that name: give it another name"},
		{"SELECT profile_id,\n now() - at FROM orders", "2:2: this column reads the clock and has no name of its own: give it one: … AS name"},
		{"SELECT dictGet('d', 'a', 1) AS x", "1:8: the function dictGet can't be used: join the table that holds the values instead"},
		{"SELECT a FROM orders\nWHERE profile_id = {id:String}", "2:20: nobody gives a value to the parameter id: write the value, or a table's name, itself"},
	} {
		_, err := db.Check(t.Context(), c.sql, options)
		var gateErr *warehouse.GateError
		require.ErrorAs(t, err, &gateErr, c.sql)
		require.Contains(t, err.Error(), c.want, c.sql)
		require.NotContains(t, err.Error(), db.ProjectDatabase(), c.sql)
	}
}

func TestCheckedStatement(t *testing.T) {
	t.Parallel()
	db, options, _ := openGate(t)
	checked, err := db.Check(t.Context(), "-- who\nSELECT o.profile_id AS id, today() AS day -- a day\nFROM orders AS o JOIN customer_value USING (profile_id), numbers(2) AS n;", options)
	require.NoError(t, err)
	project := db.ProjectDatabase()
	require.Equal(t, " \nSELECT o.profile_id AS id, toDate('2026-03-01') AS day  \nFROM `"+project+"`.`orders` AS o JOIN `"+project+"`.`customer_value` USING (profile_id), numbers(2) AS n ", checked.SQL)
	require.Equal(t, []string{project + ".customer_value", project + ".orders"}, checked.Tables)
	require.Equal(t, []warehouse.Column{{Name: "id", Type: "String"}, {Name: "day", Type: "Date"}}, checked.Columns)
	require.True(t, checked.ReadsTime)
	require.Equal(t, "SELECT * FROM (\n"+checked.SQL+"\n) LIMIT 5", checked.Wrap(5))
	require.Equal(t, "SELECT * FROM (\n"+checked.SQL+"\n)", checked.Wrap(0))
}

func TestGateWithoutLogicalTimeKeepsTheClock(t *testing.T) {
	t.Parallel()
	db, options, _ := openGate(t)
	options.Now = time.Time{}
	checked, err := db.Check(t.Context(), "SELECT now() AS n, CURRENT_DATE AS d", options)
	require.NoError(t, err)
	require.Equal(t, "SELECT now() AS n, CURRENT_DATE AS d", checked.SQL)
	require.True(t, checked.ReadsTime)
}

func TestAllowedTablesOfOtherDatabases(t *testing.T) {
	t.Parallel()
	db, options, _ := openGate(t)
	options.AllowedTables = map[string]bool{db.Database() + ".secret": true, "orders": false}
	checked, err := db.Check(t.Context(), "SELECT profile_id FROM secret", options)
	require.NoError(t, err, "an unqualified name may also be of the data's database")
	require.Equal(t, []string{db.Database() + ".secret"}, checked.Tables)
	_, err = db.Check(t.Context(), "SELECT profile_id FROM orders", options)
	require.Error(t, err)
	options.AllowedTables = nil
	_, err = db.Check(t.Context(), "SELECT 1 AS a", options)
	require.NoError(t, err)
}

func TestCheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db, options, _ := openGate(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := db.Check(ctx, "SELECT 1 AS a", options)
	require.ErrorIs(t, err, context.Canceled)
	var gateErr *warehouse.GateError
	require.NotErrorAs(t, err, &gateErr)
}

func TestLimitsHoldUnderALongerDeadline(t *testing.T) {
	t.Parallel()
	db, options, _ := openGate(t)
	options.MaxTime = time.Second
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	checked, err := db.Check(ctx, "SELECT sum(sipHash64(a.number, b.number)) AS s FROM numbers(10000000) AS a, numbers(10000000) AS b", options)
	require.NoError(t, err)
	for name, limits := range map[string]warehouse.Settings{"read": options.Limits(), "insert": options.InsertLimits()} {
		start := time.Now()
		var sum uint64
		err = db.Get(ctx, &sum, checked.Wrap(0), limits, warehouse.LaneUser)
		var exception *clickhouse.Exception
		require.ErrorAs(t, err, &exception, name)
		require.EqualValues(t, 159, exception.Code, name)
		require.Less(t, time.Since(start), 20*time.Second, name)
	}
	options.MaxRows, options.MaxReadRows = 10, 100
	var numbers []uint64
	checked, err = db.Check(ctx, "SELECT number FROM numbers(11)", options)
	require.NoError(t, err)
	require.Error(t, db.Select(ctx, &numbers, checked.Wrap(0), options.Limits(), warehouse.LaneUser))
	require.NoError(t, db.Select(ctx, &numbers, checked.Wrap(10), options.Limits(), warehouse.LaneUser))
	require.Len(t, numbers, 10)
	checked, err = db.Check(ctx, "SELECT max(number) AS m FROM numbers(1000)", options)
	require.NoError(t, err)
	require.Error(t, db.Select(ctx, &numbers, checked.Wrap(5), options.Limits(), warehouse.LaneUser), "more rows are read than the cap")
	require.Error(t, db.Exec(ctx, "CREATE TABLE "+db.Database()+".x (a UInt8) ENGINE = Memory", options.Limits(), warehouse.LaneUser), "read-only")
}
