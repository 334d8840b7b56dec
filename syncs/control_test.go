package syncs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGuardHoldsUntilApproved(t *testing.T) {
	b := setup(t, strings.Replace(mirrorRecords, "100%", "20%", 1))
	b.people(many(0, 10)...)
	b.run(StartOptions{})
	sent := b.vendor.requests()
	b.people(many(0, 7)...)
	r := b.run(StartOptions{})
	require.Equal(t, Held, r.State)
	require.Contains(t, r.Reason, "3 of 10 rows would be removed, more than max_removed 20%")
	require.EqualValues(t, 3, r.Sums().Held)
	require.NoError(t, r.Sums().Check())
	require.Equal(t, sent, b.vendor.requests())

	_, err := b.e.Approve(b.ctx, r.ID, "another", "ada")
	var mismatch *DigestMismatchError
	require.ErrorAs(t, err, &mismatch)
	_, err = b.e.Approve(b.ctx, r.ID, r.PlanDigest, "ada")
	require.NoError(t, err)
	require.Equal(t, Succeeded, b.drive(r.ID).State)
	require.Len(t, b.vendor.records, 7)
	require.EqualValues(t, 1, b.count("SELECT count() FROM audit_log WHERE action = 'run.approve' AND actor = 'ada'"))

	b.people(many(0, 1)...)
	held := b.run(StartOptions{})
	require.Equal(t, Held, held.State)
	dry := b.run(StartOptions{DryRun: true})
	require.Equal(t, Planned, dry.State)
	require.EqualValues(t, 6, dry.Sums().Remove)
	got, err := b.e.Run(b.ctx, held.ID)
	require.NoError(t, err)
	require.Equal(t, Held, got.State, "a dry run leaves it alone")
	b.people(many(0, 6)...)
	next := b.run(StartOptions{})
	require.Equal(t, Succeeded, next.State)
	got, err = b.e.Run(b.ctx, held.ID)
	require.NoError(t, err)
	require.Equal(t, Discarded, got.State)
	require.Equal(t, "superseded", got.Reason)

	b.people()
	r = b.run(StartOptions{})
	require.Equal(t, Held, r.State)
	require.Contains(t, r.Reason, "empty")
	_, err = b.e.Discard(b.ctx, r.ID, "ada", "")
	require.NoError(t, err)
	require.Len(t, b.vendor.records, 6)
}

func TestOneOpenRunPerSync(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 3)...)
	first, err := b.e.Start(b.ctx, "s", StartOptions{RunID: "slot-1"})
	require.NoError(t, err)
	again, err := b.e.Start(b.ctx, "s", StartOptions{RunID: "slot-1"})
	require.NoError(t, err)
	require.Equal(t, first.No, again.No, "a slot's run starts once")
	_, err = b.e.Start(b.ctx, "s", StartOptions{})
	var open *OpenRunError
	require.ErrorAs(t, err, &open)
	require.Equal(t, "slot-1", open.Run.ID)
	tasks, err := b.e.Unfinished(b.ctx)
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	require.Equal(t, TaskPlan, tasks[0].Kind)
	b.drive("slot-1")
	tasks, err = b.e.Unfinished(b.ctx)
	require.NoError(t, err)
	require.Empty(t, tasks)
	_, err = b.e.Start(b.ctx, "nobody", StartOptions{})
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, b.e.Pause(b.ctx, "s", "ada", ""))
	_, err = b.e.Start(b.ctx, "s", StartOptions{})
	require.ErrorIs(t, err, ErrPaused)
	require.NoError(t, b.e.Resume(b.ctx, "s", "ada", ""))
	require.Equal(t, Succeeded, b.run(StartOptions{}).State)
}

func TestRenameKeepsTheState(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 3)...)
	b.run(StartOptions{})
	b.files(map[string]string{"syncs/s.yml": "", "syncs/renamed.yml": mirrorRecords + "renamed_from: s\n"})
	require.NoError(t, b.e.Reconcile(b.ctx))
	r, err := b.e.Start(b.ctx, "renamed", StartOptions{})
	require.NoError(t, err)
	r = b.drive(r.ID)
	require.EqualValues(t, 3, r.Sums().Unchanged)
	require.Equal(t, 1, b.vendor.requests())

	// Another account is a first sync, of another id.
	b.files(map[string]string{"syncs/renamed.yml": mirrorRecords, "destinations/fake.yml": "connector: fake\nbase_url: https://other.example\n"})
	require.NoError(t, b.e.Reconcile(b.ctx))
	r, err = b.e.Start(b.ctx, "renamed", StartOptions{})
	require.NoError(t, err)
	r = b.drive(r.ID)
	require.Equal(t, "first sync", r.FullReason)
	require.EqualValues(t, 3, r.Sums().Accepted)

	// A file that goes away sends nothing.
	b.files(map[string]string{"syncs/renamed.yml": ""})
	require.NoError(t, b.e.Reconcile(b.ctx))
	d, err := b.e.Sync(b.ctx, "renamed")
	require.NoError(t, err)
	require.Equal(t, "missing", d.Status)
	require.EqualValues(t, 3, d.Holds)
	// And comes back without another first sync.
	b.files(map[string]string{"syncs/renamed.yml": mirrorRecords, "destinations/fake.yml": "connector: fake\nbase_url: https://other.example\n"})
	require.NoError(t, b.e.Reconcile(b.ctx))
	r, err = b.e.Start(b.ctx, "renamed", StartOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 3, b.drive(r.ID).Sums().Unchanged)
}

func TestMirrorOnExit(t *testing.T) {
	for exit, want := range map[string]string{
		"on_exit: nothing":              `"n1"`,
		"on_exit: { set: { name: z } }": `"z"`,
	} {
		t.Run(exit, func(t *testing.T) {
			b := setup(t, strings.Replace(mirrorRecords, "on_exit: delete", exit, 1))
			b.people(many(0, 2)...)
			b.run(StartOptions{})
			b.people(many(0, 1)...)
			r := b.run(StartOptions{})
			require.Equal(t, Succeeded, r.State)
			require.Equal(t, want, b.vendor.records["i1"]["name"])
			b.people(many(0, 2)...)
			b.run(StartOptions{})
			require.Equal(t, `"n1"`, b.vendor.records["i1"]["name"], "who comes back is written again")
		})
	}
}
