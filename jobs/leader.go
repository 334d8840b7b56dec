package jobs

import (
	"context"
	"time"
)

const (
	leaderTTL  = 6 * time.Second
	leaderPoll = time.Second
)

// Lead runs fn while this process is the leader of name, and tries to become it until then. fn's context
// ends when another process leads; Lead then waits for fn and stands again. It returns nil when ctx ends,
// or when fn returns nil while leading; an error of fn is logged and fn starts again. Two leaders may
// overlap for a moment, so fn must be harmless then.
func (q *Queue) Lead(ctx context.Context, name string, fn func(ctx context.Context) error) error {
	for {
		done, err := q.leadOnce(ctx, name, fn)
		if err != nil && ctx.Err() == nil {
			q.log.Warn("leading", "name", name, "error", err)
		}
		if done || ctx.Err() != nil {
			return nil
		}
		if !pause(ctx, leaderPoll) {
			return nil
		}
	}
}

func (q *Queue) leadOnce(ctx context.Context, name string, fn func(ctx context.Context) error) (done bool, err error) {
	held, drop, ok, err := q.hold(ctx, q.keys.ours("leader", name), leaderTTL)
	if err != nil || !ok {
		return false, err
	}
	defer drop()
	q.log.Debug("leading now", "name", name)
	err = fn(held)
	return err == nil && held.Err() == nil, err
}

// pause waits for d; false says that ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
