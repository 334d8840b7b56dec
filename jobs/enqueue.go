package jobs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hibiken/asynq"
)

const (
	// asynqLease is how far ahead asynq sets a lease at dequeue and at each heartbeat (every 5 s).
	asynqLease = 30 * time.Second
	// startWindow is how long a dequeued task may take to get its run lease before it counts as orphaned.
	startWindow = 3 * time.Second
	// againTTL bounds how long "run once more" is remembered.
	againTTL = 10 * time.Minute
	// asynqTimeout is above every handler's own: asynq frees the slot at its time-out although the handler runs on.
	asynqTimeout = 24 * time.Hour
)

// Task is one piece of work: what kind, and the id under which the handler finds it in the warehouse.
type Task struct {
	Kind, ID string
	// NotBefore, if set, is the earliest time to run it.
	NotBefore time.Time
	// Urgent runs it now, even when it waits for a retry.
	Urgent bool
}

func (t Task) key() string { return t.Kind + ":" + t.ID }

// EnqueueOption changes how a task is enqueued.
type EnqueueOption func(*Task)

// At runs the task no earlier than t.
func At(t time.Time) EnqueueOption { return func(k *Task) { k.NotBefore = t } }

// Urgent runs the task now, even when it waits for a later time or a retry.
func Urgent() EnqueueOption { return func(k *Task) { k.Urgent = true } }

// Enqueue asks for one run of the kind's handler with id. Asking again before it ran changes nothing;
// asking while it runs makes it run once more. Ids only: no personal data, no secrets, no SQL.
// An error means that Redis didn't take it; a finder that knows the work will bring it up again.
func (q *Queue) Enqueue(ctx context.Context, kind, id string, opts ...EnqueueOption) error {
	t := Task{Kind: kind, ID: id}
	for _, o := range opts {
		o(&t)
	}
	_, err := q.enqueue(ctx, t)
	return err
}

// EnqueueAt is Enqueue with At.
func (q *Queue) EnqueueAt(ctx context.Context, kind, id string, at time.Time) error {
	return q.Enqueue(ctx, kind, id, At(at))
}

// EnqueueIn is Enqueue no earlier than d from now.
func (q *Queue) EnqueueIn(ctx context.Context, kind, id string, d time.Duration) error {
	return q.Enqueue(ctx, kind, id, At(q.now().Add(d)))
}

// enqueue says whether a task was added to the queue; it wasn't when the work was in it already.
func (q *Queue) enqueue(ctx context.Context, t Task) (added bool, err error) {
	if t.Kind == "" || t.ID == "" || len(t.ID) > 900 {
		return false, fmt.Errorf("enqueueing %q: a task needs a kind and an id of at most 900 bytes", t.Kind)
	}
	// asynq compares with the machine's clock; ours may be another one, so only the delay is carried over.
	at := time.Now()
	if d := t.NotBefore.Sub(q.now()); !t.NotBefore.IsZero() && d > 0 {
		at = at.Add(d)
	}
	// A conflicting task can vanish between the refusal and the look at it, hence the few rounds.
	for range 3 {
		_, err := q.client.EnqueueContext(ctx, asynq.NewTask(t.Kind, []byte(t.ID)),
			asynq.TaskID(t.key()), asynq.Queue(q.keys.queue), asynq.MaxRetry(math.MaxInt32),
			asynq.Timeout(asynqTimeout), asynq.ProcessAt(at))
		if err == nil {
			q.counts.enqueued.Add(1)
			return true, nil
		}
		if !errors.Is(err, asynq.ErrTaskIDConflict) {
			return false, fmt.Errorf("enqueueing %s %s: %w", t.Kind, t.ID, err)
		}
		fate, err := q.admit(ctx, t, at)
		if err != nil {
			return false, fmt.Errorf("enqueueing %s %s again: %w", t.Kind, t.ID, err)
		}
		if fate != "gone" {
			q.counts.conflicts.Add(1)
			if fate == "rescued" {
				q.counts.rescued.Add(1)
				q.log.Warn("task of a lost worker goes back to the queue", "kind", t.Kind, "id", t.ID)
			}
			return false, nil
		}
	}
	return false, nil // it came and went three times: somebody else is running it right now
}

func (q *Queue) admit(ctx context.Context, t Task, at time.Time) (string, error) {
	id, now, urgent := t.key(), time.Now(), 0
	if t.Urgent {
		urgent = 1
	}
	keys := []string{
		q.keys.task(id), q.keys.asynq("pending"), q.keys.asynq("active"), q.keys.asynq("lease"), q.keys.asynq("scheduled"),
		q.keys.asynq("retry"), q.keys.asynq("archived"), q.keys.asynq("completed"), q.keys.run(id), q.keys.again(id),
	}
	return admit.Run(ctx, q.redis, keys, id, now.UnixNano(), at.Unix(), urgent,
		againTTL.Milliseconds(), now.Add(asynqLease-startWindow).Unix()).Text()
}
