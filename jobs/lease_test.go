package jobs

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		release, ok, err := q.Lease(t.Context(), "sync:a", 200*time.Millisecond)
		require.NoError(t, err)
		require.True(t, ok)
		require.Never(t, func() bool {
			other, ok, err := q.Lease(t.Context(), "sync:a", 200*time.Millisecond)
			other()
			return ok || err != nil
		}, 600*time.Millisecond, 50*time.Millisecond, "it is renewed")
		release()
		release()
		again, ok, err := q.Lease(t.Context(), "sync:a", 200*time.Millisecond)
		require.NoError(t, err)
		require.True(t, ok)
		again()
	})
}

func TestLeaseOfTheDeadExpires(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		require.NoError(t, q.Redis().Set(t.Context(), q.keys.ours("lease", "a"), "a dead worker", 300*time.Millisecond).Err())
		eventually(t, 5*time.Second, "it expires", func() bool {
			release, ok, err := q.Lease(t.Context(), "a", time.Second)
			release()
			return err == nil && ok
		})
	})
}

func TestHeldContextEndsWithTheLease(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		held, drop, ok, err := q.hold(t.Context(), "k", 200*time.Millisecond)
		require.NoError(t, err)
		require.True(t, ok)
		defer drop()
		// Forgotten: it is taken again.
		flush(t, q.Redis())
		eventually(t, 2*time.Second, "taken again", func() bool { return q.Redis().Exists(t.Context(), "k").Val() == 1 })
		require.NoError(t, held.Err())
		// Somebody else has it: the work ends, and their lease stays.
		require.NoError(t, q.Redis().Set(t.Context(), "k", "other", time.Minute).Err())
		<-held.Done()
		require.ErrorIs(t, context.Cause(held), ErrLeaseLost)
		drop()
		require.Equal(t, "other", q.Redis().Get(t.Context(), "k").Val())
	})
}

func TestOneLeads(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		var leading, terms atomic.Int32
		lead := func(ctx context.Context) error {
			terms.Add(1)
			if leading.Add(1) > 1 {
				t.Error("two lead at a time")
			}
			defer leading.Add(-1)
			<-ctx.Done()
			return ctx.Err()
		}
		var all sync.WaitGroup
		var stops []context.CancelFunc
		for range 2 {
			ctx, stop := context.WithCancel(context.Background())
			stops = append(stops, stop)
			all.Go(func() {
				if err := q.Lead(ctx, "clock", lead); err != nil {
					t.Error(err)
				}
			})
			eventually(t, 5*time.Second, "one leads", func() bool { return leading.Load() == 1 })
		}
		stops[0]() // the first is the leader
		eventually(t, 5*time.Second, "the other takes over", func() bool { return terms.Load() == 2 && leading.Load() == 1 })
		stops[1]()
		all.Wait()
		require.Zero(t, leading.Load())
	})
}

func TestLeaderSurvivesAnError(t *testing.T) {
	t.Parallel()
	q := open(t, "")
	var terms int
	require.NoError(t, q.Lead(t.Context(), "clock", func(context.Context) error {
		if terms++; terms == 1 {
			return errors.New("the warehouse is away")
		}
		return nil
	}))
	require.Equal(t, 2, terms)
}

func TestProgressReachesWatchers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		ctx, stop := context.WithCancel(t.Context())
		one, err := q.Subscribe(ctx, "run:1")
		require.NoError(t, err)
		all, err := q.Subscribe(ctx, "run:*")
		require.NoError(t, err)
		require.NoError(t, q.Publish(t.Context(), "run:2", []byte("half")))
		require.NoError(t, q.Publish(t.Context(), "run:1", []byte("done")))
		require.Equal(t, Progress{Topic: "run:1", Data: []byte("done")}, <-one)
		require.Equal(t, "run:2", (<-all).Topic)
		require.Equal(t, "run:1", (<-all).Topic)
		stop()
		_, open := <-one
		require.False(t, open)
		_, open = <-all
		require.False(t, open)
	})
}
