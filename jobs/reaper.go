package jobs

import (
	"context"
	"time"
)

// reapOrphans takes out tasks that stay active without a lease of asynq's (asynq#1144, #764, #1051): its own
// recoverer looks at leases only and never finds them. The dispatcher brings their work up again.
func (q *Queue) reapOrphans(ctx context.Context) {
	seen := map[string]time.Time{}
	every := min(30*time.Second, q.opt.ReapAfter/2)
	for pause(ctx, every) {
		if err := q.reapOnce(ctx, seen, time.Now()); err != nil && ctx.Err() == nil {
			q.log.Warn("looking for orphaned tasks", "error", err)
		}
	}
}

// reapOnce takes out what was seen without a lease for ReapAfter; seen carries what was seen from call to call.
func (q *Queue) reapOnce(ctx context.Context, seen map[string]time.Time, now time.Time) error {
	active, err := q.redis.LRange(ctx, q.keys.asynq("active"), 0, -1).Result()
	if err != nil {
		return err
	}
	leased, err := q.redis.ZRange(ctx, q.keys.asynq("lease"), 0, -1).Result()
	if err != nil {
		return err
	}
	orphans := map[string]bool{}
	for _, id := range active {
		orphans[id] = true
	}
	for _, id := range leased {
		delete(orphans, id)
	}
	for id := range seen {
		if !orphans[id] {
			delete(seen, id)
		}
	}
	for id := range orphans {
		since, ok := seen[id]
		if !ok {
			seen[id] = now
			continue
		}
		if now.Sub(since) < q.opt.ReapAfter {
			continue
		}
		n, err := reap.Run(ctx, q.redis, []string{q.keys.task(id), q.keys.asynq("active"), q.keys.asynq("lease")}, id).Int64()
		if err != nil {
			return err
		}
		delete(seen, id)
		q.counts.reaped.Add(n)
		q.log.Warn("took out a task that nobody ran", "task", id)
	}
	return nil
}
