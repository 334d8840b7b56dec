package erasure

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// logsPlace is the check of collectors whose log wasn't let go.
const logsPlace = "logs of collectors that didn't answer"

// waiting is an erasure in a state in which collectors let go of their logs.
type waiting struct {
	ID    string `ch:"erasure_id"`
	Round uint64 `ch:"round"`
}

// ReleaseLogs lets this process's collector go of its log for every erasure that waits for it, and says so by a row. It
// is called every few seconds, and also tells that the collector is there. Without a collector it does nothing.
func (e *Engine) ReleaseLogs(ctx context.Context) error {
	if e.o.Logs == nil {
		return nil
	}
	if err := e.present(ctx, false); err != nil {
		return err
	}
	var found []waiting
	err := e.db.Select(ctx, &found, "SELECT erasure_id, argMax(counts, seq)['rounds'] AS round FROM "+e.table("erasures")+
		" GROUP BY erasure_id HAVING argMax(state, seq) = 'erasing' AND (erasure_id, round) NOT IN (SELECT erasure_id, round FROM "+e.table("erasure_logs")+" WHERE collector_id = ?)", e.o.Collector)
	if err != nil {
		return fmt.Errorf("looking for erasures that wait for this log: %w", err)
	}
	if len(found) == 0 {
		return nil
	}
	if err := e.o.Logs(ctx); err != nil {
		return fmt.Errorf("letting go of the log: %w", err)
	}
	rows := make([][]any, len(found))
	for i, w := range found {
		rows[i] = []any{w.ID, w.Round, e.o.Collector, e.now()}
	}
	if err := e.db.Insert(ctx, e.table("erasure_logs"), []string{"erasure_id", "round", "collector_id", "at"}, rows, warehouse.InsertOptions{}); err != nil {
		return fmt.Errorf("recording that the log is let go: %w", err)
	}
	return nil
}

// LeaveLogs says that this process's collector is gone and has left no log behind; its caller has seen to that.
func (e *Engine) LeaveLogs(ctx context.Context) error {
	e.mu.Lock()
	known := !e.seen.IsZero()
	e.mu.Unlock()
	if !known {
		return nil // nobody was told of it
	}
	return e.present(ctx, true)
}

// presentEvery is how often a collector says that it is there.
const presentEvery = time.Hour

func (e *Engine) present(ctx context.Context, gone bool) error {
	e.mu.Lock()
	fresh := !gone && e.now().Sub(e.seen) < presentEvery
	e.mu.Unlock()
	if fresh {
		return nil
	}
	now := e.now()
	err := e.db.Insert(ctx, e.table("collectors"), []string{"collector_id", "host", "seen_at", "gone", "version"},
		[][]any{{e.o.Collector, e.o.Host, now, gone, uint64(now.UnixMicro())}}, warehouse.InsertOptions{})
	if err != nil {
		return fmt.Errorf("recording that a collector is there: %w", err)
	}
	e.mu.Lock()
	e.seen = now
	e.mu.Unlock()
	return nil
}

// missingLogs names the collectors that haven't let go of their logs in this round, by host and id.
func (e *Engine) missingLogs(ctx context.Context, x *Erasure) ([]string, error) {
	var missing []string
	err := e.db.Select(ctx, &missing, "SELECT concat(host, ' (', collector_id, ')') FROM "+e.table("collectors")+
		" FINAL WHERE NOT gone AND collector_id NOT IN (SELECT collector_id FROM "+e.table("erasure_logs")+" WHERE erasure_id = ? AND round = ?) ORDER BY 1", x.ID, x.Counts["rounds"])
	if err != nil {
		return nil, fmt.Errorf("looking for collectors that have a log: %w", err)
	}
	return missing, nil
}

// logs waits until no collector has a file with what it accepted before. Those that don't answer in time are named, in
// the erasure while it waits and in its checks at the end.
func (e *Engine) logs(ctx context.Context, x *Erasure) error {
	if err := e.ReleaseLogs(ctx); err != nil {
		return err
	}
	missing, err := e.missingLogs(ctx, x)
	if err != nil || len(missing) == 0 {
		return err
	}
	since, err := e.since(ctx, x)
	if err != nil {
		return err
	}
	if e.now().Sub(since) < e.o.LogsFor {
		if why := "waiting for the log of " + strings.Join(missing, ", "); x.Error != why {
			if err := e.move(ctx, x, Erasing, func(next *Erasure) { next.Error = why }); err != nil {
				return err
			}
		}
		return &again{time.Second}
	}
	return nil
}

// since is when the present round of erasing began.
func (e *Engine) since(ctx context.Context, x *Erasure) (time.Time, error) {
	var at time.Time
	err := e.db.Get(ctx, &at, "SELECT min(at) FROM "+e.table("erasures")+" WHERE erasure_id = ? AND state = 'erasing' AND counts['rounds'] = ?", x.ID, x.Counts["rounds"])
	if err != nil {
		return at, fmt.Errorf("reading erasure %s: %w", x.ID, err)
	}
	return at, nil
}

// lookAtLogs counts the collectors whose logs weren't let go in the round that has just ended.
func (e *Engine) lookAtLogs(ctx context.Context, x *Erasure) (PlaceCheck, []string, error) {
	last := *x
	last.Counts = map[string]uint64{"rounds": max(x.Counts["rounds"], 1) - 1}
	missing, err := e.missingLogs(ctx, &last)
	return PlaceCheck{Place: logsPlace, LookedAt: uint64(len(missing)), Found: uint64(len(missing))}, slices.Clone(missing), err
}
