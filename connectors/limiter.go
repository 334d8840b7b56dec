package connectors

import (
	"context"
	"sync"
	"time"
)

// Limiter holds the budgets that all syncs of one credential share. The
// in-process one serves a single process; one in Redis (GCRA) serves a fleet
// behind the same interface, which is why keys are texts and calls may fail.
type Limiter interface {
	// Take asks for one request of budget b under key. It either grants it
	// (wait 0; release must be called when the request is over) or says how
	// long to wait before asking again; nothing is reserved then.
	Take(ctx context.Context, key string, b Budget) (wait time.Duration, release func(), err error)
	// Pause lets nothing pass under key before until: a vendor asked for it.
	Pause(ctx context.Context, key string, until time.Time) error
}

// LocalLimiter is a Limiter within one process: a token bucket per key, a
// count of requests in flight, and pauses.
type LocalLimiter struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	tokens   float64
	filled   time.Time
	inFlight int
	paused   time.Time
}

var _ Limiter = (*LocalLimiter)(nil)

// NewLocalLimiter makes one with the clock given.
func NewLocalLimiter(now func() time.Time) *LocalLimiter {
	return &LocalLimiter{now: now, buckets: map[string]*bucket{}}
}

// busyWait is how soon to ask again when all slots of Concurrency are taken.
const busyWait = 25 * time.Millisecond

// Take implements Limiter.
func (l *LocalLimiter) Take(_ context.Context, key string, b Budget) (time.Duration, func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	k := l.bucket(key, b, now)
	if wait := k.paused.Sub(now); wait > 0 {
		return wait, nil, nil
	}
	if b.Concurrency > 0 && k.inFlight >= b.Concurrency {
		return busyWait, nil, nil
	}
	if b.Rate > 0 {
		burst := float64(max(b.Burst, 1))
		if dt := now.Sub(k.filled); dt > 0 {
			k.tokens = min(burst, k.tokens+dt.Seconds()*b.Rate)
			k.filled = now
		}
		if k.tokens < 1 {
			return time.Duration((1-k.tokens)/b.Rate*float64(time.Second)).Round(time.Millisecond) + time.Millisecond, nil, nil
		}
		k.tokens--
	}
	k.inFlight++
	var once sync.Once
	return 0, func() {
		once.Do(func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			k.inFlight--
		})
	}, nil
}

// GiveBack returns what a granted Take has spent of the rate, for a request that was never made; its release is called too.
func (l *LocalLimiter) GiveBack(key string, b Budget) {
	if b.Rate <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.bucket(key, b, l.now())
	k.tokens = min(float64(max(b.Burst, 1)), k.tokens+1)
}

// Pause implements Limiter. A shorter pause never ends a longer one.
func (l *LocalLimiter) Pause(_ context.Context, key string, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.bucket(key, Budget{Burst: 1}, l.now())
	if until.After(k.paused) {
		k.paused = until
	}
	// What had gathered before the vendor refused must not leave at once after.
	k.tokens = min(k.tokens, 1)
	return nil
}

func (l *LocalLimiter) bucket(key string, b Budget, now time.Time) *bucket {
	k := l.buckets[key]
	if k == nil {
		k = &bucket{tokens: float64(max(b.Burst, 1)), filled: now}
		l.buckets[key] = k
	}
	return k
}
