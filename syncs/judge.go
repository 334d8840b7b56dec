package syncs

import (
	"context"
	"errors"
	"fmt"
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
		if errors.Is(err, errMoved) {
			return nil
		}
		return err
	} else if err != nil {
		return err
	}
	exempt, err := e.exemptRemovals(ctx, r)
	if err != nil {
		return err
	}
	n := Numbers{Selected: r.Counts["selected"], In: r.Counts["in"], Adds: r.Counts["add"], Changes: r.Counts["change"],
		Removes: r.Counts["remove"] - r.Counts["moves"], Exempt: exempt, Held: r.Counts["holds"], First: r.StateRunNo == 0 || r.Counts["backfill"] > 0}
	if r.Counts["remove"] > 0 {
		if n.Adopted, err = e.afterAdoption(ctx, r); err != nil {
			return err
		}
	}
	if r.Full {
		// A full resync sends what is there already: only what differs is a risk.
		n.Changes = 0
	}
	trips := guard(j.sync.Guard, n)
	if passesHeld(r.Trigger) || r.Trigger == TriggerTest {
		trips = nil
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
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
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
