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

// shared is a bench on a warehouse that processes share.
func shared(t *testing.T, change ...func(*Options)) *bench {
	t.Helper()
	t.Parallel()
	return setupOn(t, warehousetest.OpenOver(t, warehousetest.Serve(t)), mirrorRecords, change...)
}

// planned is a run of five rows that is ready to be delivered.
func (b *bench) planned() *Run {
	b.Helper()
	b.people(many(0, 5)...)
	r, err := b.e.Start(b.ctx, "s", StartOptions{})
	require.NoError(b, err)
	require.NoError(b, b.e.Plan(b.ctx, r.ID))
	planned, err := b.e.run(b.ctx, r.ID)
	require.NoError(b, err)
	return planned
}

// On a warehouse that processes share, the batches of one that was killed are taken over once its claim has gone quiet,
// and not before.
func TestQuietClaimsAreTakenOver(t *testing.T) {
	const hold = 2 * time.Second
	b := shared(t, func(o *Options) { o.ClaimFor = hold })
	r := b.planned()
	other := uuid.New()
	sign := func(scope string, number int) {
		b.exec("INSERT INTO "+b.e.table("jobs_claims")+" (scope, number, claim, worker) VALUES (?, ?, ?, ?)",
			scope+r.PlanID, uint64(number), other, "elsewhere/"+uuid.NewString())
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
	b := shared(t)
	r := b.planned()
	frozen := b.engine(func(o *Options) { o.ClaimFor = time.Microsecond })
	var later *Later
	require.ErrorAs(t, frozen.Deliver(b.ctx, r.ID), &later)
	require.Zero(t, b.vendor.requests())
	require.Equal(t, Succeeded, b.drive(r.ID).State)
}

// A slice that takes longer than a claim holds keeps it by signs of life.
func TestSignsKeepAClaim(t *testing.T) {
	const hold = time.Second
	b := shared(t, func(o *Options) { o.ClaimFor = hold })
	answer := make(chan struct{})
	b.vendor.answer = func(int, connectors.Batch) (connectors.Answer, error, bool) {
		<-answer
		return connectors.Answer{}, nil, false
	}
	r := b.planned()
	var slice sync.WaitGroup
	slice.Go(func() { b.drive(r.ID) })
	require.Eventually(t, func() bool {
		var age int64
		require.NoError(t, b.db.Get(b.ctx, &age, "SELECT dateDiff('millisecond', min(claimed_at), max(claimed_at)) FROM "+b.e.table("jobs_claims")+
			" WHERE scope IN (?, ?)", "batches:"+r.PlanID, "alive:"+r.PlanID))
		return age > 2*hold.Milliseconds()
	}, time.Minute, 50*time.Millisecond)
	close(answer)
	slice.Wait()
	require.Equal(t, 1, b.vendor.requests())
}
