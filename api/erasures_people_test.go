package api_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/syncs/erasure"
	"github.com/tailrace/tailrace/warehouse"
)

func (b *bench) count(sql string) (n uint64) {
	b.Helper()
	require.NoError(b, b.db.Get(b.Context(), &n, sql))
	return n
}

func (b *bench) requestErasure(ids ...erasure.Identifier) erasure.Erasure {
	b.Helper()
	x, err := b.erasures.Request(b.Context(), ids, "test", "")
	require.NoError(b, err)
	return x
}

// approved starts buyers_to_hook and lets its plan pass the guard; nothing is delivered yet.
func (b *bench) approved() syncs.Run {
	b.Helper()
	run := b.held()
	run, err := b.syncs.Approve(b.Context(), run.ID, run.PlanDigest, "test")
	require.NoError(b, err)
	require.False(b, run.Over())
	return run
}

func (b *bench) held() syncs.Run {
	b.Helper()
	run, err := b.syncs.Start(b.Context(), "buyers_to_hook", syncs.StartOptions{Trigger: "api", Actor: "test"})
	require.NoError(b, err)
	run, err = b.syncs.Drive(b.Context(), run.ID)
	require.NoError(b, err)
	require.Equal(b, syncs.Held, run.State)
	return run
}

// TestErasureWaitsForOpenRuns has a run under way at the request, which has told nobody of anything yet.
func TestErasureWaitsForOpenRuns(t *testing.T) {
	b := setup(t)
	b.shop()
	run := b.approved()
	x := b.requestErasure(erasure.Identifier{Kind: "user_id", Value: "u1"})
	receipts, err := b.erasures.Receipts(t.Context(), x.ID)
	require.NoError(t, err)
	require.Empty(t, receipts, "nothing was sent by now")
	for range 2 {
		require.True(t, erasure.Waits(b.erasures.Step(t.Context(), x.ID)))
		x, err = b.erasures.Get(t.Context(), x.ID)
		require.NoError(t, err)
		require.Equal(t, erasure.Removing, x.State)
		require.Contains(t, x.Error, run.ID)
	}
	// A request that was on its way when they were suppressed is accepted now.
	require.NoError(t, b.db.Exec(t.Context(), "TRUNCATE TABLE suppressions"))
	run, err = b.syncs.Drive(t.Context(), run.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, run.Sums().Accepted)
	view := b.erase(x.ID)
	requireErased(t, view)
	require.Len(t, view.Receipts, 1)
	require.Equal(t, "accepted", view.Receipts[0].Status)
	require.EqualValues(t, 1, view.Receipts[0].Rows)
	require.Empty(t, b.everywhere("ada@example.com"))
}

// TestErasedRowsOfAHeldPlanLeaveNoState approves a plan whose rows were blanked meanwhile.
func TestErasedRowsOfAHeldPlanLeaveNoState(t *testing.T) {
	b := setup(t)
	b.shop()
	run := b.held()
	requireErased(t, b.erase(b.requestErasure(erasure.Identifier{Kind: "user_id", Value: "u1"}).ID))
	_, err := b.syncs.Approve(t.Context(), run.ID, run.PlanDigest, "test")
	require.NoError(t, err)
	run, err = b.syncs.Drive(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, syncs.Succeeded, run.State, "%s %s %v", run.Error, run.Reason, run.Counts)
	require.EqualValues(t, 1, run.Sums().Accepted)
	require.EqualValues(t, 1, run.Sums().Suppressed)
	require.EqualValues(t, 1, b.count("SELECT count() FROM sync_state FINAL"))
	require.Zero(t, b.count("SELECT count() FROM sync_state WHERE startsWith(key, 'erased:')"))
}

// TestErasureSparesStrangers erases ids that mean other things in others' events, and that differ from others' by case.
func TestErasureSparesStrangers(t *testing.T) {
	b := setup(t)
	const number, long = "10023456", "Customer-of-2026-A"
	b.load(event{kind: "identify", user: number, email: "ada@example.com"}, event{kind: "track", name: "Order Completed", user: number, revenue: 10},
		event{kind: "identify", user: "AbCdEfG1", email: "ann@example.com"}, event{kind: "identify", user: "abcdefg1", email: "abe@example.com"},
		event{kind: "identify", user: long, email: "lou@example.com"})
	at := b.clock().Add(-time.Minute)
	order := func(user, properties string) []any {
		return []any{"order of " + user, "web", "track", "Order Completed", user, identity.ProfileID("user_id", user), at, at, at, at, properties, "{}", properties}
	}
	require.NoError(t, b.db.Insert(t.Context(), "events_raw", []string{"message_id", "source", "type", "event", "user_id", "profile_id", "timestamp", "original_timestamp", "stable_time",
		"received_at", "properties", "traits", "payload"},
		[][]any{order("u7", `{"order_id":"10023456"}`), order("u8", `{"sku":"abcdefg1"}`), order("u9", `{"referred_by":"customer-of-2026-a"}`)}, warehouse.InsertOptions{}))

	x := b.requestErasure(erasure.Identifier{Kind: "user_id", Value: number}, erasure.Identifier{Kind: "user_id", Value: "AbCdEfG1"}, erasure.Identifier{Kind: "user_id", Value: long})
	require.Zero(t, b.count("SELECT count() FROM suppressions WHERE value IN ('abcdefg1', 'customer-of-2026-a')"), "they are others")
	requireErased(t, b.erase(x.ID))
	for _, table := range []string{"events_raw WHERE user_id", "identities WHERE value"} {
		require.Zero(t, b.count("SELECT count() FROM "+table+" IN ('10023456', 'AbCdEfG1', 'Customer-of-2026-A')"), table)
		require.NotZero(t, b.count("SELECT count() FROM "+table+" = 'abcdefg1'"), table)
	}
	require.EqualValues(t, 2, b.count("SELECT count() FROM events_raw WHERE user_id IN ('u7', 'u8')"))
	require.Zero(t, b.count("SELECT count() FROM events_raw WHERE user_id = 'u9'"), "a long id within another's event is still found")
}

// TestErasureOfWhatWasAppended has syncs that append enters and events without naming anybody by an identifier.
func TestErasureOfWhatWasAppended(t *testing.T) {
	b := setup(t)
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "syncs/journal.yml"), []byte("audience: buyers\ndestination: hook\nobject: rows\nmode: append\nsince: beginning\nfields: { version: version }\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "syncs/orders.yml"), []byte("events: [Order Completed]\ndestination: hook\nobject: rows\nmode: append\nsince: beginning\nfields: { revenue: properties.revenue }\n"), 0o644))
	loaded, found := project.Load(dir, env)
	require.False(t, found.HasErrors(), "%v", found)
	b.project = loaded
	require.NoError(t, b.syncs.Reconcile(t.Context()))
	b.shop()
	for _, name := range []string{"journal", "orders"} {
		run, err := b.syncs.Start(t.Context(), name, syncs.StartOptions{Trigger: "api", Actor: "test"})
		require.NoError(t, err)
		run, err = b.syncs.Drive(t.Context(), run.ID)
		require.NoError(t, err)
		require.Equal(t, syncs.Succeeded, run.State, "%s %v", run.Error, run.Counts)
		require.EqualValues(t, 2, run.Sums().Accepted)
	}
	profile := identity.ProfileID("user_id", "u1").String()
	for _, table := range []string{"sync_state", "sync_changes", "sync_outcomes", "sync_snapshot_rows"} {
		require.Contains(t, b.everywhere(":enter:"+profile), table)
	}
	require.Contains(t, b.everywhere("u1trackorder completed"), "sync_state")

	x := b.erase(b.requestErasure(erasure.Identifier{Kind: "user_id", Value: "u1"}).ID)
	require.Len(t, x.Receipts, 2)
	for _, r := range x.Receipts {
		require.EqualValues(t, 1, r.Rows, r.Sync)
		require.Equal(t, "manual_action_required", r.Status, "%s: nothing names her to the destination", r.Sync)
		require.Contains(t, r.Words, "0 of 1")
	}
	require.Equal(t, erasure.ManualActionRequired, x.State)
	for _, c := range x.Checks {
		if c.Place != "parts to be deleted" {
			require.Zero(t, c.Found, c.Place)
		}
	}
	require.Empty(t, b.everywhere(profile))
	require.Empty(t, b.everywhere("u1trackorder completed"))
	require.Contains(t, b.everywhere(identity.ProfileID("user_id", "u2").String()), "sync_state")
}
