package syncs

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// Of many that take a run further at once at most one does, as often as they try; and one does in the end.
func TestOneMovesARun(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 1)...)
	for range 5 {
		r, err := b.e.Start(b.ctx, "s", StartOptions{})
		require.NoError(t, err)
		var moved atomic.Int32
		for moved.Load() == 0 {
			var all sync.WaitGroup
			for range 3 {
				own, err := b.e.run(b.ctx, r.ID)
				require.NoError(t, err)
				require.Equal(t, Queued, own.State)
				all.Go(func() {
					switch err := b.e.move(b.ctx, own, Discarded, nil); {
					case err == nil:
						moved.Add(1)
					case !errors.Is(err, ErrMoved):
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		require.EqualValues(t, 1, moved.Load())
		steps, err := b.e.Transitions(b.ctx, r.ID)
		require.NoError(t, err)
		require.Len(t, steps, 2)
	}
}

// A step that another process has claimed may still be written, so nobody goes past it; one that it gave up, or that
// is old, never will be. Who gives way says so: the next to come waits for nobody.
func TestNobodyGoesPastAClaimedStep(t *testing.T) {
	b := shared(t)
	b.people(many(0, 1)...)
	for state, other := range map[string]struct {
		age        string
		lost, goes bool
	}{"claimed just now": {age: "0"}, "given up": {age: "0", lost: true, goes: true}, "long ago": {age: "90", goes: true}} {
		started, err := b.e.Start(b.ctx, "s", StartOptions{})
		require.NoError(t, err)
		r, err := b.e.run(b.ctx, started.ID)
		require.NoError(t, err)
		claim := uuid.New()
		put := func(scope string) {
			b.exec("INSERT INTO "+b.e.table("jobs_claims")+" (scope, number, claim, worker, claimed_at) SELECT ?, 2, ?, ?, now64(3) - toIntervalSecond("+other.age+")",
				scope+"run-seq:"+r.ID, claim, "elsewhere/"+uuid.NewString())
		}
		put("")
		if other.lost {
			put("lost:")
		}
		err = b.e.move(b.ctx, r, Discarded, nil)
		if !other.goes {
			require.ErrorIs(t, err, ErrMoved, state)
			require.Equal(t, Queued, r.State, state)
			put("lost:")
			err = b.e.move(b.ctx, r, Discarded, nil)
		}
		require.NoError(t, err, state)
	}
}
