package lex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tableNames writes references as kind:database.name@line:column.
func tableNames(sql string) string {
	var out []string
	for _, r := range Tables(Tokens(sql)) {
		name := r.Name
		if r.Database != "" {
			name = r.Database + "." + name
		}
		out = append(out, []string{"", "in ", "function ", "param ", "text "}[r.Kind]+name)
	}
	return strings.Join(out, ", ")
}

func TestTables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sql, want string }{
		{"SELECT 1", ""},
		{"SELECT a FROM t", "t"},
		{"FROM t SELECT a", "t"},
		{"select a from `my db`.\"t\"\"x\" as q final where b", "my db.t\"x"},
		{"SELECT * FROM a, b AS c, d.e f WHERE x = 1", "a, b, d.e"},
		{"SELECT * FROM a JOIN b USING x, y LEFT JOIN c ON a.x = c.x, d", "a, b, c, d"},
		{"SELECT * FROM a ASOF LEFT JOIN b ON a.x = b.x AND a.t >= b.t", "a, b"},
		{"SELECT * FROM a LEFT ARRAY JOIN arr AS x, arr2 AS y WHERE x", "a"},
		{"SELECT * FROM a ARRAY JOIN [1, 2] AS x JOIN b USING (x)", "a, b"},
		{"SELECT (SELECT max(x) FROM a), arrayMap(x -> x + 1, b) FROM c", "a, c"},
		{"SELECT * FROM (SELECT * FROM a UNION ALL SELECT * FROM b) JOIN (c) USING x", "a, b"},
		{"(SELECT * FROM a) UNION DISTINCT (SELECT * FROM b)", "a, b"},
		{"SELECT trim(BOTH ' ' FROM a), extract(YEAR FROM b), substring(c FROM 2 FOR 3) FROM d", "d"},
		{"SELECT a IS DISTINCT FROM b, c IS NOT DISTINCT FROM d FROM e", "e"},
		{"SELECT DISTINCT FROM e", "e"},
		{"SELECT * FROM a WHERE x IN b AND y NOT IN (SELECT y FROM c) AND z IN (1, 2)", "a, in b, c"},
		{"SELECT x GLOBAL IN db.b, y IN [1], z IN tuple(1), 1 IN NULL FROM a", "in db.b, a"},
		{"SELECT * FROM numbers(10), f.g(1) AS h", "function numbers, function f.g"},
		{"SELECT * FROM view(SELECT * FROM a) v JOIN b USING x", "function view, a, b"},
		{"SELECT * FROM {t:Identifier}, a", "param {t:Identifier}, a"},
		{"SELECT x IN {t:Identifier}, y IN {v:Array(String)} FROM a", "param {t:Identifier}, a"},
		{"SELECT * FROM 'file.csv'", "text file.csv"},
		{"SELECT * FROM $$file.csv$$", "text file.csv"},
		{"WITH x AS (SELECT * FROM a) SELECT * FROM x JOIN b USING k", "a, b"},
		{"WITH x AS (SELECT * FROM a), y AS (SELECT * FROM x) SELECT * FROM y, db.x", "a, db.x"},
		{"WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT n FROM x) SELECT * FROM x", ""},
		{"WITH x AS MATERIALIZED (SELECT * FROM a) SELECT * FROM x WHERE k IN x", "a"},
		{"WITH 1 + 1 AS two, (SELECT max(q) FROM a) AS top, x AS (SELECT 2) SELECT * FROM x WHERE v > top", "a"},
		{"SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) JOIN x USING k", "x"},
		{"WITH x AS (SELECT 1) SELECT * FROM (SELECT * FROM x UNION ALL SELECT * FROM y)", "y"},
		{"SELECT a, count() FROM t GROUP BY a WITH TOTALS ORDER BY a WITH FILL", "t"},
		{"SELECT a AS from, t.from FROM t", "t"},
		{"SELECT -- FROM x\n 'FROM y' /* FROM z */ FROM t", "t"},
		{"SELECT * FROM t SAMPLE 1/10 OFFSET 1/2 WINDOW w AS (PARTITION BY a ORDER BY b)", "t"},
		{"SELECT * FROM a PASTE JOIN b CROSS JOIN c", "a, b, c"},
		{"SELECT * FROM a; SELECT * FROM b", "a, b"},
		{"SELECT countIf(x IN s) OVER (PARTITION BY y ORDER BY z) FROM a", "in s, a"},
		{"SELECT x IN (b), y IN (db.c), z IN (d, e), v IN ('f') FROM a", "in b, in db.c, a"},
		{"SELECT a FROM t ORDER BY a WITH FILL FROM toDate('2026-01-01') TO b STEP 1", "t"},
		{"SELECT * FROM", ""},
		{"SELECT * FROM a JOIN", "a"},
		{") FROM a", "a"},
		{"SELECT * EXCEPT (a) FROM t", "t"},
		{"SELECT * FROM a EXCEPT SELECT * FROM b INTERSECT SELECT * FROM c", "a, b, c"},
	} {
		require.Equal(t, c.want, tableNames(c.sql), c.sql)
	}
}

func TestCTEs(t *testing.T) {
	t.Parallel()
	ctes := CTEs(Tokens("WITH 1 AS one, a AS (SELECT 1),\n `b c` AS (WITH d AS (SELECT 2) SELECT * FROM d)\nSELECT * FROM a"))
	require.Equal(t, []CTE{
		{Name: "a", Pos: Pos{Offset: 15, Line: 1, Column: 16}},
		{Name: "b c", Pos: Pos{Offset: 33, Line: 2, Column: 2}},
		{Name: "d", Pos: Pos{Offset: 48, Line: 2, Column: 17}},
	}, ctes)
}
