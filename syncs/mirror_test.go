package syncs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMirrorFromFirstSyncToNothingChanged(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 25)...)
	r := b.run(StartOptions{Trigger: "cli"})
	require.Equal(t, Succeeded, r.State, "%s %s", r.Reason, r.Error)
	s := r.Sums()
	require.EqualValues(t, 25, s.Selected)
	require.EqualValues(t, 25, s.Accepted)
	require.Equal(t, "first sync", r.FullReason)
	require.Equal(t, 3, b.vendor.requests(), "25 rows in batches of 10")
	require.Len(t, b.vendor.records, 25)
	require.Equal(t, map[string]string{"name": `"n7"`, "age": "7", "tag": `"t"`}, b.vendor.records["i7"])
	require.Len(t, b.held(), 25)

	r = b.run(StartOptions{})
	require.Equal(t, Succeeded, r.State)
	require.EqualValues(t, 25, r.Sums().Unchanged)
	require.Equal(t, 3, b.vendor.requests(), "nothing changed, nothing sent")

	rows := many(0, 24) // one gone
	rows[3].name = "-"  // one changed, to null
	rows = append(rows, person{"new", "i-new", "x", 1})
	b.people(rows...)
	r = b.run(StartOptions{})
	require.Equal(t, Succeeded, r.State)
	require.Equal(t, map[string]uint64{"add": 1, "change": 1, "remove": 1, "accepted": 3, "unchanged": 23},
		pick(r.Counts, "add", "change", "remove", "accepted", "unchanged"))
	require.Equal(t, 5, b.vendor.requests(), "one deletion, one upsert")
	require.NotContains(t, b.vendor.records, "i24")
	require.Equal(t, "null", b.vendor.records["i3"]["name"])
	require.Len(t, b.vendor.records, 25)

	r = b.run(StartOptions{Full: true})
	require.Equal(t, Succeeded, r.State)
	require.EqualValues(t, 25, r.Counts["change"])
	require.Equal(t, 8, b.vendor.requests())
}

func pick(counts map[string]uint64, names ...string) map[string]uint64 {
	out := map[string]uint64{}
	for _, n := range names {
		out[n] = counts[n]
	}
	return out
}
