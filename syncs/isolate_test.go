package syncs

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

// counting is a vendor that counts refused rows and names none: a call of which
// it refused some gives no row a result.
func counting(v *vendor, refused ...string) {
	v.answer = func(_ int, b connectors.Batch) (connectors.Answer, error, bool) {
		a := connectors.Answer{Results: make([]connectors.Result, len(b.Rows))}
		for _, r := range b.Rows {
			id := r.Identity(b.Action)["id"]
			if slices.Contains(refused, id) {
				a.Invalid++
			} else {
				v.apply(b.Action, id, r)
			}
		}
		for i := range a.Results {
			a.Results[i].Words = fmt.Sprintf("%d refused", a.Invalid)
			if a.Invalid == 0 {
				a.Results[i].Status = connectors.Accepted
			}
		}
		return a, nil, true
	}
}

func TestRefusedRowsWithoutNamesAreIsolated(t *testing.T) {
	b := setup(t, audienceList)
	b.people(many(0, 10)...)
	counting(b.vendor, "i3", "i7")
	r := b.run(StartOptions{})
	require.Equal(t, Partial, r.State)
	require.Equal(t, map[string]uint64{"accepted": 8, "rejected": 2, "unknown": 0}, pick(r.Counts, "accepted", "rejected", "unknown"))
	require.LessOrEqual(t, b.vendor.requests(), 1+2*4*2)
	require.Len(t, b.held(), 8)
	require.Len(t, b.vendor.members(), 8)
}

func TestIsolationIsBounded(t *testing.T) {
	b := setup(t, audienceList, func(o *Options) { o.IsolateCalls, o.QuarantineAfter = 5, 1 })
	b.people(many(0, 10)...)
	counting(b.vendor, "i0", "i4", "i9")
	r := b.run(StartOptions{})
	require.Equal(t, Partial, r.State)
	require.Equal(t, 1+5, b.vendor.requests())
	require.NotZero(t, r.Sums().Unknown)
	require.NotZero(t, r.Sums().Rejected, "the search goes deep first")
	// The next runs go on with what is left.
	for n := 0; r.Sums().Unknown > 0; n++ {
		require.Less(t, n, 5)
		r = b.run(StartOptions{})
	}
	require.Len(t, b.held(), 7)
	require.Len(t, b.vendor.members(), 7)
}
