package syncs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs/audit"
	"github.com/tailrace/tailrace/warehouse"
)

// The kinds of tasks; their id is a run's.
const (
	TaskPlan    = "sync.plan"
	TaskDeliver = "sync.deliver"
	TaskFinish  = "sync.finish"
)

// Enqueuer takes a task for soon; *jobs.Queue is one. Losing what it took is
// harmless: Unfinished names it again.
type Enqueuer interface {
	Enqueue(ctx context.Context, kind, id string, opts ...jobs.EnqueueOption) error
}

// Options of an engine.
type Options struct {
	DB    *warehouse.DB
	Queue Enqueuer // nil: nobody is told, Drive does the work
	Now   func() time.Time
	Log   *slog.Logger
	// Connect opens a destination of the current project.
	Connect func(*project.Destination) (*connectors.Destination, error)
	// Project gives the current project; it may change between calls.
	Project func() *project.Project
	// External tells in what state the tables of other databases are that the
	// project reads, by database.table; nil: nothing is known of them.
	External func(ctx context.Context) (map[string]string, error)
	// Worker names this process in claims and intents.
	Worker string
	// Slice bounds one call of Deliver; zero means 45 s.
	Slice time.Duration
	// Concurrency is how many batches a slice has on their way at once, as far as
	// the destination allows; zero means 20.
	Concurrency int
	// Grace is how long after an intent's deadline, or after a claim went
	// quiet, a batch may be taken over; zero means 5 s.
	Grace time.Duration
	// ClaimFor is how long a worker's claim on batches holds without a sign of
	// life, where several processes share the warehouse; zero means 12 s.
	ClaimFor time.Duration
	// MaxAttempts bounds how often an unknown batch of class A or B is sent again
	// within a run; zero means 8.
	MaxAttempts int
	// IsolateCalls bounds the requests that look, in one batch, for rows that a
	// destination refused without naming them; zero means 64.
	IsolateCalls int
	// QuarantineAfter is after how many runs with the same permanent error and
	// payload a row is set aside; zero means 5.
	QuarantineAfter int
	// Marks are where the newest intent is remembered outside of the ledger, so
	// that a ledger restored from a backup is noticed.
	Marks []MarkStore
	// Faults are called at the doors, for crash tests; nil in production.
	Faults func(ctx context.Context, door Door) error

	broken        broken
	storeSumsFrom uint64 // tests store the sums of small states too
	alwaysMerge   bool   // tests: plans of any size take the way of large ones
	lookUpMemory  int    // of the way of small ones; tests make it fail
}

// broken are the deliberately broken variants that the crash tests must catch.
type broken struct {
	ignoreIntents bool // an attempt without an outcome counts as not sent
	ackFirst      bool // outcomes are written before the request leaves
	noReceipts    bool // events of a window are sent whether or not they were
}

// Door is a passage to the outside: what is called, and on which side of it.
type Door struct {
	Name  string // insert:sync_intents, send, …
	After bool
}

// Engine runs syncs. It is safe for concurrent use, by many processes too.
type Engine struct {
	o     Options
	db    *warehouse.DB
	turns turns
	tests tests

	remembered remembered

	smallStates sync.Map // ids of syncs whose state is read sooner than its sums are looked up

	auditLog *audit.Log
}

// New makes an engine. It does no I/O.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Slice == 0 {
		o.Slice = 45 * time.Second
	}
	if o.Concurrency == 0 {
		o.Concurrency = 20
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	if o.ClaimFor == 0 {
		o.ClaimFor = 12 * time.Second
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = 8
	}
	if o.IsolateCalls == 0 {
		o.IsolateCalls = 64
	}
	if o.QuarantineAfter == 0 {
		o.QuarantineAfter = 5
	}
	if o.storeSumsFrom == 0 {
		o.storeSumsFrom = storeSumsFrom
	}
	if o.lookUpMemory == 0 {
		o.lookUpMemory = planMemory
	}
	if o.Worker == "" {
		o.Worker = "worker"
	}
	return &Engine{o: o, db: o.DB, auditLog: audit.NewLog(o.DB, o.Now)}
}

func (e *Engine) now() time.Time { return e.o.Now().UTC().Truncate(time.Millisecond) }

// at passes a door. An error is what a fault test puts there.
func (e *Engine) at(ctx context.Context, name string, after bool) error {
	if e.o.Faults == nil {
		return nil
	}
	return e.o.Faults(ctx, Door{Name: name, After: after})
}

// through runs a call through a door.
func (e *Engine) through(ctx context.Context, name string, call func() error) error {
	if err := e.at(ctx, name, false); err != nil {
		return err
	}
	if err := call(); err != nil {
		return err
	}
	return e.at(ctx, name, true)
}

// insert appends one block under a token that names its content. An error
// leaves open whether it is there, so the same block goes in again.
func (e *Engine) insert(ctx context.Context, table string, columns []string, rows [][]any, token string) error {
	return e.through(ctx, "insert:"+table, func() error {
		var err error
		for try := 0; try < 3; try++ {
			if err = e.db.Insert(ctx, table, columns, rows, warehouse.InsertOptions{Token: token}); err == nil || ctx.Err() != nil {
				return err
			}
			var bad *warehouse.RowError
			if errors.As(err, &bad) {
				return err
			}
		}
		return err
	})
}

// enqueue tells the queue; a queue that doesn't take it only delays the work.
func (e *Engine) enqueue(ctx context.Context, kind, id string, opts ...jobs.EnqueueOption) {
	if e.o.Queue == nil {
		return
	}
	err := e.through(ctx, "enqueue:"+kind, func() error { return e.o.Queue.Enqueue(ctx, kind, id, opts...) })
	if err != nil {
		e.o.Log.Warn("the queue didn't take a task; it will be found again", "kind", kind, "run", id, "error", err)
	}
}

// Later is returned where there is nothing to do before a moment: a vendor's
// Retry-After, a claim of another worker, an intent whose deadline is to pass.
type Later struct {
	At     time.Time
	Reason string
}

// Error says what is waited for.
func (l *Later) Error() string {
	return fmt.Sprintf("not before %s: %s", l.At.UTC().Format(time.RFC3339), l.Reason)
}

// Handlers are what a queue's workers run, by kind of task.
func (e *Engine) Handlers() map[string]func(ctx context.Context, runID string) error {
	wrap := func(f func(context.Context, string) error) func(context.Context, string) error {
		return func(ctx context.Context, id string) error {
			err := f(ctx, id)
			var later *Later
			if errors.As(err, &later) {
				return jobs.RetryIn(max(later.At.Sub(e.o.Now()), 100*time.Millisecond), nil)
			}
			return err
		}
	}
	return map[string]func(context.Context, string) error{
		TaskPlan: wrap(e.Plan), TaskDeliver: wrap(e.Deliver), TaskFinish: wrap(e.Finish),
	}
}
