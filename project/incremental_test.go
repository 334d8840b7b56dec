package project

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// loadIncremental loads a project with one incremental audience over two
// models, and says what is wrong with it.
func loadIncremental(t *testing.T, expires, sql string) Diagnostics {
	t.Helper()
	_, out := Load(writeProject(t, map[string]string{
		"tailrace.yml":      "",
		"models/orders.sql": "/* model */\nSELECT profile_id, user_id, properties.revenue::Float64 AS revenue, timestamp FROM events WHERE event = 'Order Completed'",
		"models/value.sql":  "/* model */\nSELECT profile_id, sum(revenue) AS total, max(timestamp) AS last_at FROM orders GROUP BY profile_id",
		"audiences/a.sql":   "/* audience\nincremental: { by: loaded_at" + expires + " }\n*/\n" + sql,
	}), testEnv)
	return out
}

func TestWhatBelongsToOneProfileCanBeIncremental(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"SELECT profile_id FROM events",
		"SELECT DISTINCT e.profile_id FROM events AS e WHERE e.type = 'track'",
		"SELECT profile_id, total FROM value WHERE total > 100 ORDER BY total",
		"SELECT profile_id, count() AS n FROM events GROUP BY 1 HAVING n > 2",
		"SELECT profile_id, event, count() AS n FROM events GROUP BY ALL",
		"SELECT profile_id, timestamp FROM events ORDER BY timestamp DESC LIMIT 1 BY profile_id",
		"WITH 90 AS days, o AS (SELECT * FROM orders) SELECT profile_id FROM o WHERE revenue > days",
		"SELECT v.profile_id, o.revenue FROM value AS v LEFT JOIN orders AS o ON o.profile_id = v.profile_id AND o.revenue > 5",
		"SELECT profile_id FROM value ANY LEFT JOIN (SELECT profile_id, count() AS n FROM events GROUP BY profile_id) AS c USING (profile_id) WHERE n > 1",
		"SELECT profile_id FROM value JOIN orders USING profile_id",
		"SELECT profile_id, row_number() OVER (PARTITION BY profile_id ORDER BY timestamp) AS nth FROM orders",
		"SELECT profile_id FROM events WHERE profile_id NOT IN (SELECT profile_id FROM orders WHERE revenue > 3)",
		"SELECT profile_id FROM value WHERE total IN (1, 2) AND last_at > '2026-01-01'",
		"SELECT profile_id FROM orders UNION DISTINCT SELECT profile_id FROM value",
		"SELECT profile_id, item FROM events ARRAY JOIN properties.items::Array(String) AS item WHERE item != ''",
	} {
		require.Empty(t, loadIncremental(t, "", sql), sql)
	}
	for _, sql := range []string{
		"SELECT profile_id, now() - max(timestamp) AS age, today() + 1 AS e FROM events GROUP BY profile_id",
		"SELECT profile_id, count() AS n, min(timestamp) + INTERVAL 7 DAY AS e FROM events WHERE type = 'track' AND timestamp > now() - INTERVAL 7 DAY GROUP BY profile_id",
	} {
		require.Empty(t, loadIncremental(t, ", expires: e", sql), sql)
	}
}

func TestWhatLooksAtOthersCanNot(t *testing.T) {
	t.Parallel()
	for sql, why := range map[string]string{
		"SELECT profile_id FROM events WHERE timestamp > (SELECT max(timestamp) FROM events)":                                                "subquery",
		"SELECT profile_id FROM events WHERE user_id IN (SELECT user_id FROM orders)":                                                        "subquery",
		"SELECT profile_id FROM events WHERE user_id IN (SELECT profile_id FROM orders)":                                                     "subquery",
		"SELECT profile_id FROM events WHERE NOT exists((SELECT 1 FROM orders))":                                                             "subquery",
		"SELECT profile_id FROM events WHERE event IN orders":                                                                                "IN with a name",
		"WITH (SELECT max(timestamp) FROM events) AS m SELECT profile_id FROM events WHERE timestamp = m":                                    "subquery",
		"SELECT profile_id FROM events LIMIT 10":                                                                                             "LIMIT",
		"SELECT profile_id FROM events LIMIT 1 BY user_id":                                                                                   "LIMIT",
		"SELECT profile_id, count() AS n FROM events GROUP BY profile_id WITH TOTALS":                                                        "WITH isn't followed",
		"SELECT profile_id, count() AS n FROM events GROUP BY ROLLUP(profile_id)":                                                            "GROUP BY",
		"SELECT profile_id FROM (SELECT min(profile_id) AS profile_id, user_id FROM events GROUP BY user_id)":                                "columns don't include profile_id as it is",
		"SELECT profile_id, (toUUID(user_id) AS profile_id) AS x FROM events":                                                                "another value is called profile_id",
		"SELECT profile_id, user_id profile_id FROM events":                                                                                  "another column is called profile_id",
		"SELECT profile_id, sum(total) OVER () AS all FROM value":                                                                            "window",
		"SELECT profile_id, sum(total) OVER (PARTITION BY last_at, total) AS all FROM value":                                                 "window",
		"SELECT v.profile_id FROM value AS v, orders AS o":                                                                                   "joined in a way",
		"SELECT v.profile_id FROM value AS v CROSS JOIN orders AS o":                                                                         "CROSS JOIN",
		"SELECT v.profile_id FROM value AS v RIGHT JOIN orders AS o USING (profile_id)":                                                      "RIGHT JOIN",
		"SELECT v.profile_id FROM value AS v JOIN orders AS o ON o.profile_id = v.profile_id OR o.revenue = 1":                               "isn't by profile_id",
		"SELECT v.profile_id FROM value AS v JOIN orders AS o ON NOT o.profile_id = v.profile_id":                                            "isn't by profile_id",
		"SELECT o.profile_id AS profile_id FROM value AS v LEFT JOIN orders AS o ON o.profile_id = v.profile_id":                             "columns don't include",
		"SELECT profile_id FROM events EXCEPT SELECT profile_id FROM orders":                                                                 "only UNION",
		"SELECT profile_id FROM events UNION ALL SELECT profile_id FROM identities":                                                          "identities may change without new events",
		"SELECT profile_id FROM tailrace.events":                                                                                             "tailrace.events",
		"SELECT profile_id FROM (SELECT profile_id FROM events ORDER BY timestamp LIMIT 5) WHERE 1":                                          "LIMIT",
		"SELECT profile_id FROM events WHERE event = 'x' AND toDate(timestamp) = today()":                                                    "reads the time",
		"SELECT profile_id FROM events WHERE (profile_id, user_id) IN (SELECT profile_id, user_id FROM orders)":                              "subquery",
		"SELECT v.profile_id FROM value AS v LEFT JOIN orders AS o USING (profile_id) WHERE o.profile_id IN (SELECT profile_id FROM events)": "subquery",
	} {
		out := loadIncremental(t, "", sql)
		require.Len(t, out, 1, sql)
		require.Equal(t, CodeIncremental, out[0].Code, sql)
		require.Contains(t, out[0].Message, why, sql)
	}
	for _, sql := range []string{
		"SELECT profile_id, 1 AS e FROM events WHERE timestamp < now() - INTERVAL 7 DAY",
		"SELECT profile_id, 1 AS e FROM events WHERE timestamp > now() - INTERVAL 7 DAY GROUP BY profile_id HAVING count() < 2",
		"SELECT profile_id, 1 AS e FROM events WHERE NOT timestamp > now()",
		"SELECT profile_id, 1 AS e FROM events WHERE timestamp > 5 - now()",
		"SELECT profile_id, e FROM (SELECT profile_id, now() AS e FROM events) WHERE e > 5",
		"SELECT profile_id, now() AS e FROM events WHERE timestamp < e",
		"SELECT profile_id, now() AS e FROM events UNION ALL SELECT profile_id, now() FROM events",
	} {
		out := loadIncremental(t, ", expires: e", sql)
		require.Len(t, out, 1, sql)
		require.Equal(t, CodeIncremental, out[0].Code, sql)
	}
}
