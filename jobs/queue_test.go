package jobs

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"
)

func TestAskingTwiceRunsOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q, l := open(t, url), newLedger(0)
		q.Handle("work", time.Minute, func(_ context.Context, id string) error {
			l.start(id)
			l.finish(id)
			return nil
		})
		for range 5 {
			require.NoError(t, q.Enqueue(t.Context(), "work", "a"))
		}
		require.NoError(t, q.Enqueue(t.Context(), "work", "b"))
		run(t, q)
		eventually(t, 5*time.Second, "both ran", func() bool { return l.finished() == 2 })
		require.Equal(t, 1, l.starts("a"))
		// The id is free again afterwards.
		eventually(t, 5*time.Second, "a runs again", func() bool {
			require.NoError(t, q.Enqueue(t.Context(), "work", "a"))
			return l.starts("a") >= 2
		})
	})
}

func TestAskingWhileItRunsRunsOnceMore(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		var runs, together atomic.Int32
		entered, leave := make(chan struct{}, 8), make(chan struct{})
		q.Handle("work", time.Minute, func(context.Context, string) error {
			if together.Add(1) > 1 {
				t.Error("two runs of one id at a time")
			}
			defer together.Add(-1)
			runs.Add(1)
			entered <- struct{}{}
			<-leave
			return nil
		})
		run(t, q)
		require.NoError(t, q.Enqueue(t.Context(), "work", "a"))
		<-entered
		require.NoError(t, q.Enqueue(t.Context(), "work", "a"))
		require.NoError(t, q.Enqueue(t.Context(), "work", "a"))
		close(leave)
		eventually(t, 5*time.Second, "it ran again", func() bool { return runs.Load() == 2 })
		s, err := q.Stats(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, s.Conflicts)
	})
}

func TestFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		var fails, panics, later atomic.Int32
		q.Handle("fails", time.Minute, func(context.Context, string) error {
			if fails.Add(1) < 2 {
				return errors.New("ada@example.com was refused")
			}
			return nil
		})
		q.Handle("panics", time.Minute, func(context.Context, string) error {
			if panics.Add(1) < 2 {
				panic("boom")
			}
			return nil
		})
		q.Handle("later", time.Minute, func(context.Context, string) error {
			if later.Add(1) < 3 {
				return RetryIn(10*time.Millisecond, nil)
			}
			return nil
		})
		for _, kind := range []string{"fails", "panics", "later"} {
			require.NoError(t, q.Enqueue(t.Context(), kind, "a"))
		}
		run(t, q)
		eventually(t, 5*time.Second, "the first try is over", func() bool { return fails.Load() > 0 })
		if info, err := asynq.NewInspectorFromRedisClient(q.Redis()).GetTaskInfo("test", "fails:a"); err == nil {
			require.NotContains(t, info.LastErr, "ada", "a handler's words must not be kept in Redis")
		}
		eventually(t, 10*time.Second, "all ended well", func() bool {
			return fails.Load() == 2 && panics.Load() == 2 && later.Load() == 3
		})
	})
}

func TestNotBefore(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		// The queue's clock may be any; only the delay counts.
		then := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		q := open(t, url, func(o *Options) { o.Now = func() time.Time { return then } })
		ran := make(chan string, 9)
		q.Handle("work", time.Minute, func(_ context.Context, id string) error { ran <- id; return nil })
		require.NoError(t, q.EnqueueIn(t.Context(), "work", "late", time.Hour))
		require.NoError(t, q.EnqueueIn(t.Context(), "work", "soon", time.Second))
		require.NoError(t, q.EnqueueAt(t.Context(), "work", "past", then.Add(-time.Hour)))
		run(t, q)
		require.Equal(t, "past", <-ran)
		require.Equal(t, "soon", <-ran)
		// The earlier of two wishes wins.
		require.NoError(t, q.EnqueueIn(t.Context(), "work", "late", 2*time.Hour))
		require.NoError(t, q.Enqueue(t.Context(), "work", "late"))
		require.Equal(t, "late", <-ran)
	})
}

func TestUrgentSkipsBackoff(t *testing.T) {
	t.Parallel()
	q := open(t, "")
	var runs atomic.Int32
	q.Handle("work", time.Minute, func(context.Context, string) error {
		if runs.Add(1) == 1 {
			return RetryIn(time.Hour, errors.New("down"))
		}
		return nil
	})
	run(t, q)
	require.NoError(t, q.Enqueue(t.Context(), "work", "a"))
	eventually(t, 5*time.Second, "waits for its retry", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Retry == 1
	})
	require.NoError(t, q.Enqueue(t.Context(), "work", "a"))
	require.EqualValues(t, 1, runs.Load(), "a plain wish respects the backoff")
	require.NoError(t, q.Enqueue(t.Context(), "work", "a", Urgent()))
	eventually(t, 5*time.Second, "ran", func() bool { return runs.Load() == 2 })
}

func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url, func(o *Options) { o.Grace = 300 * time.Millisecond })
		entered := make(chan struct{}, 2)
		var polite, cut atomic.Bool
		q.Handle("polite", time.Minute, func(ctx context.Context, _ string) error {
			entered <- struct{}{}
			for !Stopping(ctx) {
				if !pause(ctx, 5*time.Millisecond) {
					return ctx.Err()
				}
			}
			polite.Store(true)
			return RetryIn(0, nil)
		})
		q.Handle("slow", time.Minute, func(ctx context.Context, _ string) error {
			entered <- struct{}{}
			<-ctx.Done()
			cut.Store(true)
			return ctx.Err()
		})
		stop := run(t, q)
		require.NoError(t, q.Enqueue(t.Context(), "polite", "a"))
		require.NoError(t, q.Enqueue(t.Context(), "slow", "a"))
		<-entered
		<-entered
		began := time.Now()
		stop()
		require.True(t, polite.Load() && cut.Load(), "Run returns after its handlers")
		require.Less(t, time.Since(began), 4*time.Second)
		s, err := q.Stats(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, s.Retry+s.Pending, "both are left for the next process")
		require.Zero(t, s.Active)
	})
}

func TestEnqueueRefusesWhatIsNoID(t *testing.T) {
	t.Parallel()
	q := open(t, "")
	require.Error(t, q.Enqueue(t.Context(), "", "a"))
	require.Error(t, q.Enqueue(t.Context(), "work", ""))
	require.Error(t, q.Enqueue(t.Context(), "work", string(make([]byte, 901))))
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis-cluster://a":             "unknown scheme",
		"redis-sentinel://a:1,b:2":      "master=NAME",
		"redis-sentinel://a/x?master=m": "no database number",
		"redis://:secret@127.0.0.1:1/0": "reaching Redis",
	} {
		_, err := Open(t.Context(), Options{RedisURL: url})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestLimitLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		var heavy, most atomic.Int32
		leave, light := make(chan struct{}), make(chan struct{})
		q.Handle("heavy", time.Minute, func(context.Context, string) error {
			most.Store(max(most.Load(), heavy.Add(1)))
			defer heavy.Add(-1)
			<-leave
			return nil
		})
		q.Handle("light", time.Minute, func(context.Context, string) error { close(light); return nil })
		q.Limit("heavy", 2)
		for _, id := range []string{"a", "b", "c", "d"} {
			require.NoError(t, q.Enqueue(t.Context(), "heavy", id))
		}
		require.NoError(t, q.Enqueue(t.Context(), "light", "a"))
		run(t, q)
		<-light
		eventually(t, 5*time.Second, "two run", func() bool { return heavy.Load() == 2 })
		close(leave)
		eventually(t, 10*time.Second, "all ran", func() bool { return q.counts.processed.Load() == 5 })
		require.EqualValues(t, 2, most.Load())
	})
}
