package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
)

// ErrLeaseLost is the cause of a held context's end when somebody else has the lease now.
var ErrLeaseLost = errors.New("the lease is held by somebody else")

// Lease takes a named lease in Redis and renews it until release is called or ctx ends. ok is false when
// somebody else has it. A lease saves work and never guards truth: Redis may forget it at any moment, so
// what must happen once is claimed in the warehouse too. release may be called more than once.
func (q *Queue) Lease(ctx context.Context, name string, ttl time.Duration) (release func(), ok bool, err error) {
	_, release, ok, err = q.hold(ctx, q.keys.ours("lease", name), ttl)
	return release, ok, err
}

// hold takes the lease of a key. held ends with ctx, at release, and with cause ErrLeaseLost when another
// holder shows up. While Redis is away it goes on: whoever comes next can't take the lease either.
func (q *Queue) hold(ctx context.Context, key string, ttl time.Duration) (held context.Context, drop func(), ok bool, err error) {
	token := q.opt.Worker + "/" + uuid.NewString()
	got, err := q.redis.SetNX(ctx, key, token, ttl).Result()
	if err != nil {
		return nil, func() {}, false, fmt.Errorf("taking lease %s: %w", key, err)
	}
	if !got {
		return nil, func() {}, false, nil
	}
	held, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		q.renewWhileHeld(held, cancel, key, token, ttl)
	}()
	var once sync.Once
	drop = func() {
		once.Do(func() {
			cancel(context.Canceled)
			<-done
			// The holder's context may be over; the lease must be given back nevertheless, but not for ever.
			bg, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer stop()
			if err := release.Run(bg, q.redis, []string{key}, token).Err(); err != nil {
				q.log.Debug("lease wasn't given back and will expire", "lease", key, "error", err)
			}
		})
	}
	return held, drop, true, nil
}

func (q *Queue) renewWhileHeld(ctx context.Context, cancel context.CancelCauseFunc, key, token string, ttl time.Duration) {
	tick := time.NewTicker(ttl / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n, err := renew.Run(ctx, q.redis, []string{key}, token, ttl.Milliseconds()).Int()
		switch {
		case err != nil && ctx.Err() == nil:
			q.log.Warn("renewing a lease", "lease", key, "error", err)
		case err == nil && n == 0:
			cancel(ErrLeaseLost)
			return
		}
	}
}
