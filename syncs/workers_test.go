package syncs

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

// Several workers on one run: each batch is sent once, whoever gets it.
func TestWorkersShareARun(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.vendor.class = connectors.ClassD
	b.people(many(0, 200)...)
	r, err := b.e.Start(b.ctx, "s", StartOptions{})
	require.NoError(t, err)
	require.NoError(t, b.e.Plan(b.ctx, r.ID))
	var workers sync.WaitGroup
	for range 3 {
		e := b.engine()
		workers.Go(func() {
			_, err := e.Drive(b.ctx, r.ID)
			require.NoError(t, err)
		})
	}
	workers.Wait()
	got := b.drive(r.ID)
	require.Equal(t, Succeeded, got.State, got.Reason)
	require.EqualValues(t, 200, got.Sums().Accepted)
	require.Equal(t, 20, b.vendor.requests())
	for key, n := range b.vendor.applied {
		require.Equal(t, 1, n, key)
	}
}

// Planning by two processes at once ends in one plan; the other is garbage.
func TestPlannersAgree(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 30)...)
	r, err := b.e.Start(b.ctx, "s", StartOptions{})
	require.NoError(t, err)
	var planners sync.WaitGroup
	for range 2 {
		e := b.engine()
		planners.Go(func() { require.NoError(t, e.Plan(b.ctx, r.ID)) })
	}
	planners.Wait()
	got := b.drive(r.ID)
	require.EqualValues(t, 30, got.Sums().Accepted)
	require.Equal(t, 3, b.vendor.requests())
	states := map[State]int{}
	steps, err := b.e.Transitions(b.ctx, r.ID)
	require.NoError(t, err)
	for _, s := range steps {
		states[s.State]++
	}
	require.Equal(t, 1, states[Planned])
	require.Equal(t, 1, states[Succeeded])
}

func TestReadingRunsByPages(t *testing.T) {
	b := setup(t, mirrorRecords)
	for i := range 3 {
		b.people(many(0, 2+i)...)
		b.run(StartOptions{})
	}
	first, next, err := b.e.Runs(b.ctx, RunFilter{Sync: "s", Limit: 2})
	require.NoError(t, err)
	require.Len(t, first, 2)
	require.EqualValues(t, 3, first[0].No)
	rest, end, err := b.e.Runs(b.ctx, RunFilter{Sync: "s", Limit: 2, Cursor: next})
	require.NoError(t, err)
	require.Len(t, rest, 1)
	require.EqualValues(t, 1, rest[0].No)
	require.Empty(t, end)
	none, _, err := b.e.Runs(b.ctx, RunFilter{State: Failed})
	require.NoError(t, err)
	require.Empty(t, none)
	_, _, err = b.e.Runs(b.ctx, RunFilter{Cursor: "x"})
	require.ErrorIs(t, err, ErrCursor)

	page, next, err := b.e.Changes(b.ctx, rest[0].ID, ChangeFilter{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "accepted", page[0].Outcome)
	require.Equal(t, "ref-i0", page[0].Receipt.Ref)
	require.WithinDuration(t, time.Now(), *page[0].Receipt.At, time.Minute)
	require.JSONEq(t, `{"age":0,"name":"n0","tag":"t"}`, string(page[0].After))
	page, next, err = b.e.Changes(b.ctx, rest[0].ID, ChangeFilter{Limit: 1, Cursor: next})
	require.NoError(t, err)
	require.Equal(t, "k00001", page[0].Key)
	require.Empty(t, next)
	all, err := b.e.Syncs(b.ctx)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.EqualValues(t, 4, all[0].Holds)
	require.EqualValues(t, 3, all[0].Last.No)
}
