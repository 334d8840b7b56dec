package syncs

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// judge lets a planned run go on, or holds it by a guard.
func (e *Engine) judge(ctx context.Context, r *Run) error {
	j, err := e.resolve(ctx, r)
	if err != nil {
		return e.fail(ctx, r, err)
	}
	var restored *RestoredError
	if err := e.mayLeave(ctx, r.SyncID); errors.As(err, &restored) {
		err = e.move(ctx, r, Discarded, func(next *Run) { next.Reason = restored.Error() })
		if errors.Is(err, ErrMoved) {
			return nil
		}
		return err
	} else if err != nil {
		return err
	}
	trips, exempt, err := e.trips(ctx, j, r)
	if err != nil {
		return err
	}
	switch {
	case len(trips) > 0 && j.sync.Guard.Otherwise == "discard":
		err = e.move(ctx, r, Discarded, func(next *Run) { next.Reason = tripWords(trips) })
	case len(trips) > 0:
		err = e.move(ctx, r, Held, func(next *Run) { next.Reason = tripWords(trips) })
		if err == nil && exempt > 0 {
			err = e.startWithdrawal(ctx, j)
		}
	case r.Counts["batches"] == 0:
		err = e.move(ctx, r, Finishing, nil)
		if err == nil {
			e.enqueue(ctx, TaskFinish, r.ID)
		}
	default:
		err = e.move(ctx, r, Delivering, nil)
		if err == nil {
			e.enqueue(ctx, TaskDeliver, r.ID)
		}
	}
	if errors.Is(err, ErrMoved) {
		return nil
	}
	return err
}

// trips are the guards that hold a run with a sealed plan, and how many of its removals none of them holds.
func (e *Engine) trips(ctx context.Context, j *job, r *Run) ([]Trip, uint64, error) {
	exempt, err := e.exemptRemovals(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	n := Numbers{Selected: r.Counts["selected"], In: r.Counts["in"], Adds: r.Counts["add"], Changes: r.Counts["change"],
		Removes: r.Counts["remove"] - r.Counts["moves"], Exempt: exempt, Held: r.Counts["holds"], First: r.StateRunNo == 0 || r.Counts["backfill"] > 0}
	if r.Counts["remove"] > 0 {
		if n.Adopted, err = e.afterAdoption(ctx, r); err != nil {
			return nil, 0, err
		}
	}
	if r.Full {
		// A full resync sends what is there already: only what differs is a risk.
		n.Changes = 0
	}
	if passesHeld(r.Trigger) || r.Trigger == TriggerTest {
		return nil, exempt, nil
	}
	return guard(j.sync.Guard, n), exempt, nil
}

// wouldTrip begins the reason of a dry run whose plan a guard would not let pass.
const wouldTrip = "would be "

// foresee says what guards would make of a dry run's plan; "" when they would let it pass.
func (e *Engine) foresee(ctx context.Context, j *job, r Run) (string, error) {
	trips, _, err := e.trips(ctx, j, &r)
	if err != nil || len(trips) == 0 {
		return "", err
	}
	if j.sync.Guard.Otherwise == "discard" {
		return wouldTrip + "discarded: " + tripWords(trips), nil
	}
	return wouldTrip + "held: " + tripWords(trips), nil
}

// noVersion ends the errors of plans that came before the first result of what they read.
const noVersion = "has no published version yet"

// Waits says which result a run that failed was too early for, such as "audience high"; "" when it failed otherwise.
func (r Run) Waits() string {
	what, _, early := strings.Cut(r.Error, " "+noVersion)
	if r.State != Failed || !early {
		return ""
	}
	what, _, _ = strings.Cut(what, ",")
	if words := strings.Fields(what); len(words) > 2 {
		what = strings.Join(words[len(words)-2:], " ")
	}
	return what
}

// startWithdrawal takes out at once who must not wait behind a held plan.
func (e *Engine) startWithdrawal(ctx context.Context, j *job) error {
	_, err := e.Start(ctx, j.def.Name, StartOptions{Trigger: TriggerWithdrawal, Actor: "consent"})
	var open *OpenRunError
	if errors.As(err, &open) {
		return nil // it plans with the newest consent too
	}
	return err
}

// exemptRemovals counts the planned removals of people who may not be sent any
// more: guards never hold those.
func (e *Engine) exemptRemovals(ctx context.Context, r *Run) (uint64, error) {
	if r.Counts["remove"] == 0 {
		return 0, nil
	}
	var n uint64
	err := e.db.Get(ctx, &n, "SELECT count() FROM "+e.table("sync_changes")+" WHERE sync_id = ? AND run_no = ? AND plan_id = ? AND op = 'remove' AND NOT moved"+
		" AND key IN (SELECT key FROM "+e.table("sync_snapshot_rows")+" WHERE sync_id = ? AND version = ? AND reason IN ('suppressed', 'consent_denied', 'consent_unknown'))",
		r.SyncID, r.No, r.PlanID, r.SyncID, r.Counts["snapshot"])
	if err != nil {
		return 0, fmt.Errorf("counting removals that no guard holds: %w", err)
	}
	return n, nil
}
