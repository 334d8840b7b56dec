package audiences_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

func TestARenamedAudienceKeepsItsHistory(t *testing.T) {
	b := setup(t, numbers("", 5))
	b.audience("numbers")
	b.write(numbers("", 4))
	b.audience("numbers")
	b.write(map[string]string{
		"audiences/numbers.sql": "",
		"audiences/digits.sql":  "/* audience\nrenamed_from: numbers\nentity: none\n*/\nSELECT number AS id, number % 3 AS kind FROM numbers(4)",
	})
	require.Equal(t, []string{"4"}, b.texts("SELECT toString(count()) FROM "+b.in("digits")), "before anything ran")
	require.Len(t, b.changes("digits"), 6)
	require.Equal(t, audiences.StateUnchanged, b.audience("digits").State)
	b.write(nil) // applying again changes nothing
	require.Len(t, b.changes("digits"), 6)
	v, err := b.a.Versions(b.ctx, project.KindAudience, "digits", audiences.VersionsOptions{})
	require.NoError(t, err)
	require.Len(t, v.Items, 3)
}

func TestOfSeveralAtOnceEachChangeIsWrittenOnce(t *testing.T) {
	b := setup(t, numbers("", 5))
	b.audience("numbers")
	b.write(numbers("", 100))
	var runs sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		m, err := b.a.Start(b.ctx, project.KindAudience, "numbers", audiences.StartOptions{ID: string(rune('a' + i))})
		require.NoError(t, err)
		runs.Go(func() { errs[i] = b.a.Run(b.ctx, m.ID) })
	}
	runs.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Len(t, b.changes("numbers"), 100, "nobody enters twice")
	for i := range errs {
		require.True(t, b.get(string(rune('a'+i))).State.Over())
	}
}

func TestAProjectIsHeldAgainstTheWarehouseBeforeItIsInForce(t *testing.T) {
	b := setup(t, map[string]string{
		"models/orders.sql":    "/* model */ SELECT profile_id, timestamp AS at FROM events WHERE event = 'Order Completed'",
		"audiences/buyers.sql": "/* audience */ SELECT profile_id FROM orders GROUP BY profile_id",
	})
	b.load(event{name: "Order Completed", user: "u1"})
	b.settle()
	candidate := func(files map[string]string) project.Diagnostics {
		before, dir := b.project, b.dir
		b.dir = t.TempDir()
		all := map[string]string{
			"models/orders.sql":    "/* model */ SELECT profile_id, timestamp AS at FROM events WHERE event = 'Order Completed'",
			"audiences/buyers.sql": "/* audience */ SELECT profile_id FROM orders GROUP BY profile_id",
		}
		for name, text := range files {
			all[name] = text
		}
		p, found := b.read(all)
		b.project, b.dir = before, dir
		require.False(t, found.HasErrors(), "%v", found)
		more, err := b.a.Validate(b.ctx, p, nil)
		require.NoError(t, err)
		return more
	}
	require.Empty(t, candidate(nil))
	require.Contains(t, candidate(map[string]string{"audiences/late.sql": "/* audience\n*/\nSELECT profile_id,\n  sat\nFROM orders"}).String(),
		"audiences/late.sql:4:3: unknown column sat")
	require.Contains(t, candidate(map[string]string{"traits/n.sql": "/* trait\ntype: text\n*/\nSELECT profile_id, 1 AS n FROM events"}).String(),
		"traits/n.sql:2:7: n is UInt8, not text")
	require.Empty(t, candidate(map[string]string{
		"models/orders.sql":    "/* model */ SELECT profile_id, timestamp AS seen_at FROM events",
		"audiences/buyers.sql": "/* audience */ SELECT profile_id FROM orders WHERE seen_at > '2026-01-01' GROUP BY profile_id",
		"traits/tier.sql":      "/* trait */ SELECT profile_id, 'gold' AS tier FROM events GROUP BY profile_id",
		"audiences/gold.sql":   "/* audience */ SELECT profile_id FROM profiles WHERE tier = 'gold'",
	}), "what can't be known before the files are in force is no error")
}

func TestFilesThatReadEachOtherInACircleHurtNobody(t *testing.T) {
	b := setup(t, map[string]string{"audiences/good.sql": "/* audience */ SELECT profile_id FROM events GROUP BY profile_id"})
	found := b.writeUnchecked(map[string]string{
		"audiences/left.sql":  "/* audience */ SELECT profile_id FROM right",
		"audiences/right.sql": "/* audience */ SELECT profile_id FROM left",
	})
	require.Contains(t, found.String(), "files read each other in a circle")
	require.Contains(t, b.settle(), "good")
}
