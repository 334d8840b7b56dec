package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// defaultTimeout bounds a slice of work whose kind names no time-out: under a minute, as slices should be.
const defaultTimeout = 55 * time.Second

type handler struct {
	timeout time.Duration
	fn      func(ctx context.Context, id string) error
	places  chan struct{} // one for each that may run in this process; nil: as many as the queue runs
}

// Handle registers the handler of a kind; call it before Run. The handler's context ends after timeout (0: 55 s), when
// the task's lease is lost, and at shutdown after the grace. It must read the warehouse first, do a bounded
// piece of work, record it, and leave no goroutine behind. nil means that nothing is left to do; an error
// (see RetryIn) runs it again. Two runs of one (kind, id) at a time are rare but possible.
func (q *Queue) Handle(kind string, timeout time.Duration, fn func(ctx context.Context, id string) error) {
	setDuration(&timeout, defaultTimeout)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.handlers[kind] = handler{timeout: timeout, fn: fn}
}

// Limit lets at most n handlers of a kind run in this process at a time, so that heavy ones leave room for the rest.
// Call it after Handle and before Run.
func (q *Queue) Limit(kind string, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.handlers[kind]
	h.places = make(chan struct{}, n)
	q.handlers[kind] = h
}

type stoppingKey struct{}

// Stopping says whether the process is shutting down. A handler that works through many slices should ask
// between them, and return RetryIn(0, nil) when it is so: another process goes on.
func Stopping(ctx context.Context) bool {
	q, ok := ctx.Value(stoppingKey{}).(*Queue)
	return ok && q.stopping.Load()
}

// Run works off the queue, asks the finders, and takes out orphans, until ctx ends. It then takes no new
// task, gives running handlers the grace to finish, cancels the rest, and returns when the last is back.
func (q *Queue) Run(ctx context.Context) error {
	base, cut := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), stoppingKey{}, q))
	defer cut()
	server := asynq.NewServerFromRedisClient(q.redis, asynq.Config{
		Concurrency:              q.opt.Concurrency,
		Queues:                   map[string]int{q.keys.queue: 1},
		BaseContext:              func() context.Context { return base },
		TaskCheckInterval:        200 * time.Millisecond,
		DelayedTaskCheckInterval: 500 * time.Millisecond,
		RetryDelayFunc:           retryDelay,
		IsFailure:                isFailure,
		Logger:                   asynqLog{q.log},
		LogLevel:                 asynq.WarnLevel,
		ShutdownTimeout:          q.opt.Grace + 2*time.Second,
	})
	if err := server.Start(asynq.HandlerFunc(q.process)); err != nil {
		return fmt.Errorf("starting the queue's worker: %w", err)
	}
	var loops sync.WaitGroup
	loops.Go(func() { q.dispatch(ctx) })
	loops.Go(func() { q.reapOrphans(ctx) })
	<-ctx.Done()
	q.stopping.Store(true)
	loops.Wait()
	grace := time.AfterFunc(q.opt.Grace, cut)
	defer grace.Stop()
	server.Stop()
	server.Shutdown()
	cut()
	// asynq lets go of a handler that overstays; nobody may close the warehouse under it.
	q.running.Wait()
	return nil
}

// process runs one task under its run lease.
func (q *Queue) process(ctx context.Context, t *asynq.Task) error {
	q.running.Add(1)
	defer q.running.Done()
	kind, id := t.Type(), string(t.Payload())
	q.mu.RLock()
	h, ok := q.handlers[kind]
	q.mu.RUnlock()
	if !ok {
		return again("unknown kind", unknownDelay) // another process may know it
	}
	if h.places != nil {
		select {
		case h.places <- struct{}{}:
			defer func() { <-h.places }()
		default:
			return again("busy", placeDelay)
		}
	}
	key := Task{Kind: kind, ID: id}.key()
	held, drop, ok, err := q.hold(ctx, q.keys.run(key), q.opt.RunLease)
	if err != nil || !ok {
		return again("busy", busyDelay)
	}
	defer drop()
	// What was asked for until now is what the handler is about to read.
	if err := q.redis.Del(held, q.keys.again(key)).Err(); err != nil {
		return again("busy", busyDelay)
	}
	err = q.call(held, h, kind, id)
	drop()
	if err != nil {
		return q.failed(err, kind, id)
	}
	q.counts.processed.Add(1)
	if n, err := q.redis.Del(context.WithoutCancel(ctx), q.keys.again(key)).Result(); err == nil && n > 0 {
		return again("asked again", 0)
	}
	return nil
}

// call runs the handler; a panic is an error, and stays here.
func (q *Queue) call(ctx context.Context, h handler, kind, id string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			q.log.Error("handler panicked", "kind", kind, "id", id, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("handling %s %s: panic: %v", kind, id, r)
		}
	}()
	ctx, span := otel.Tracer("tailrace/jobs").Start(ctx, kind, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.String("tailrace.task.id", id)))
	defer span.End()
	if err := h.fn(ctx, id); err != nil {
		var later *retryIn
		if !errors.As(err, &later) || later.cause != nil {
			span.SetStatus(codes.Error, "") // its words may hold a vendor's
		}
		return err
	}
	return nil
}

func (q *Queue) failed(err error, kind, id string) error {
	var later *retryIn
	if errors.As(err, &later) && later.cause == nil {
		return toOutcome(err, false)
	}
	stopping := q.stopping.Load()
	if !stopping {
		q.counts.failed.Add(1)
		q.log.Warn("handling a task", "kind", kind, "id", id, "error", err)
	}
	return toOutcome(err, stopping)
}

// asynqLog hands asynq's own messages to slog. Its fatal ones are errors here: a library doesn't end the process.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug(fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Debug(fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn(fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Error(fmt.Sprint(args...)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error(fmt.Sprint(args...)) }
