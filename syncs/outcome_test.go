package syncs

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

func TestRefusedRowsKeepWhatWasAppliedAndAreProposedAgain(t *testing.T) {
	b := setup(t, mirrorRecords, func(o *Options) { o.QuarantineAfter = 2 })
	b.people(many(0, 5)...)
	b.vendor.poison["i2"] = true
	r := b.run(StartOptions{})
	require.Equal(t, Partial, r.State)
	require.EqualValues(t, 1, r.Sums().Rejected)
	require.Len(t, b.held(), 4)
	changes, _, err := b.e.Changes(b.ctx, r.ID, ChangeFilter{Outcome: "rejected"})
	require.NoError(t, err)
	require.Len(t, changes, 1)
	require.Equal(t, "k00002", changes[0].Key)
	require.Equal(t, Receipt{Code: "poison", Words: "no such thing", BatchNo: 1, Attempt: 1}, noTime(changes[0].Receipt))

	r = b.run(StartOptions{})
	require.EqualValues(t, 1, r.Sums().Rejected, "proposed again")
	require.Equal(t, 2, b.vendor.requests())
	r = b.run(StartOptions{})
	require.Equal(t, map[string]uint64{OutQuarantined: 1}, r.Sums().LeftOut)
	require.Equal(t, Succeeded, r.State)
	require.Equal(t, 2, b.vendor.requests())

	delete(b.vendor.poison, "i2")
	r, err = b.e.Retry(b.ctx, r.ID, "ada")
	require.NoError(t, err)
	require.EqualValues(t, 1, b.drive(r.ID).Sums().Accepted, "released by a person")
}

func noTime(r Receipt) Receipt { r.At = nil; return r }

func TestSplitFindsThePoison(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 10)...)
	b.vendor.answer = func(_ int, c connectors.Batch) (connectors.Answer, error, bool) {
		for _, r := range c.Rows {
			if r.IDs["id"] == "i3" {
				return connectors.Answer{}, &connectors.HTTPError{Status: http.StatusBadRequest, Body: []byte(`{"message":"bad row"}`)}, true
			}
		}
		return connectors.Answer{}, nil, false
	}
	r := b.run(StartOptions{})
	require.Equal(t, Partial, r.State)
	require.Equal(t, map[string]uint64{"accepted": 9, "rejected": 1}, pick(r.Counts, "accepted", "rejected"))
	require.Len(t, b.vendor.records, 9)
	keys := map[string]int{}
	for _, c := range b.vendor.calls {
		keys[c.Key]++
	}
	for key, n := range keys {
		require.Equal(t, 1, n, "%s was sent again although nothing was unknown", key)
	}
}

func TestRetryAfterIsHandedBack(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 3)...)
	b.vendor.answer = func(n int, _ connectors.Batch) (connectors.Answer, error, bool) {
		h := http.Header{"Retry-After": {"7"}}
		return connectors.Answer{}, &connectors.HTTPError{Status: http.StatusTooManyRequests, Header: h}, n == 1
	}
	r, err := b.e.Start(b.ctx, "s", StartOptions{})
	require.NoError(t, err)
	require.NoError(t, b.e.Plan(b.ctx, r.ID))
	err = b.e.Deliver(b.ctx, r.ID)
	var later *Later
	require.ErrorAs(t, err, &later)
	require.WithinDuration(t, time.Now().Add(7*time.Second), later.At, 3*time.Second)
	got, err := b.e.Run(b.ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, Delivering, got.State)
	changes, _, err := b.e.Changes(b.ctx, r.ID, ChangeFilter{})
	require.NoError(t, err)
	require.Equal(t, "to_go", changes[0].Outcome)
}

func TestStopEndsTheRunEarly(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 30)...)
	b.vendor.answer = func(n int, _ connectors.Batch) (connectors.Answer, error, bool) {
		return connectors.Answer{}, &connectors.HTTPError{Status: http.StatusUnauthorized}, true
	}
	r := b.run(StartOptions{})
	require.Equal(t, Failed, r.State)
	require.Contains(t, r.Reason, "credential")
	require.EqualValues(t, 30, r.Sums().Cancelled)
	b.vendor.answer = nil
	require.EqualValues(t, 30, b.run(StartOptions{}).Sums().Accepted)
}

// A time-out after the write: nobody knows. The class decides.
func TestUnknownOutcomesByClass(t *testing.T) {
	for class, c := range map[connectors.Class]struct {
		state    State
		requests int
		unknown  uint64
	}{
		connectors.ClassA: {Succeeded, 2, 0},
		connectors.ClassB: {Succeeded, 2, 0},
		connectors.ClassD: {Partial, 1, 3},
	} {
		t.Run(class.String(), func(t *testing.T) {
			b := setup(t, mirrorRecords)
			b.vendor.class = class
			b.people(many(0, 3)...)
			b.vendor.lost = func(n int) bool { return n == 1 }
			r := b.run(StartOptions{})
			require.Equal(t, c.state, r.State, r.Reason)
			require.Equal(t, c.requests, b.vendor.requests())
			require.Equal(t, c.unknown, r.Sums().Unknown)
			if c.requests == 2 {
				require.Equal(t, b.vendor.calls[0].Key, b.vendor.calls[1].Key)
				require.Equal(t, b.vendor.calls[0], b.vendor.calls[1], "byte-identical")
				return
			}
			// An unresolved key isn't planned again until a person decides.
			r = b.run(StartOptions{})
			require.Equal(t, map[string]uint64{OutUnresolved: 3}, r.Sums().LeftOut)
			b.people() // nor is it removed
			r = b.run(StartOptions{})
			require.EqualValues(t, 0, r.Sums().Planned)
			b.people(many(0, 3)...)
			require.NoError(t, b.e.ResolveUnknown(b.ctx, "s", "k00000", "ada", true))
			require.NoError(t, b.e.ResolveUnknown(b.ctx, "s", "k00001", "ada", false))
			require.ErrorIs(t, b.e.ResolveUnknown(b.ctx, "s", "k00001", "ada", false), ErrNotFound)
			r = b.run(StartOptions{})
			require.Equal(t, map[string]uint64{"unchanged": 1, "accepted": 1}, pick(r.Counts, "unchanged", "accepted"))
			require.Equal(t, map[string]uint64{OutUnresolved: 1}, r.Sums().LeftOut)
		})
	}
}

func TestCancelledRunIsContinuedFrom(t *testing.T) {
	b := setup(t, mirrorRecords, func(o *Options) { o.Concurrency = 1 })
	b.people(many(0, 50)...)
	r, err := b.e.Start(b.ctx, "s", StartOptions{})
	require.NoError(t, err)
	require.NoError(t, b.e.Plan(b.ctx, r.ID))
	ctx, cancel := context.WithCancel(b.ctx)
	b.vendor.answer = func(n int, _ connectors.Batch) (connectors.Answer, error, bool) {
		if n == 2 {
			_, err := b.e.Cancel(b.ctx, r.ID, "ada")
			require.NoError(t, err)
			cancel()
		}
		return connectors.Answer{}, nil, false
	}
	require.Error(t, b.e.Deliver(ctx, r.ID))
	got := b.drive(r.ID)
	require.Equal(t, Cancelled, got.State)
	require.Equal(t, map[string]uint64{"accepted": 20, "cancelled": 30}, pick(got.Counts, "accepted", "cancelled"))
	b.vendor.answer = nil
	got = b.run(StartOptions{})
	require.Equal(t, map[string]uint64{"unchanged": 20, "accepted": 30}, pick(got.Counts, "unchanged", "accepted"))
	require.Equal(t, 5, b.vendor.requests(), "nothing accepted is sent again")
	_, err = b.e.Cancel(b.ctx, got.ID, "ada")
	var wrong *TransitionError
	require.ErrorAs(t, err, &wrong)
}
