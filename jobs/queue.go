package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/warehouse"
)

// Options configure a Queue. Every field but DB has a default.
type Options struct {
	// RedisURL is redis://, rediss://, unix:// or redis-sentinel://[:password@]host,host/db?master=NAME.
	// Empty starts a Redis in this process, which forgets everything at its end.
	RedisURL string
	// Prefix keeps environments apart on one Redis. Default: the warehouse's database name.
	Prefix string
	// DB is the warehouse that holds jobs_slots and jobs_claims.
	DB *warehouse.DB
	// Now is the clock of schedules and delays. Default: time.Now.
	Now func() time.Time
	// Log gets ids and kinds, never what a task is about.
	Log *slog.Logger
	// Worker names this process in leases and claims. Default: host, pid and a random part.
	Worker string
	// Concurrency is how many handlers run at a time; most wait for answers. Default: 24. See Limit.
	Concurrency int
	// DispatchEvery is how often the finders are asked. Default: 3 s.
	DispatchEvery time.Duration
	// ScheduleEvery is how often due slots are looked for. Default: 5 s.
	ScheduleEvery time.Duration
	// RunLease is how long a killed worker's task stays taken. Default: 8 s; renewed four times in it.
	RunLease time.Duration
	// ReapAfter is how long a task may be active without a lease of asynq's. Default: 5 min.
	ReapAfter time.Duration
	// MaxPending stops the dispatcher from adding to a longer queue.
	// Default: 200 in process (its lists are slow), else 10,000.
	MaxPending int
	// Grace is how long handlers may go on once Run's context has ended. Default: 10 s.
	Grace time.Duration
}

// Queue hands tasks to handlers, and leases to whoever asks. It is safe for concurrent use.
type Queue struct {
	opt      Options
	inside   *miniredis.Miniredis // nil with a Redis by URL
	redis    redis.UniversalClient
	client   *asynq.Client
	keys     keyspace
	log      *slog.Logger
	now      func() time.Time
	mu       sync.RWMutex
	handlers map[string]handler
	finders  []func(context.Context) ([]Task, error)
	wake     chan struct{}
	tick     chan struct{}
	running  sync.WaitGroup
	stopping atomic.Bool
	counts   counters
}

// Open connects to Redis and starts nothing: Run does. The error says when Redis can't be reached.
func Open(ctx context.Context, o Options) (*Queue, error) {
	o = withDefaults(o)
	q := &Queue{
		opt: o, log: o.Log, now: o.Now, handlers: map[string]handler{},
		keys: keyspace{queue: o.Prefix},
		wake: make(chan struct{}, 1), tick: make(chan struct{}, 1),
	}
	client, inside, err := connect(o.RedisURL)
	if err != nil {
		return nil, err
	}
	q.redis, q.inside = client, inside
	if err := q.redis.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("reaching Redis: %w", err), q.Close())
	}
	q.client = asynq.NewClientFromRedisClient(q.redis)
	return q, nil
}

func withDefaults(o Options) Options {
	if o.Prefix == "" {
		o.Prefix = "tailrace"
		if o.DB != nil {
			o.Prefix = o.DB.Database()
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Worker == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown-host"
		}
		o.Worker = fmt.Sprintf("%s:%d:%08x", host, os.Getpid(), rand.Uint32())
	}
	if o.Concurrency < 1 {
		o.Concurrency = 24
	}
	setDuration(&o.DispatchEvery, 3*time.Second)
	setDuration(&o.ScheduleEvery, 5*time.Second)
	setDuration(&o.RunLease, 8*time.Second)
	setDuration(&o.ReapAfter, 5*time.Minute)
	setDuration(&o.Grace, 10*time.Second)
	if o.MaxPending < 1 {
		o.MaxPending = 10_000
		if o.RedisURL == "" {
			o.MaxPending = 200
		}
	}
	return o
}

func setDuration(d *time.Duration, def time.Duration) {
	if *d <= 0 {
		*d = def
	}
}

// Redis returns the client, for rate limits and the like. It stays the queue's: don't close it.
func (q *Queue) Redis() redis.UniversalClient { return q.redis }

// Worker returns this process's name in leases and claims.
func (q *Queue) Worker() string { return q.opt.Worker }

// InProcess says whether Redis lives in this process.
func (q *Queue) InProcess() bool { return q.inside != nil }

// Wake lets the dispatcher ask the finders now instead of at its next turn.
func (q *Queue) Wake() { signal(q.wake) }

// Tick lets the scheduler look for due slots now instead of at its next turn.
func (q *Queue) Tick() { signal(q.tick) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is waiting already
	}
}

// Close gives the connections back. Run and Schedule must have returned.
func (q *Queue) Close() error {
	err := q.redis.Close()
	if q.inside != nil {
		q.inside.Close()
	}
	if err != nil {
		return fmt.Errorf("closing Redis: %w", err)
	}
	return nil
}
