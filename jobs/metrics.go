package jobs

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// counters count since the process began.
type counters struct {
	enqueued, conflicts, rescued, reaped, processed, failed atomic.Int64
	dispatches, dispatchErrors, ticks, fired                atomic.Int64
}

// Stats are the queue's lengths now, over all processes, and this process's counts since it began.
type Stats struct {
	Pending, Active, Scheduled, Retry, Archived             int64
	Enqueued, Conflicts, Rescued, Reaped, Processed, Failed int64
	Dispatches, DispatchErrors, Ticks, Fired                int64
}

// Stats asks Redis for the lengths and adds this process's counts, which are there even with an error.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	c := &q.counts
	s := Stats{
		Enqueued: c.enqueued.Load(), Conflicts: c.conflicts.Load(), Rescued: c.rescued.Load(), Reaped: c.reaped.Load(),
		Processed: c.processed.Load(), Failed: c.failed.Load(), Dispatches: c.dispatches.Load(),
		DispatchErrors: c.dispatchErrors.Load(), Ticks: c.ticks.Load(), Fired: c.fired.Load(),
	}
	var pending, active, scheduled, retry, archived *redis.IntCmd
	_, err := q.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		pending, active = p.LLen(ctx, q.keys.asynq("pending")), p.LLen(ctx, q.keys.asynq("active"))
		scheduled, retry = p.ZCard(ctx, q.keys.asynq("scheduled")), p.ZCard(ctx, q.keys.asynq("retry"))
		archived = p.ZCard(ctx, q.keys.asynq("archived"))
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("reading the queue's lengths: %w", err)
	}
	s.Pending, s.Active, s.Scheduled = pending.Val(), active.Val(), scheduled.Val()
	s.Retry, s.Archived = retry.Val(), archived.Val()
	return s, nil
}

var (
	lengthDesc = prometheus.NewDesc("tailrace_queue_tasks", "Tasks in the queue by state.", []string{"state"}, nil)
	countDesc  = prometheus.NewDesc("tailrace_queue_events_total", "What this process did with tasks and slots.", []string{"event"}, nil)
	_          = prometheus.Collector((*Queue)(nil))
)

// Describe is part of prometheus.Collector.
func (q *Queue) Describe(out chan<- *prometheus.Desc) {
	out <- lengthDesc
	out <- countDesc
}

// Collect is part of prometheus.Collector. While Redis is away only this process's counts are given.
func (q *Queue) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s, err := q.Stats(ctx)
	if err == nil {
		for state, n := range map[string]int64{"pending": s.Pending, "active": s.Active, "scheduled": s.Scheduled, "retry": s.Retry, "archived": s.Archived} {
			out <- prometheus.MustNewConstMetric(lengthDesc, prometheus.GaugeValue, float64(n), state)
		}
	}
	for event, n := range map[string]int64{
		"enqueued": s.Enqueued, "conflict": s.Conflicts, "rescued": s.Rescued, "reaped": s.Reaped, "processed": s.Processed,
		"failed": s.Failed, "dispatched": s.Dispatches, "dispatch_error": s.DispatchErrors, "fired": s.Fired,
	} {
		out <- prometheus.MustNewConstMetric(countDesc, prometheus.CounterValue, float64(n), event)
	}
}
