package jobs

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Two processes share one rate: in no window do more leave than burst plus refill.
func TestBudgetIsSharedByProcesses(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		queues := []*Queue{open(t, url), open(t, url)}
		if url == "" {
			queues[1] = queues[0] // a Redis in process has one process
		}
		b := Budget{Rate: 50, Burst: 5}
		var sent atomic.Int64
		began := time.Now()
		var workers sync.WaitGroup
		for _, q := range queues {
			for range 4 {
				workers.Go(func() {
					for time.Since(began) < 600*time.Millisecond {
						wait, release, err := q.Spend(t.Context(), "crm", b)
						if err != nil {
							t.Error(err)
							return
						}
						if release == nil {
							timer := time.NewTimer(wait)
							<-timer.C
							continue
						}
						sent.Add(1)
						release()
					}
				})
			}
		}
		workers.Wait()
		most := float64(b.Burst) + b.Rate*time.Since(began).Seconds() + 1
		require.LessOrEqual(t, float64(sent.Load()), most)
		require.GreaterOrEqual(t, sent.Load(), int64(15), "the rate is used")
	})
}

func TestBudgetCountsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		b := Budget{Concurrency: 2, Hold: time.Second}
		spend := func(key string) (time.Duration, func()) {
			wait, release, err := q.Spend(t.Context(), key, b)
			require.NoError(t, err)
			return wait, release
		}
		_, first := spend("crm")
		require.NotNil(t, first)
		living, die := context.WithCancel(t.Context())
		defer die()
		_, lost, err := q.Spend(living, "crm", b)
		require.NoError(t, err)
		require.NotNil(t, lost)
		wait, none := spend("crm")
		require.Nil(t, none)
		require.Positive(t, wait)
		_, other := spend("mailer")
		require.NotNil(t, other, "another credential has places of its own")
		first()
		_, again := spend("crm")
		require.NotNil(t, again)
		for began := time.Now(); time.Since(began) < 2*b.Hold; {
			wait, none = spend("crm")
			require.Nil(t, none, "who lives keeps a place for longer than it is held for the dead")
			timer := time.NewTimer(wait)
			<-timer.C
		}
		die()
		eventually(t, 5*time.Second, "the place of a process that died is free again", func() bool {
			_, release := spend("crm")
			if release != nil {
				release()
			}
			return release != nil
		})
		again()
	})
}

func TestPausedBudgetGrantsNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		b := Budget{Rate: 10, Burst: 10}
		_, release, err := q.Spend(t.Context(), "crm", b)
		require.NoError(t, err)
		require.NotNil(t, release)
		require.NoError(t, q.PauseBudget(t.Context(), "crm", 300*time.Millisecond))
		require.NoError(t, q.PauseBudget(t.Context(), "crm", time.Millisecond), "a shorter one never ends a longer one")
		began := time.Now()
		wait, release, err := q.Spend(t.Context(), "crm", b)
		require.NoError(t, err)
		require.Nil(t, release)
		require.InDelta(t, 300, wait.Milliseconds(), 100)
		eventually(t, 5*time.Second, "it ends", func() bool {
			_, release, err := q.Spend(t.Context(), "crm", b)
			return err == nil && release != nil
		})
		require.GreaterOrEqual(t, time.Since(began), 250*time.Millisecond)
		_, release, err = q.Spend(t.Context(), "crm", b)
		require.NoError(t, err)
		require.Nil(t, release, "what gathered in the pause doesn't leave at once")
	})
}
