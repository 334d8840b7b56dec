package jobs

import (
	"context"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"
)

// admit and reap read asynq's keys. This pins the layout that they know, so that an upgrade that changes it
// fails here and not in the field.
func TestAsynqKeepsItsLayout(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		ctx, c := t.Context(), q.Redis()
		entered, leave := make(chan struct{}), make(chan struct{})
		q.Handle("work", time.Minute, func(_ context.Context, id string) error {
			if id == "fails" {
				return RetryIn(time.Hour, nil)
			}
			close(entered)
			<-leave
			return nil
		})
		state := func(id string) string { return c.HGet(ctx, q.keys.task(id), "state").Val() }
		require.NoError(t, q.Enqueue(ctx, "work", "runs"))
		require.Equal(t, "pending", state("work:runs"))
		require.Equal(t, []string{"work:runs"}, c.LRange(ctx, q.keys.asynq("pending"), 0, -1).Val())
		require.NoError(t, q.EnqueueIn(ctx, "work", "later", time.Hour))
		require.Equal(t, "scheduled", state("work:later"))
		require.InDelta(t, time.Now().Add(time.Hour).Unix(), c.ZScore(ctx, q.keys.asynq("scheduled"), "work:later").Val(), 5)

		run(t, q)
		<-entered
		require.Equal(t, "active", state("work:runs"))
		require.Equal(t, []string{"work:runs"}, c.LRange(ctx, q.keys.asynq("active"), 0, -1).Val())
		lease := time.Unix(int64(c.ZScore(ctx, q.keys.asynq("lease"), "work:runs").Val()), 0)
		require.WithinDuration(t, time.Now().Add(asynqLease), lease, 6*time.Second)
		close(leave)
		eventually(t, 5*time.Second, "a done task leaves nothing behind", func() bool {
			return c.Exists(ctx, q.keys.task("work:runs"), q.keys.asynq("active")).Val() == 0
		})

		require.NoError(t, q.Enqueue(ctx, "work", "fails"))
		eventually(t, 5*time.Second, "in retry", func() bool { return state("work:fails") == "retry" })
		require.Equal(t, []string{"work:fails"}, c.ZRange(ctx, q.keys.asynq("retry"), 0, -1).Val())
		require.NoError(t, asynq.NewInspectorFromRedisClient(c).ArchiveTask("test", "work:fails"))
		require.Equal(t, "archived", state("work:fails"))
		require.Equal(t, []string{"work:fails"}, c.ZRange(ctx, q.keys.asynq("archived"), 0, -1).Val())
	})
}

// The rows of reliability.md 1.2 that admit answers: asynq alone refuses an id while its task is pending, and
// also when it is archived. If this fails, asynq has changed and admit may be simpler.
func TestAsynqAloneRefusesAnID(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		q := open(t, url)
		add := func() error {
			_, err := q.client.EnqueueContext(t.Context(), asynq.NewTask("work", nil), asynq.TaskID("x"), asynq.Queue("test"))
			return err
		}
		require.NoError(t, add())
		require.ErrorIs(t, add(), asynq.ErrTaskIDConflict)
		require.NoError(t, asynq.NewInspectorFromRedisClient(q.Redis()).ArchiveTask("test", "x"))
		require.ErrorIs(t, add(), asynq.ErrTaskIDConflict)
	})
}

// A crash isn't a try (asynq#1015), and a handler's own word on when to come back is kept.
func TestWhatCountsAsATry(t *testing.T) {
	t.Parallel()
	require.False(t, isFailure(asynq.ErrLeaseExpired))
	require.False(t, isFailure(context.Canceled))
	require.False(t, isFailure(toOutcome(RetryIn(time.Second, nil), false)))
	require.False(t, isFailure(toOutcome(context.DeadlineExceeded, true)))
	require.True(t, isFailure(toOutcome(context.DeadlineExceeded, false)))
	require.Equal(t, time.Minute, retryDelay(3, toOutcome(RetryIn(time.Minute, context.Canceled), false), nil))
	require.Zero(t, retryDelay(3, asynq.ErrLeaseExpired, nil))
	for tries := range 40 {
		d := retryDelay(tries, toOutcome(context.DeadlineExceeded, false), nil)
		require.True(t, d >= time.Second/2 && d <= maxBackoff, d)
	}
}
