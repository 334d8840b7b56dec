package audiences_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

const (
	spent = "SELECT profile_id, uniqExact(message_id) AS n, sum(revenue) AS total, argMax(user_id, (timestamp, message_id)) AS who FROM paid GROUP BY profile_id HAVING total > 10"
	// A row changes when its oldest purchase leaves the window, and goes when the newest does.
	recent = "SELECT profile_id, count() AS n, min(timestamp) + INTERVAL 10 DAY AS changes_at FROM events WHERE event = 'Paid' AND timestamp > now() - INTERVAL 10 DAY GROUP BY profile_id"
	never  = "SELECT e.profile_id AS profile_id, count() AS views FROM events AS e LEFT ANY JOIN (SELECT profile_id, count() AS paid FROM paid GROUP BY profile_id) AS p USING (profile_id)" +
		" WHERE e.event = 'Viewed' AND profile_id NOT IN (SELECT profile_id FROM paid WHERE revenue > 5) GROUP BY profile_id"
)

var incremental = map[string]string{
	"models/paid.sql":      "/* model */ SELECT profile_id, message_id, user_id, timestamp, properties.revenue::Float64 AS revenue FROM events WHERE event = 'Paid'",
	"traits/spent.sql":     "/* trait\nincremental: { by: loaded_at, lookback: 1ms, expires: until }\n*/\nSELECT profile_id, sum(revenue) AS total, max(timestamp) + INTERVAL 400 DAY AS until FROM paid GROUP BY profile_id",
	"audiences/big.sql":    "/* audience\nincremental: { by: loaded_at, lookback: 1ms }\nlimits: { max_shrink: 100% }\nexperiment: { holdout: 50%, salt: s }\n*/\n" + spent,
	"audiences/recent.sql": "/* audience\nincremental: { by: loaded_at, lookback: 1ms, expires: changes_at }\nlimits: { max_shrink: 100% }\n*/\n" + recent,
	"audiences/never.sql":  "/* audience\nincremental: { by: loaded_at, lookback: 1ms }\nlimits: { max_shrink: 100% }\n*/\n" + never,
}

// full are the rows that the statement has, asked for by itself, as texts.
func (b *bench) full(sql string, at time.Time) []string {
	sql = strings.NewReplacer("FROM paid", "FROM "+b.in("paid"), "now()", "toDateTime('"+at.Format(time.DateTime)+"', 'UTC')").Replace(sql)
	return b.texts("SELECT toString(tuple(*)) FROM (" + sql + ") WHERE profile_id != toUUID('00000000-0000-0000-0000-000000000000') ORDER BY 1")
}

// A random history of events, merges, erasures and days: after each step every
// incremental version is what its statement gives.
func TestIncrementalEqualsFull(t *testing.T) {
	b := setup(t, incremental)
	random := rand.New(rand.NewPCG(7, 11))
	someone := func() string { return fmt.Sprintf("u%d", random.IntN(30)) }
	steps, carried := 0, 0
	for round := range 6 {
		switch n := random.IntN(10); {
		case n < 6:
			var batch []event
			for range 2 + random.IntN(6) {
				batch = append(batch, event{name: []string{"Viewed", "Paid"}[random.IntN(2)], user: someone(), revenue: float64(random.IntN(12)), ago: time.Duration(random.IntN(20)) * day})
			}
			b.load(batch...)
		case n < 8:
			b.load(event{kind: "track", name: "Viewed", user: someone()})
			b.loadAlias(someone(), someone())
		case n == 8:
			b.texts("SELECT 'nothing new'")
		default:
			require.NoError(t, b.db.Exec(b.ctx, "DELETE FROM events_raw WHERE user_id = ?", someone()))
		}
		b.now = b.now.Add(time.Duration(random.IntN(9)) * time.Hour)
		b.resolve()
		for i, name := range []string{"big", "recent", "never"} {
			if i == round%3 {
				continue // the next time it takes two steps at once
			}
			sql := []string{spent, recent, never}[i]
			m := b.audience(name)
			require.Contains(t, []audiences.State{audiences.StatePublished, audiences.StateUnchanged}, m.State, m.Error)
			steps++
			if strings.HasPrefix(m.Reason, "incremental: ") {
				carried++
			}
			columns := map[string]string{"big": "profile_id, n, total, who", "recent": "profile_id, n, changes_at", "never": "profile_id, views"}[name]
			require.Equal(t, b.full(sql, m.LogicalTime), b.full("SELECT "+columns+" FROM "+b.in(name), m.LogicalTime), "%s after %d versions: %s", name, steps, m.Reason)
		}
	}
	require.Greater(t, carried, steps/3, "most versions were made of the one before")
	v, err := b.a.Verify(b.ctx, project.KindAudience, "never")
	require.NoError(t, err)
	require.Zero(t, v.Different, "%+v", v)
}

func TestVerifyNamesWhatDiffers(t *testing.T) {
	b := setup(t, incremental)
	paid := func(n int) event { return event{name: "Paid", user: fmt.Sprintf("u%d", n), revenue: 20} }
	b.load(paid(0), paid(1), paid(2), paid(3), paid(4))
	b.load(paid(5))
	b.resolve()
	_, err := b.a.Verify(b.ctx, project.KindAudience, "big")
	require.ErrorIs(t, err, audiences.ErrConflict, "there is no version yet")
	m := b.audience("big")
	require.Equal(t, "full pass: first version", m.Reason)
	b.load(event{name: "Paid", user: "u1", revenue: 5})
	m = b.audience("big")
	require.Regexp(t, "^incremental: [26] profiles computed anew", m.Reason, "the new one, and those within the lookback")
	require.EqualValues(t, 6, m.Rows)
	require.Equal(t, "incremental: 1 profiles computed anew", b.audience("big").Reason, "what came out equal is known to be right")
	v, err := b.a.Verify(b.ctx, project.KindAudience, "big")
	require.NoError(t, err)
	require.Zero(t, v.Different, "%+v", v)
	require.EqualValues(t, 6, v.Rows)

	// Somebody wrote into the published version, and took a member out.
	table := b.db.Database() + "." + m.Table
	require.NoError(t, b.db.Exec(b.ctx, "ALTER TABLE "+table+" UPDATE total = 1 WHERE version = ? AND who = 'u2' SETTINGS mutations_sync = 1", m.Version))
	require.NoError(t, b.db.Exec(b.ctx, "DELETE FROM "+table+" WHERE version = ? AND who = 'u3'", m.Version))
	v, err = b.a.Verify(b.ctx, project.KindAudience, "big")
	require.NoError(t, err)
	require.EqualValues(t, 2, v.Different)
	texts := fmt.Sprintf("%s %s", v.Differences[0].Full, v.Differences[1].Full)
	require.Contains(t, texts, `"who":"u2"`)
	require.Contains(t, texts, `"who":"u3"`)
	require.Empty(t, b.texts("SELECT DISTINCT toString(version) FROM "+table+" WHERE version > 3"), "tries leave nothing behind")
	require.Empty(t, b.texts("SELECT name FROM system.tables WHERE database = ? AND startsWith(name, 'affected_')", b.db.Database()))

	// The next day's first version is a full pass.
	b.now = b.now.Add(24 * time.Hour)
	due, err := b.a.Due(b.ctx)
	require.NoError(t, err)
	require.Contains(t, due, audiences.DueItem{Kind: project.KindAudience, Name: "big", Trigger: audiences.TriggerSchedule, Reason: "its nightly full pass"})
	require.Equal(t, "full pass: nightly", b.audience("big").Reason)
	b.write(map[string]string{"models/paid.sql": incremental["models/paid.sql"] + " AND source = 'web'"})
	require.Equal(t, "full pass: its files have changed", b.audience("big").Reason)
	require.NoError(t, b.db.Exec(b.ctx, "DELETE FROM events_raw WHERE user_id = 'u4'"))
	m = b.audience("big")
	require.Equal(t, "full pass: events were erased, or came later than the lookback", m.Reason)
	require.EqualValues(t, 5, m.Rows)

	trait := b.materialize(project.KindTrait, "spent")
	require.Equal(t, audiences.StatePublished, trait.State, trait.Error)
	require.Equal(t, []string{"5"}, b.texts("SELECT toString(countIf(spent > 0)) FROM "+b.in("profiles")), "the column that says when it expires is no value")
	_, err = b.a.Verify(b.ctx, project.KindTrait, "none")
	require.ErrorIs(t, err, audiences.ErrNotFound)
}
