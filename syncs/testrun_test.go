package syncs

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A test sends the rows it was asked for and nothing else, and the next run knows of them.
func TestTestRows(t *testing.T) {
	b := setup(t, strings.Replace(mirrorRecords, "100%", "100%, first_sync: 4", 1))
	b.people(append(many(0, 5), person{"empty", "-", "n", 1})...)
	test := func(rows TestRows) (Run, []TestKey) {
		t.Helper()
		r, keys, err := b.e.Test(b.ctx, "s", rows, "ada")
		require.NoError(t, err)
		return b.drive(r.ID), keys
	}
	r, keys := test(TestRows{Keys: []string{"k00003", "k00003", "nobody", "empty"}})
	require.Equal(t, Succeeded, r.State, r.Reason)
	require.Equal(t, []TestKey{{"empty", OutEmptyMatch}, {"k00003", "planned"}, {"nobody", "not_selected"}}, keys)
	require.EqualValues(t, 1, r.Sums().Accepted)
	require.EqualValues(t, 4, r.Sums().LeftOut["not_tested"])
	require.Len(t, b.vendor.records, 1)
	require.Len(t, b.held(), 1)

	r, _ = test(TestRows{Keys: []string{"k00003"}})
	require.EqualValues(t, 1, r.Sums().Accepted, "a row that is there already is sent again")
	require.EqualValues(t, 1, r.Sums().Change)
	r, _ = test(TestRows{Rows: 2})
	require.EqualValues(t, 2, r.Sums().Add)
	require.Len(t, b.vendor.records, 3)

	b.people(many(3, 5)...)
	r, _ = test(TestRows{Rows: 10})
	require.Zero(t, r.Sums().Remove, "a test removes nobody")
	require.Len(t, b.vendor.records, 4)
	b.people(many(0, 20)...)
	held := b.run(StartOptions{})
	require.Equal(t, Held, held.State, "the guard of the first sync still holds")
	require.Contains(t, held.Reason, "first_sync")
	_, _, err := b.e.Test(b.ctx, "s", TestRows{Rows: 1}, "ada")
	var open *OpenRunError
	require.ErrorAs(t, err, &open, "what somebody reviews isn't thrown away for a test")
	for _, bad := range []TestRows{{}, {Rows: 11}, {Rows: 1, Keys: []string{"k"}}} {
		_, _, err = b.e.Test(b.ctx, "s", bad, "ada")
		var wrong *TestError
		require.ErrorAs(t, err, &wrong)
	}
}

// A test whose process died before its plan is over, since nobody else knows its keys.
func TestATestThatLostItsProcess(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 2)...)
	r, err := b.e.Start(b.ctx, "s", StartOptions{Trigger: TriggerTest})
	require.NoError(t, err)
	b.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	require.Equal(t, Discarded, b.drive(r.ID).State)
	require.Empty(t, b.vendor.calls)
}
