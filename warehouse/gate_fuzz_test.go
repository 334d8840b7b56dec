package warehouse_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
)

// gatePayloads are what must never pass, by what it is.
func gatePayloads(db *warehouse.DB, file string) []string {
	return []string{
		"length(file('" + file + "'))",
		"arrayMap(file, ['" + file + "'])[1]",
		"(SELECT length(max(password)) FROM " + db.Database() + ".secret)",
		"(('p', 'hidden') IN secret)",
		"(SELECT count() FROM url('http://127.0.0.1:1/', 'CSV', 'a String'))",
		"(SELECT * APPLY(sleep) FROM (SELECT 3 AS x))",
		"rand()",
		"(SELECT 1 SETTINGS max_execution_time = 0)",
	}
}

// gatePlaces are the places of a query where an expression can stand.
var gatePlaces = strings.Split(`SELECT %s AS x
SELECT 1 AS a, [%s] AS b
SELECT -%s AS x
SELECT if(1, 2, %s) AS x
SELECT CASE WHEN 1 THEN %s END AS x
SELECT x -> %s AS f
SELECT arrayMap(x -> x + %s, [1]) AS y
SELECT sumIf(total, %s = 1) AS s FROM orders
SELECT quantile(%s)(total) AS q FROM orders
SELECT sum(total) OVER (PARTITION BY %s) AS s FROM orders
SELECT sum(total) OVER (ORDER BY %s) AS s FROM orders
SELECT sum(total) OVER w AS s FROM orders WINDOW w AS (ORDER BY %s)
SELECT total FROM orders PREWHERE %s = 1
SELECT total FROM orders WHERE %s = 1
SELECT total FROM orders WHERE total IN (%s, 2)
SELECT total FROM orders WHERE total BETWEEN 1 AND %s
SELECT total FROM orders WHERE EXISTS (SELECT %s AS x)
SELECT max(total) AS m FROM orders GROUP BY %s
SELECT max(total) AS m FROM orders GROUP BY ROLLUP(%s)
SELECT max(total) AS m FROM orders HAVING %s = 1
SELECT total FROM orders QUALIFY row_number() OVER () = %s
SELECT total FROM orders ORDER BY %s
SELECT total FROM orders ORDER BY total WITH FILL FROM %s
SELECT total FROM orders ORDER BY total WITH FILL TO %s STEP 1
SELECT total, at FROM orders ORDER BY total WITH FILL INTERPOLATE (at AS %s)
SELECT total FROM orders LIMIT %s
SELECT total FROM orders LIMIT 1 OFFSET %s
SELECT total FROM orders LIMIT 1 BY %s
SELECT o.total AS x FROM orders AS o JOIN orders AS p ON o.total = %s
SELECT total FROM orders ARRAY JOIN [%s] AS x
SELECT n FROM values('n UInt64', %s)
SELECT number FROM numbers(%s)
SELECT x FROM (SELECT %s AS x)
WITH a AS (SELECT %s AS x) SELECT x FROM a
WITH %s AS a SELECT a AS x
WITH a AS (SELECT %s AS x) SELECT 1 AS y
SELECT 1 AS x UNION ALL SELECT %s
SELECT 1 AS x EXCEPT SELECT %s
SELECT * REPLACE (%s AS total) FROM orders
SELECT COLUMNS('total') APPLY(x -> x + %s) FROM orders
SELECT %s::String AS x
SELECT tuple(%s).1 AS x
SELECT /* ; */ %s AS x -- */`, "\n")

func TestGateRefusesDangerInEveryPlace(t *testing.T) {
	t.Parallel()
	db, options, file := openGate(t)
	options.MaxTime = 2 * time.Second
	var secret string
	require.NoError(t, db.Get(t.Context(), &secret, "SELECT file('"+file+"')", options.Limits()))
	require.Equal(t, "tell nobody", secret, "without the gate, a read-only statement reads the file")
	for _, place := range gatePlaces {
		for _, payload := range gatePayloads(db, file) {
			sql := fmt.Sprintf(place, payload)
			start := time.Now()
			_, err := db.Check(t.Context(), sql, options)
			var gateErr *warehouse.GateError
			require.ErrorAs(t, err, &gateErr, sql)
			require.NotContains(t, gateErr.Error(), "tell nobody", sql)
			require.Less(t, time.Since(start), 3*time.Second, sql)
		}
	}
}

// FuzzGate asserts of any text that it is refused with a place, or else reads
// allowed tables only and runs within its limits.
func FuzzGate(f *testing.F) {
	for _, sql := range []string{
		"", "SELECT 1 AS a", "SELECT profile_id FROM orders WHERE total > 1", "SELECT arrayMap(file, ['x']) AS a",
		"WITH a AS (SELECT * FROM orders) SELECT * FROM a", "SELECT * APPLY(file) FROM (SELECT 'x' AS x)", "SELECT now() AS n;",
		"SELECT * FROM secret", "SELECT 1 INTO OUTFILE 'x'", "SELECT 1 AS `a\x01`", "SELECT x IN (secret) AS y", "SELECT $$a$$ AS b -- c",
	} {
		f.Add(sql)
	}
	db, options, _ := openGate(f)
	options.MaxTime, options.MaxMemory = time.Second, 200<<20
	f.Fuzz(func(t *testing.T, sql string) {
		checked, err := db.Check(t.Context(), sql, options)
		var gateErr *warehouse.GateError
		if errors.As(err, &gateErr) {
			require.Positive(t, gateErr.Line)
			require.Positive(t, gateErr.Column)
			require.NotEmpty(t, gateErr.Message)
			require.LessOrEqual(t, gateErr.Line, 1+strings.Count(sql, "\n"))
			return
		}
		require.NoError(t, err, sql)
		for _, table := range checked.Tables {
			name, inProject := strings.CutPrefix(table, db.ProjectDatabase()+".")
			require.True(t, inProject && options.AllowedTables[name], table)
		}
		rows, err := db.Query(t.Context(), checked.Wrap(10), options.Limits(), warehouse.LaneUser)
		if err != nil {
			return
		}
		for rows.Next() {
		}
		_ = rows.Close()
	})
}
