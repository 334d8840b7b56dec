package syncs

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// On a warehouse that processes share, the batches of one that was killed are taken over once its claim has gone quiet,
// and not before.
func TestQuietClaimsAreTakenOver(t *testing.T) {
	t.Parallel()
	const hold = 2 * time.Second
	b := setupOn(t, warehousetest.OpenOver(t, warehousetest.Serve(t)), mirrorRecords, func(o *Options) { o.ClaimFor = hold })
	b.people(many(0, 5)...)
	r, err := b.e.Start(b.ctx, "s", StartOptions{})
	require.NoError(t, err)
	require.NoError(t, b.e.Plan(b.ctx, r.ID))
	planned, err := b.e.Run(b.ctx, r.ID)
	require.NoError(t, err)
	other := uuid.New()
	sign := func(scope string, number int) {
		b.exec("INSERT INTO "+b.e.table("jobs_claims")+" (scope, number, claim, worker) VALUES (?, ?, ?, ?)",
			scope+planned.PlanID, uint64(number), other, "elsewhere/"+uuid.NewString())
	}
	sign("batches:", 1)
	for begun, n := time.Now(), 1; time.Since(begun) < 2*hold; n++ {
		sign("alive:", n)
		var later *Later
		require.ErrorAs(t, b.e.Deliver(b.ctx, r.ID), &later)
		require.Contains(t, later.Reason, "other workers")
	}
	last := time.Now()
	require.Equal(t, Succeeded, b.drive(r.ID).State)
	require.GreaterOrEqual(t, time.Since(last), hold/2)
	require.Equal(t, 1, b.vendor.requests())
}

// A worker whose claim gets no sign of life any more sends nothing under it: another may have its batches.
func TestNothingIsSentUnderAQuietClaim(t *testing.T) {
	t.Parallel()
	b := setupOn(t, warehousetest.OpenOver(t, warehousetest.Serve(t)), mirrorRecords)
	b.people(many(0, 5)...)
	r, err := b.e.Start(b.ctx, "s", StartOptions{})
	require.NoError(t, err)
	require.NoError(t, b.e.Plan(b.ctx, r.ID))
	frozen := b.engine(func(o *Options) { o.ClaimFor = time.Microsecond })
	var later *Later
	require.ErrorAs(t, frozen.Deliver(b.ctx, r.ID), &later)
	require.Zero(t, b.vendor.requests())
	require.Equal(t, Succeeded, b.drive(r.ID).State)
}

// A slice that takes longer than a claim holds keeps it by signs of life.
func TestSignsKeepAClaim(t *testing.T) {
	t.Parallel()
	const hold = time.Second
	b := setupOn(t, warehousetest.OpenOver(t, warehousetest.Serve(t)), mirrorRecords, func(o *Options) { o.ClaimFor = hold })
	answer := make(chan struct{})
	b.vendor.answer = func(int, connectors.Batch) (connectors.Answer, error, bool) {
		<-answer
		return connectors.Answer{}, nil, false
	}
	b.people(many(0, 5)...)
	r, err := b.e.Start(b.ctx, "s", StartOptions{})
	require.NoError(t, err)
	require.NoError(t, b.e.Plan(b.ctx, r.ID))
	planned, err := b.e.Run(b.ctx, r.ID)
	require.NoError(t, err)
	var slice sync.WaitGroup
	slice.Go(func() { b.drive(r.ID) })
	require.Eventually(t, func() bool {
		var age int64
		require.NoError(t, b.db.Get(b.ctx, &age, "SELECT dateDiff('millisecond', min(claimed_at), max(claimed_at)) FROM "+b.e.table("jobs_claims")+
			" WHERE scope IN (?, ?)", "batches:"+planned.PlanID, "alive:"+planned.PlanID))
		return age > 2*hold.Milliseconds()
	}, time.Minute, 50*time.Millisecond)
	close(answer)
	slice.Wait()
	require.Equal(t, 1, b.vendor.requests())
}

// Runs that wait for a turn get it in the order of asking.
func TestTurnsComeInOrder(t *testing.T) {
	var turns turns
	first, ok := turns.enter("1", "d")
	require.True(t, ok)
	second, ok := turns.enter("2", "d")
	require.True(t, ok)
	for _, run := range []string{"3", "4"} {
		_, ok = turns.enter(run, "d")
		require.False(t, ok)
		destination, waits := turns.waits(run)
		require.Equal(t, "d", destination)
		require.True(t, waits)
	}
	other, ok := turns.enter("5", "elsewhere")
	require.True(t, ok)
	other()
	first()
	_, ok = turns.enter("4", "d")
	require.False(t, ok, "3 was first")
	third, ok := turns.enter("3", "d")
	require.True(t, ok)
	second()
	_, waits := turns.waits("4")
	require.False(t, waits)
	fourth, ok := turns.enter("4", "d")
	require.True(t, ok)
	third()
	fourth()
}
