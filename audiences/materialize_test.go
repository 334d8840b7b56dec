package audiences_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
)

const lapsed = `/* audience
description: Spent over 100 and bought nothing for 30 days
because: [big_spender, lapsed]
*/
SELECT profile_id,
    sum(properties.revenue::Float64) AS spent, -- all orders
    spent > 100 AS big_spender,
    max(timestamp) < now() - INTERVAL 30 DAY AS lapsed
FROM events
WHERE event = 'Order Completed'
GROUP BY profile_id
HAVING big_spender AND lapsed
`

func TestAnAudienceIsMaterializedAndPublished(t *testing.T) {
	b := setup(t, map[string]string{"audiences/lapsed.sql": lapsed})
	b.load(
		event{name: "Order Completed", user: "u1", revenue: 150, ago: 40 * day},
		event{name: "Order Completed", user: "u2", revenue: 150, ago: 3 * day},
		event{name: "Order Completed", anon: "a3", revenue: 90, ago: 50 * day},
		event{name: "Order Completed", anon: "a3", revenue: 90, ago: 45 * day},
	)
	b.resolve()
	m := b.audience("lapsed")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.EqualValues(t, 2, m.Rows)
	require.EqualValues(t, 2, m.Entered)
	require.Equal(t, start, m.LogicalTime)
	require.ElementsMatch(t, []string{profile("user_id", "u1"), profile("anonymous_id", "a3")},
		b.texts("SELECT toString(profile_id) FROM "+b.in("lapsed")))
	require.ElementsMatch(t, []string{
		"1 enter " + profile("anonymous_id", "a3") + " big_spender+lapsed",
		"1 enter " + profile("user_id", "u1") + " big_spender+lapsed",
	}, b.changes("lapsed"))

	b.load(event{name: "Order Completed", user: "u1", revenue: 10, ago: day})
	m = b.audience("lapsed")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.EqualValues(t, 1, m.Exited)
	require.EqualValues(t, 2, m.Version)
	require.Contains(t, b.changes("lapsed"), "2 exit "+profile("user_id", "u1")+" big_spender+lapsed")

	m = b.audience("lapsed")
	require.Equal(t, audiences.StateUnchanged, m.State)
	require.Len(t, b.changes("lapsed"), 3)
}
