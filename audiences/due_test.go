package audiences_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

// due lists what is due, as "name: reason".
func (b *bench) due() []string {
	b.Helper()
	b.now = b.now.Add(time.Minute)
	items, err := b.a.Due(b.ctx)
	require.NoError(b, err)
	out := []string{}
	for _, d := range items {
		out = append(out, d.Name+": "+d.Reason)
	}
	return out
}

// settle runs everything that is due until nothing is, and returns the names in order.
func (b *bench) settle() []string {
	b.Helper()
	var names []string
	for range 20 {
		b.now = b.now.Add(time.Minute)
		started, err := b.a.StartDue(b.ctx)
		require.NoError(b, err)
		if len(started) == 0 {
			return names
		}
		for _, m := range started {
			require.NoError(b, b.a.Run(b.ctx, m.ID))
			names = append(names, m.Name)
		}
	}
	b.Fatal("there is always something due")
	return nil
}

func TestWhatReadsChangedThingsIsDue(t *testing.T) {
	b := setup(t, map[string]string{
		"models/orders.sql":      "/* model */ SELECT profile_id, timestamp FROM events WHERE event = 'Order Completed'",
		"traits/order_count.sql": "/* trait */ SELECT profile_id, count() AS n FROM orders GROUP BY profile_id",
		"audiences/buyers.sql":   "/* audience */ SELECT profile_id FROM order_count",
		"audiences/asked.sql":    "/* audience\nschedule: manual\n*/ SELECT profile_id FROM events GROUP BY profile_id",
		"audiences/later.sql":    "/* audience\nschedule: { after: [buyers] }\n*/ SELECT profile_id FROM events GROUP BY profile_id",
		"audiences/agreed.sql":   "/* audience\nentity: none\n*/ SELECT value FROM consents WHERE category = 'marketing' GROUP BY value",
		"audiences/hourly.sql":   "/* audience\nschedule: every 1h\n*/ SELECT profile_id FROM events GROUP BY profile_id",
	})
	require.Equal(t, []string{"agreed: it has no result yet", "hourly: it has no result yet", "later: it has no result yet", "order_count: it has no result yet"}, sorted(b.due()))
	require.Contains(t, b.settle(), "buyers")
	require.Empty(t, b.due())

	b.load(event{name: "Order Completed", user: "u1"})
	require.Equal(t, []string{"order_count: changed: events"}, b.due(), "buyers waits for the trait")
	require.Equal(t, []string{"order_count", "buyers", "later"}, b.settle())

	b.load(event{name: "Viewed", user: "u1"})
	require.Equal(t, []string{"order_count"}, b.settle(), "the trait is unchanged, so nothing downstream moves")

	require.NoError(t, b.db.Exec(b.ctx, "INSERT INTO consents (kind, value, category, status, at, version) VALUES ('email', 'a', 'marketing', 'granted', now(), 1)"))
	require.Equal(t, []string{"agreed: changed: consents"}, b.due())
	b.settle()

	b.load(event{kind: "identify", user: "u1", anon: "a1"})
	b.resolve()
	require.Equal(t, []string{"order_count: changed: events"}, b.due())
	b.settle()

	b.write(map[string]string{"audiences/hourly.sql": "/* audience\nschedule: every 1h\ndescription: same rows\n*/ SELECT profile_id FROM events GROUP BY profile_id"})
	require.Empty(t, b.due(), "a description makes nothing run")
	b.write(map[string]string{"audiences/hourly.sql": "/* audience\nschedule: every 1h\n*/ SELECT profile_id FROM events WHERE event = 'x' GROUP BY profile_id"})
	require.Equal(t, []string{"hourly: its file has changed"}, b.due())
}

func TestAFileThatFailedIsNotTriedAgainAndAgain(t *testing.T) {
	b := setup(t, map[string]string{"audiences/twice.sql": "/* audience */ SELECT profile_id FROM events"})
	b.load(event{name: "Viewed", user: "u1"}, event{name: "Viewed", user: "u1"})
	require.Equal(t, []string{"twice"}, b.settle())
	require.Empty(t, b.due())
	b.load(event{name: "Viewed", user: "u1"})
	require.Equal(t, []string{"twice: changed: events"}, b.due())
}

func TestSlotsGiveTheLogicalTime(t *testing.T) {
	b := setup(t, map[string]string{
		"audiences/hourly.sql":  "/* audience\nschedule: every 1h\nentity: none\n*/ SELECT 1 AS id, now() AS at",
		"audiences/nightly.sql": "/* audience\nschedule: cron 0 3 * * * Europe/Berlin\nentity: none\n*/ SELECT 1 AS id",
		"audiences/changes.sql": "/* audience */ SELECT profile_id FROM events",
	})
	items, err := b.a.Items(b.ctx)
	require.NoError(t, err)
	require.Len(t, items, 2)
	require.Equal(t, "audience:hourly", items[0].Name)
	require.Equal(t, time.Hour, items[0].Spec.Every)
	require.Equal(t, "Europe/Berlin", items[1].Spec.Zone)
	slot := start.Add(-time.Hour)
	for range 2 { // firing a slot again is harmless
		require.NoError(t, items[0].Fire(b.ctx, slot, "job1"))
		require.NoError(t, b.a.Run(b.ctx, "job1"))
	}
	m := b.get("job1")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.Equal(t, slot, m.LogicalTime)
	require.Equal(t, audiences.TriggerSchedule, m.Trigger)
	require.Equal(t, []string{"2026-06-01 11:00:00"}, b.texts("SELECT toString(at) FROM "+b.in("hourly")))
}

func TestOneAtATimeForAName(t *testing.T) {
	b := setup(t, map[string]string{"audiences/all.sql": "/* audience */ SELECT profile_id FROM events GROUP BY profile_id"})
	first, err := b.a.Start(b.ctx, project.KindAudience, "all", audiences.StartOptions{})
	require.NoError(t, err)
	second, err := b.a.Start(b.ctx, project.KindAudience, "all", audiences.StartOptions{})
	require.NoError(t, err)
	require.Equal(t, first.ID, second.ID)
	tasks, err := b.a.Unfinished(b.ctx)
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	require.Equal(t, first.ID, tasks[0].ID)
	require.Contains(t, b.queue.ids, "materialize:"+first.ID)
	require.NoError(t, b.a.Run(b.ctx, first.ID))
	tasks, err = b.a.Unfinished(b.ctx)
	require.NoError(t, err)
	require.Empty(t, tasks)
	_, err = b.a.Start(b.ctx, project.KindAudience, "nobody", audiences.StartOptions{})
	require.ErrorIs(t, err, audiences.ErrNotFound)
	_, err = b.a.Start(b.ctx, project.KindModel, "all", audiences.StartOptions{})
	require.ErrorIs(t, err, audiences.ErrNotFound)
}
