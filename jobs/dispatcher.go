package jobs

import (
	"context"
	"time"
)

// Finder registers a look-up of unfinished work in the warehouse; call it before Run. Every process asks it
// every few seconds and enqueues what it returns, so it should be one cheap query that names the most urgent
// work first. Naming work that is queued, running or waiting for its retry is harmless.
func (q *Queue) Finder(find func(ctx context.Context) ([]Task, error)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finders = append(q.finders, find)
}

// dispatch asks the finders at once, then at every turn and at every Wake, until ctx ends.
func (q *Queue) dispatch(ctx context.Context) {
	every := time.NewTicker(q.opt.DispatchEvery)
	defer every.Stop()
	for {
		q.dispatchOnce(ctx)
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		case <-q.wake:
		}
	}
}

// dispatchOnce enqueues what the finders name, as far as there is room, in turns so that a long list of one
// holds up no other. A finder that fails, or Redis being away, costs this turn only.
func (q *Queue) dispatchOnce(ctx context.Context) {
	q.mu.RLock()
	finders := q.finders
	q.mu.RUnlock()
	pending, err := q.redis.LLen(ctx, q.keys.asynq("pending")).Result()
	if err != nil {
		q.dispatchFailed(ctx, "asking for the queue's length", err)
		return
	}
	var lists [][]Task
	longest := 0
	for _, find := range finders {
		tasks, err := find(ctx)
		if err != nil {
			q.dispatchFailed(ctx, "looking for unfinished work", err)
			continue
		}
		lists = append(lists, tasks)
		longest = max(longest, len(tasks))
	}
	room := int64(q.opt.MaxPending) - pending
	for i := range longest {
		for _, tasks := range lists {
			if i >= len(tasks) || room <= 0 {
				continue // what has no room now is named again at the next turn
			}
			added, err := q.enqueue(ctx, tasks[i])
			if err != nil {
				q.dispatchFailed(ctx, "dispatching", err)
				return
			}
			if added {
				room--
			}
		}
	}
	q.counts.dispatches.Add(1)
}

func (q *Queue) dispatchFailed(ctx context.Context, doing string, err error) {
	if ctx.Err() != nil {
		return
	}
	q.counts.dispatchErrors.Add(1)
	q.log.Warn(doing, "error", err)
}
