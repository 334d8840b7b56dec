package audiences_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

func TestAnAudienceSeesTheHistoryFromBeforeSignIn(t *testing.T) {
	b := setup(t, map[string]string{"audiences/viewers.sql": `/* audience
because: [bought]
*/
SELECT profile_id, countIf(event = 'Viewed') AS views, countIf(event = 'Order Completed') > 0 AS bought
FROM events GROUP BY profile_id HAVING views >= 3`})
	b.load(event{name: "Viewed", anon: "a1", ago: 9 * day}, event{name: "Viewed", anon: "a1", ago: 8 * day},
		event{name: "Viewed", anon: "a2", ago: 8 * day})
	b.resolve()
	require.Zero(t, b.audience("viewers").Rows)
	b.load(event{kind: "identify", user: "u1", anon: "a1", ago: 2 * day}, event{name: "Viewed", user: "u1", anon: "a1", ago: day},
		event{name: "Order Completed", user: "u1", ago: day})
	b.resolve()
	m := b.audience("viewers")
	require.EqualValues(t, 1, m.Rows, m.Error)
	require.Equal(t, []string{"2 enter " + profile("anonymous_id", "a1") + " bought"}, b.changes("viewers"), "the older profile's id is kept")
}

func TestTwoUsersOfOneDeviceAreTwoMembers(t *testing.T) {
	b := setup(t, map[string]string{"audiences/all.sql": "/* audience */ SELECT profile_id FROM events GROUP BY profile_id"})
	b.load(event{kind: "identify", user: "u1", anon: "shared", ago: 3 * day}, event{kind: "identify", user: "u2", anon: "shared", ago: 2 * day},
		event{name: "Viewed", user: "u2", anon: "shared", ago: day})
	b.resolve()
	require.EqualValues(t, 2, b.audience("all").Rows)
}

func TestUserIDsAreResolvedThroughIdentities(t *testing.T) {
	b := setup(t, map[string]string{"audiences/crm.sql": `/* audience
key: user_id
*/
SELECT value.1 AS tier, value.2 AS user_id FROM (SELECT arrayJoin([('gold', 'u1'), ('gold', 'stranger'), ('gold', ''), ('gold', 'null'), ('iron', 'u2'), ('tin', 'u3')]) AS value)`})
	b.load(event{kind: "identify", user: "u1", anon: "a1", ago: 3 * day}, event{name: "Viewed", anon: "a1", ago: 5 * day},
		event{kind: "identify", user: "u2", anon: "a2", ago: 3 * day}, event{name: "Viewed", user: "u3", ago: 3 * day})
	b.resolve()
	m := b.audience("crm")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.EqualValues(t, 4, m.Rows)
	require.EqualValues(t, 2, m.DroppedKeys, "the empty and the blocked one")
	require.EqualValues(t, 1, m.UnresolvedKeys)
	require.ElementsMatch(t, []string{
		profile("anonymous_id", "a1") + " u1 gold", profile("user_id", "stranger") + " stranger gold", profile("user_id", "u2") + " u2 iron",
		profile("user_id", "u3") + " u3 tin",
	}, b.texts("SELECT concat(toString(profile_id), ' ', user_id, ' ', tier) FROM "+b.in("crm")))

	// u2 and u3 turn out to be one person: one row is kept.
	b.loadAlias("u2", "u3")
	b.resolve()
	m = b.audience("crm")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.EqualValues(t, 3, m.Rows)
	require.Contains(t, m.Reason, "1 rows are of people who have another row")
	require.Len(t, b.texts("SELECT tier FROM "+b.in("crm")+" WHERE user_id = 'u2'"), 1)
}

func TestDuplicateKeysAreAnErrorThatNamesThree(t *testing.T) {
	b := setup(t, map[string]string{"audiences/rows.sql": `/* audience
entity: none
*/
SELECT intDiv(number, 2) AS id, number FROM numbers(10)`})
	m := b.audience("rows")
	require.Equal(t, audiences.StateFailed, m.State)
	require.Regexp(t, `^audiences/rows.sql:4:1: several rows have the same id: \d, \d, \d \(group by it, or add LIMIT 1 BY id\)$`, m.Error)
	require.Empty(t, b.changes("rows"))

	b.write(map[string]string{"audiences/rows.sql": "/* audience\nkey: user_id\n*/\nSELECT arrayJoin(['x', 'x', 'y', '']) AS user_id"})
	m = b.audience("rows")
	require.Equal(t, audiences.StateFailed, m.State)
	require.Contains(t, m.Error, "several rows have the same user_id: x (group by")
}

func TestRawKeysKeepTheirTypeAndTheirText(t *testing.T) {
	b := setup(t, map[string]string{
		"audiences/orders.sql":  "/* audience\nentity: none\n*/\nSELECT number + 18446744073709551610 AS key, NULL AS note, [number] AS list FROM numbers(5)",
		"audiences/spaces.sql":  "/* audience\nentity: none\n*/\nSELECT arrayJoin([' a', 'A', 'a', NULL, '']) AS k",
		"audiences/version.sql": "/* audience\nentity: none\n*/\nSELECT 1 AS id, 2 AS version",
	})
	m := b.audience("orders")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.Equal(t, []string{"18446744073709551610"}, b.texts("SELECT toString(key) FROM "+b.in("orders")+" WHERE key = 18446744073709551610 AND note IS NULL"))
	m = b.audience("spaces")
	require.EqualValues(t, 3, m.Rows, m.Error)
	require.EqualValues(t, 2, m.DroppedKeys)
	require.Equal(t, []string{" a", "A", "a"}, b.texts("SELECT k FROM "+b.in("spaces")+" ORDER BY k"))
	require.Contains(t, b.audience("version").Error, "a column can't be called version")
}

func TestATraitHasOneValueAndStandsInProfiles(t *testing.T) {
	b := setup(t, map[string]string{
		"traits/orders.sql":      "/* trait\ntype: number\n*/\nSELECT profile_id, count() AS n FROM events WHERE event = 'Order Completed' GROUP BY profile_id",
		"audiences/regulars.sql": "/* audience */ SELECT profile_id FROM profiles WHERE orders >= 2",
	})
	b.load(event{kind: "identify", user: "u1", email: "ada@example.com", ago: 9 * day}, event{name: "Order Completed", user: "u1", ago: day},
		event{name: "Order Completed", user: "u1", ago: day}, event{name: "Order Completed", user: "u2", ago: day}, event{name: "Viewed", user: "u3"})
	b.resolve()
	m := b.materialize(project.KindTrait, "orders")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.Equal(t, []string{"u1 ada@example.com 2", "u2  1", "u3  \\N"},
		b.texts("SELECT concat(user_id, ' ', email, ' ', ifNull(toString(orders), '\\\\N')) FROM "+b.in("profiles")+" ORDER BY user_id"))
	m = b.audience("regulars")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.EqualValues(t, 1, m.Rows)
}
