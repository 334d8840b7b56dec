package audiences_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

func TestModelsAndAudiencesAgreeOnTheLogicalTime(t *testing.T) {
	b := setup(t, map[string]string{
		"models/recent.sql":   "/* model */ SELECT profile_id, timestamp FROM events WHERE timestamp >= now() - INTERVAL 1 DAY",
		"models/counted.sql":  "/* model */ SELECT profile_id, count() AS n, now() AS at FROM recent GROUP BY profile_id",
		"audiences/awake.sql": "/* audience */ SELECT c.profile_id AS profile_id, c.n AS n, c.at = now() AS same, toDate(now()) AS today FROM counted AS c",
	})
	b.load(event{name: "Viewed", user: "u1", ago: 5 * time.Hour}, event{name: "Viewed", user: "u2", ago: 10 * day})
	b.resolve()
	b.now = start.Add(48 * time.Hour)
	m, err := b.a.Start(b.ctx, project.KindAudience, "awake", audiences.StartOptions{ID: "slot1", LogicalTime: start})
	require.NoError(t, err)
	again, err := b.a.Start(b.ctx, project.KindAudience, "awake", audiences.StartOptions{ID: "slot1", LogicalTime: start})
	require.NoError(t, err)
	require.Equal(t, m.Version, again.Version, "one id is one materialization")
	b.now = start.Add(50 * time.Hour)
	require.NoError(t, b.a.Run(b.ctx, m.ID))
	m = b.get(m.ID)
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.Equal(t, start, m.LogicalTime)
	require.Equal(t, []string{profile("user_id", "u1") + " 1 true 2026-06-01"},
		b.texts("SELECT concat(toString(profile_id), ' ', toString(n), ' ', toString(toBool(same)), ' ', toString(today)) FROM "+b.in("awake")))
	require.EqualValues(t, 0, b.audience("awake").Rows, "two days later nobody is")
}

func TestViewsFollowTheFiles(t *testing.T) {
	b := setup(t, map[string]string{
		"models/base.sql":     "/* model */ SELECT profile_id FROM events",
		"models/derived.sql":  "/* model */ SELECT profile_id, count() AS n FROM base GROUP BY profile_id",
		"audiences/some.sql":  "/* audience */ SELECT profile_id FROM derived",
		"audiences/other.sql": "/* audience */ SELECT profile_id FROM some",
		"models/late.sql":     "/* model */ SELECT profile_id FROM later",
		"models/later.sql":    "/* model */ SELECT profile_id FROM some",
	})
	b.load(event{name: "Viewed", user: "u1"})
	require.Equal(t, []string{"1"}, b.texts("SELECT toString(n) FROM "+b.in("derived")))
	m := b.audience("other")
	require.Equal(t, audiences.StateFailed, m.State)
	require.Equal(t, "audiences/other.sql:1:16: it reads the audience some, which has no result yet", m.Error)
	require.Equal(t, audiences.StatePublished, b.audience("some").State)
	require.Len(t, b.texts("SELECT toString(profile_id) FROM "+b.in("late")), 1, "models that read a result have a view once there is one")
	require.Equal(t, audiences.StatePublished, b.audience("other").State)
	b.write(map[string]string{"models/base.sql": "/* model */ SELECT profile_id FROM events WHERE event = 'none'", "audiences/other.sql": ""})
	require.Empty(t, b.texts("SELECT toString(n) FROM "+b.in("derived")))
	require.ElementsMatch(t, append([]string{"base", "derived", "late", "later", "some"}, project.PublicTables...),
		b.texts("SELECT name FROM system.tables WHERE database = ?", b.db.ProjectDatabase()))
}

func TestAFileThatFailsFailsAloneAtItsPlace(t *testing.T) {
	b := setup(t, map[string]string{
		"traits/orders.sql":    "/* trait */\nSELECT profile_id, count() AS n\nFROM events\nGROUP BY profile_id",
		"audiences/buyers.sql": "/* audience */\nSELECT profile_id FROM orders",
	})
	b.load(event{name: "Viewed", user: "u1"})
	require.Equal(t, audiences.StatePublished, b.materialize(project.KindTrait, "orders").State)
	require.Equal(t, audiences.StatePublished, b.audience("buyers").State)
	for body, want := range map[string]string{
		"SELECT profile_id,\n  count(revenu) AS n\nFROM events GROUP BY profile_id": "traits/orders.sql:3:9: unknown column revenu",
		"SELECT profile_id, toUInt8(throwIf(1, 'no')) AS n FROM events":             "traits/orders.sql:2:",
		"SELECT profile_id, file('/etc/passwd') AS n\nFROM events":                  "traits/orders.sql:2:20:",
		"SELECT profile_id, toInt64(user_id) AS n FROM events":                      "traits/orders.sql:2:1: the warehouse says: ",
	} {
		b.writeUnchecked(map[string]string{"traits/orders.sql": "/* trait */\n" + body})
		m := b.materialize(project.KindTrait, "orders")
		require.Equal(t, audiences.StateFailed, m.State, body)
		require.Contains(t, m.Error, want)
	}
	d, err := b.a.Definition(b.ctx, project.KindAudience, "buyers")
	require.NoError(t, err)
	require.True(t, d.Stale)
	require.Regexp(t, "^it reads the trait orders, whose version \\d failed: traits/orders.sql:", d.StaleCause)
	require.EqualValues(t, 1, d.Members, "the last good result stays")
	list, err := b.a.Definitions(b.ctx, project.KindTrait)
	require.NoError(t, err)
	require.True(t, list[0].Stale)
	require.EqualValues(t, 1, list[0].Published.Version)
}

func TestLimitsOfTimeMemoryAndRows(t *testing.T) {
	b := setup(t, map[string]string{
		"audiences/rows.sql":   "/* audience\nentity: none\nlimits: { rows: 10 }\n*/\nSELECT number AS id FROM numbers(11)",
		"audiences/fits.sql":   "/* audience\nentity: none\nlimits: { rows: 10 }\n*/\nSELECT number AS id FROM numbers(10)",
		"audiences/time.sql":   "/* audience\nentity: none\nlimits: { time: 1s }\n*/\nSELECT id FROM (SELECT number AS id, sum(cityHash64(number)) OVER () AS s FROM numbers(1000000000000)) WHERE id < s % 2",
		"audiences/memory.sql": "/* audience\nentity: none\nlimits: { memory: 50MiB }\n*/\nSELECT id FROM (SELECT number AS id, groupArray(number) OVER () AS s FROM numbers(100000000)) WHERE id < length(s) % 2",
	})
	require.Contains(t, b.audience("rows").Error, "audiences/rows.sql:5:1: it returns more than the 10 rows that limits allow")
	require.Equal(t, audiences.StatePublished, b.audience("fits").State)
	require.Contains(t, b.audience("time").Error, "raise limits: { time: … }")
	require.Contains(t, b.audience("memory").Error, "raise limits: { memory: … }")
}
