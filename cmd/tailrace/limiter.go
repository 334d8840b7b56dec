package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
)

// limiter keeps rate budgets in Redis, where all processes share them, with a floor of this process below: a flushed
// Redis forgets pauses and what was spent, and this process still doesn't.
type limiter struct {
	queue *jobs.Queue
	local *connectors.LocalLimiter
	now   func() time.Time
}

var _ connectors.Limiter = (*limiter)(nil)

// placeFor is how long the places that a killed process had at a destination are lost to the others.
const placeFor = 10 * time.Second

// Take implements connectors.Limiter. Without Redis nothing is granted. The floor is asked first: what it refuses must cost
// other processes nothing of what is in Redis. What Redis refuses is given back to the floor.
func (l *limiter) Take(ctx context.Context, key string, b connectors.Budget) (time.Duration, func(), error) {
	wait, release, err := l.local.Take(ctx, key, b)
	if err != nil || release == nil {
		return wait, nil, err
	}
	wait, give, err := l.queue.Spend(ctx, key, jobs.Budget{Rate: b.Rate, Burst: b.Burst, Concurrency: b.Concurrency, Hold: placeFor})
	if err != nil || give == nil {
		release()
		l.local.GiveBack(key, b)
		return wait, nil, err
	}
	return 0, func() { release(); give() }, nil
}

// Pause implements connectors.Limiter.
func (l *limiter) Pause(ctx context.Context, key string, until time.Time) error {
	if err := l.local.Pause(ctx, key, until); err != nil {
		return err
	}
	return l.queue.PauseBudget(ctx, key, until.Sub(l.now()))
}

// credential names what shares a vendor's limits: two destinations with the same secrets at the same address do. It is
// a hash of them, 64 bits long, since it becomes part of a key in Redis.
func credential(d *project.Destination) string {
	if len(d.Credentials) == 0 {
		return d.Name
	}
	h := sha256.New()
	h.Write([]byte(d.Connector + "\x00" + d.BaseURL))
	for _, name := range slices.Sorted(maps.Keys(d.Credentials)) {
		h.Write([]byte("\x00" + name + "\x00" + d.Credentials[name].Reveal()))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
