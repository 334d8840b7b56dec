package syncs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStoredSums: a state's sums are read once, and what is stored of them never hides that somebody has written to it.
func TestStoredSums(t *testing.T) {
	b := setup(t, mirrorRecords, func(o *Options) { o.storeSumsFrom = 1 })
	stored := func() uint64 { return b.count("SELECT count() FROM sync_state_sums FINAL") }
	planned := func(what string, add, change, remove int) {
		t.Helper()
		s := b.run(StartOptions{}).Sums()
		require.Equal(t, []uint64{uint64(add), uint64(change), uint64(remove)}, []uint64{s.Add, s.Change, s.Remove}, what)
	}
	everybody := many(0, 5)
	b.people(everybody...)
	planned("the first sync", 5, 0, 0)
	require.Zero(t, stored())
	planned("nothing", 0, 0, 0)
	require.EqualValues(t, 1, stored())
	planned("nothing, by what is stored", 0, 0, 0)
	require.EqualValues(t, 1, stored())

	// It is what is stored that decides.
	b.exec("INSERT INTO sync_state_sums SELECT sync_id, parts, rows + 1, checksum, unknowns, unknown_keys, at + INTERVAL 1 SECOND FROM sync_state_sums FINAL")
	b.exec("OPTIMIZE TABLE sync_state_sums FINAL")
	r := b.run(StartOptions{})
	require.EqualValues(t, 6, r.Counts["holds"])
	require.Zero(t, r.Sums().Planned, "sums that differ only mean that rows are compared")

	// Every writer makes it void, even one that leads to where the selection was when it was stored.
	changed := many(0, 5)
	changed[2].name = "another"
	b.people(changed...)
	planned("a run", 0, 1, 0)
	b.people(everybody...)
	planned("another run, back to what was held before", 0, 1, 0)
	planned("nothing", 0, 0, 0)
	before := stored()
	require.Greater(t, before, uint64(1))
	b.exec("ALTER TABLE sync_state DELETE WHERE key = 'k00001' SETTINGS mutations_sync = 2") // as erasures do
	planned("an erasure", 1, 0, 0)
	planned("nothing", 0, 0, 0)
	_, err := b.e.Adopt(b.ctx, "s", Adopting{Actor: "ada", Members: []AdoptedMember{{Key: "k00003"}}, Replace: true})
	require.NoError(t, err)
	planned("an adoption", 4, 0, 0)
	planned("nothing", 0, 0, 0)
	before = stored()
	b.exec("OPTIMIZE TABLE sync_state FINAL")
	planned("nothing, after a merge", 0, 0, 0)
	require.Equal(t, before+1, stored())
	planned("nothing, by what is stored", 0, 0, 0)
	require.Equal(t, before+1, stored())

	// An unknown row is never hidden by sums that agree.
	b.exec("INSERT INTO sync_state SELECT * REPLACE ('unknown' AS last_status, version + 1 AS version) FROM sync_state FINAL WHERE key = 'k00004'")
	s, err := b.e.stateSums(b.ctx, r.SyncID)
	require.NoError(t, err)
	require.EqualValues(t, 1, s.Unknowns)
	s, err = b.e.stateSums(b.ctx, r.SyncID)
	require.NoError(t, err)
	require.EqualValues(t, 1, s.Unknowns)
	require.NotZero(t, s.UnknownKeys)
}
