package erasure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/jobs"
)

// rounds bounds how often what came back meanwhile (from work that had begun before) is erased again.
const rounds = 5

// again is returned by Step where there is something to wait for.
type again struct{ after time.Duration }

func (a *again) Error() string { return fmt.Sprintf("again in %s", a.after) }

// Waits reports whether an error of Step only says that it is to be called again later.
func Waits(err error) bool {
	var later *again
	return errors.As(err, &later)
}

// Handle is what a queue's workers run.
func (e *Engine) Handle(ctx context.Context, id string) error {
	err := e.Step(ctx, id)
	var later *again
	if errors.As(err, &later) {
		return jobs.RetryIn(max(later.after, 100*time.Millisecond), nil)
	}
	return err
}

// Drive takes an erasure to its end in this process, for callers without a queue.
func (e *Engine) Drive(ctx context.Context, id string) (Erasure, error) {
	for {
		err := e.Step(ctx, id)
		var later *again
		if errors.As(err, &later) {
			timer := time.NewTimer(later.after)
			select {
			case <-timer.C:
				continue
			case <-ctx.Done():
				timer.Stop()
				return Erasure{}, context.Cause(ctx)
			}
		}
		if err != nil {
			return Erasure{}, err
		}
		return e.Get(ctx, id)
	}
}

// Step takes an erasure as far as it gets now. nil: it is over. It may be called at any time, and again.
func (e *Engine) Step(ctx context.Context, id string) error {
	x, err := e.Get(ctx, id)
	if err != nil {
		return err
	}
	for !x.State.Over() {
		switch x.State {
		case Requested:
			if err = e.hurry(ctx); err == nil { // early, so that cleanups wake while destinations are told
				err = e.move(ctx, &x, Removing, func(next *Erasure) { next.Error = waitsForRuns })
			}
		case Removing:
			err = e.removing(ctx, &x)
		case Erasing:
			err = e.erasing(ctx, &x)
		case Verifying:
			err = e.verifying(ctx, &x)
		}
		if err != nil {
			return err
		}
	}
	return e.forget(ctx, id) // again: a process may have died between the last transition and this
}

// waitsForRuns begins what an erasure says while runs may be under way that were opened before the people were
// suppressed. What they sent is looked for when they are over; until then an erasure says so, so that a process may die.
const waitsForRuns = "waiting for runs that were open before"

func (e *Engine) removing(ctx context.Context, x *Erasure) error {
	busy := map[string]bool{}
	if strings.HasPrefix(x.Error, waitsForRuns) {
		var err error
		if busy, err = e.openRuns(ctx, x); err != nil {
			return err
		}
	}
	wait, err := e.remove(ctx, x, busy)
	if err != nil {
		return fmt.Errorf("taking people out of destinations: %w", err)
	}
	if len(busy) > 0 {
		return &again{lookAgain}
	}
	if wait > 0 {
		return &again{wait}
	}
	// Something may have been sent while others were told: by a run from before, or by a person who resolved a row.
	more, err := e.keepRemovals(ctx, x.ID)
	if err != nil {
		return fmt.Errorf("finding what destinations hold: %w", err)
	}
	if more {
		return &again{lookAgain}
	}
	return e.move(ctx, x, Erasing, nil)
}

// openRuns are the syncs that have a run from before the suppression. When the last is over, what they sent is written down.
func (e *Engine) openRuns(ctx context.Context, x *Erasure) (map[string]bool, error) {
	var before time.Time
	if err := e.db.Get(ctx, &before, "SELECT min(at) FROM "+e.table("erasures")+" WHERE erasure_id = ?", x.ID); err != nil {
		return nil, fmt.Errorf("reading erasure %s: %w", x.ID, err)
	}
	// Those that may not be from before, by clocks that differ, are waited for too.
	open, err := e.o.Syncs.OpenedBefore(ctx, before.Add(clocksApart))
	if err != nil {
		return nil, err
	}
	busy, runs := map[string]bool{}, []string{}
	for _, r := range open {
		busy[r.SyncID] = true
		runs = append(runs, r.ID)
	}
	why := ""
	if len(open) > 0 {
		slices.Sort(runs)
		why = waitsForRuns + ": " + strings.Join(runs, ", ")
	} else if _, err := e.keepRemovals(ctx, x.ID); err != nil {
		return nil, fmt.Errorf("finding what destinations hold: %w", err)
	}
	if x.Error == why {
		return busy, nil
	}
	return busy, e.move(ctx, x, Removing, func(next *Erasure) { next.Error = why })
}

func (e *Engine) erasing(ctx context.Context, x *Erasure) error {
	// What was accepted of them before is in the tables then, and its files are gone.
	if err := e.logs(ctx, x); err != nil {
		return err
	}
	if err := e.suppressByHash(ctx, x.ID); err != nil {
		return fmt.Errorf("suppressing who is erased by hash: %w", err)
	}
	if err := e.hurry(ctx); err != nil {
		return err
	}
	erased, err := e.eraseTables(ctx, x)
	if err != nil {
		return err
	}
	return e.move(ctx, x, Verifying, func(next *Erasure) {
		for table, n := range erased {
			next.Counts[table] += n
		}
		next.Counts["rounds"]++
	})
}

func (e *Engine) verifying(ctx context.Context, x *Erasure) error {
	if err := e.known(ctx); err != nil {
		return err
	}
	old, err := e.oldParts(ctx, x.At)
	if err != nil {
		return err
	}
	if old > 0 && e.now().Sub(x.At) < e.o.PartsFor {
		if err := e.hurry(ctx); err != nil { // another erasure that has ended may have stopped it
			return err
		}
		return &again{time.Second}
	}
	values, err := e.values(ctx, x.ID)
	if err != nil {
		return err
	}
	found, err := e.look(ctx, x.ID, e.subjectsOf(x.ID), values, old)
	if err != nil {
		return err
	}
	if found > 0 && x.Counts["rounds"] < rounds {
		return e.move(ctx, x, Erasing, nil)
	}
	receipts, err := e.Receipts(ctx, x.ID)
	if err != nil {
		return err
	}
	to, why := Done, ""
	if slices.ContainsFunc(receipts, func(r RemovalReceipt) bool { return r.Status == statusManual }) {
		to, why = ManualActionRequired, "a destination couldn't be made to forget them: see the receipts"
	}
	if old > 0 {
		to, why = ManualActionRequired, "the engine still keeps parts that it has put aside: look again later with verify"
	}
	logs, missing, err := e.lookAtLogs(ctx, x)
	if err != nil {
		return err
	}
	if logs.Found > 0 {
		if err := e.record(ctx, x.ID, []PlaceCheck{logs}); err != nil {
			return err
		}
		to, why = ManualActionRequired, "a collector didn't say that its log is gone; start it, or delete its folder, and look again with verify: "+strings.Join(missing, ", ")
	}
	if found > 0 {
		to, why = ManualActionRequired, "their values are still found somewhere: see the checks"
	}
	if err := e.settle(ctx); err != nil {
		return err
	}
	return e.move(ctx, x, to, func(next *Erasure) { next.Error = why })
}
