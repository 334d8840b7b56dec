package syncs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// A mark that the ledger doesn't hold stops everything until it is released; one
// that is missing, torn or too old to be in the ledger doesn't.
func TestAMarkThatTheLedgerDoesntHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.mark")
	marks := func(o *Options) { o.Marks = []MarkStore{FileMark{path}} }
	b := setup(t, mirrorRecords, marks)
	b.people(many(0, 3)...)
	require.Equal(t, Succeeded, b.run(StartOptions{}).State)
	require.NoError(t, b.e.CheckMarks(b.ctx))
	newer, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	require.NoError(t, b.e.CheckMarks(b.ctx))
	require.NoError(t, os.WriteFile(path, newer[:len(newer)/2], 0o600))
	require.NoError(t, b.e.CheckMarks(b.ctx))
	m, ok, err := ParseMark(newer)
	require.True(t, ok)
	require.NoError(t, err)

	old := setupOn(t, warehousetest.Open(t), mirrorRecords, marks) // as the backup was: it knows nothing of that request
	old.people(many(0, 3)...)
	m.At = m.At.Add(-500 * 24 * time.Hour)
	require.NoError(t, FileMark{path}.SetMark(b.ctx, m))
	require.NoError(t, old.e.CheckMarks(old.ctx))
	require.NoError(t, old.e.restored(old.ctx, "any"))
	queued, err := old.e.Start(old.ctx, "s", StartOptions{})
	require.NoError(t, err)
	require.NoError(t, old.e.Plan(old.ctx, queued.ID))
	require.NoError(t, os.WriteFile(path, newer, 0o600)) // the ledger is put back under a run that is about to send
	got := old.drive(queued.ID)
	require.Equal(t, Failed, got.State)
	require.Contains(t, got.Reason, "restored")
	require.Empty(t, old.vendor.calls)

	_, err = old.e.Start(old.ctx, "s", StartOptions{})
	var restored *RestoredError
	require.ErrorAs(t, err, &restored)
	require.ErrorContains(t, err, path)
	require.EqualValues(t, 3, old.run(StartOptions{DryRun: true}).Sums().Add, "a dry run tells what would be sent")
	epochs, err := old.e.Epochs(old.ctx)
	require.NoError(t, err)
	require.Len(t, epochs, 1)
	require.False(t, epochs[0].Over())

	n, err := old.e.Release(old.ctx, "s", "ada", "looked")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, Succeeded, old.run(StartOptions{Full: true}).State)
	require.NoError(t, os.WriteFile(path, newer, 0o600)) // another process remembers the same: that is dealt with
	require.NoError(t, old.e.CheckMarks(old.ctx))
	epochs, err = old.e.Epochs(old.ctx)
	require.NoError(t, err)
	require.Len(t, epochs, 1)
	require.Equal(t, []string{"s"}, epochs[0].Released)
	require.ErrorAs(t, old.e.restored(old.ctx, "another"), &restored)
	_, err = old.e.Release(old.ctx, "", "ada", "")
	require.NoError(t, err)
	require.NoError(t, old.e.restored(old.ctx, "another"))
	require.EqualValues(t, 2, old.count("SELECT count() FROM audit_log WHERE action = 'ledger.release' AND actor = 'ada'"))

	require.NoError(t, old.e.DeclareRestore(old.ctx, "ada", "from tape"))
	_, err = old.e.Start(old.ctx, "s", StartOptions{})
	require.ErrorContains(t, err, "from tape")
}

// A plan that a person could approve was made before the restore was noticed.
func TestNoApprovalOfARestoredLedger(t *testing.T) {
	b := setup(t, strings.Replace(mirrorRecords, "100%", "20%, first_sync: 1", 1))
	b.people(many(0, 3)...)
	held := b.run(StartOptions{})
	require.Equal(t, Held, held.State)
	require.NoError(t, b.e.DeclareRestore(b.ctx, "ada", ""))
	_, err := b.e.Approve(b.ctx, held.ID, held.PlanDigest, "ada")
	var restored *RestoredError
	require.ErrorAs(t, err, &restored)
	require.Empty(t, b.vendor.calls)
}
