package syncs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/syncs/audit"
	"github.com/tailrace/tailrace/warehouse"
)

// DigestMismatchError is an approval of another plan than the run has.
type DigestMismatchError struct{ Want, Got string }

// Error names both digests.
func (d *DigestMismatchError) Error() string {
	return fmt.Sprintf("the plan's digest is %s, the approval is of %s", d.Want, d.Got)
}

// StaleError is a plan that was made against a state that has moved since.
type StaleError struct{ PlannedAfter, Newest uint64 }

// Error says what happened since the plan.
func (s *StaleError) Error() string {
	return fmt.Sprintf("the plan is stale: it was made after run %d, run %d has finished since", s.PlannedAfter, s.Newest)
}

// Approve lets a held run deliver. The approval is of one plan: digest must be
// the run's. Errors: ErrNotFound, *TransitionError, *DigestMismatchError,
// *StaleError (the run is discarded then), *RestoredError, ErrMoved.
func (e *Engine) Approve(ctx context.Context, runID, digest, actor string) (Run, error) {
	r, err := e.run(ctx, runID)
	if err != nil {
		return Run{}, err
	}
	if r.State != Held {
		return *r, &TransitionError{From: r.State, To: Delivering}
	}
	if digest != r.PlanDigest {
		return *r, &DigestMismatchError{Want: r.PlanDigest, Got: digest}
	}
	if err := e.mayLeave(ctx, r.SyncID); err != nil {
		return *r, err
	}
	newest, err := e.lastFinished(ctx, r.SyncID)
	if err != nil {
		return *r, err
	}
	if newest != r.StateRunNo {
		stale := &StaleError{PlannedAfter: r.StateRunNo, Newest: newest}
		return *r, errors.Join(stale, e.move(ctx, r, Discarded, func(next *Run) { next.Reason = stale.Error() }))
	}
	if err := e.audit(ctx, actor, "run.approve", r.ID, "plan digest "+digest); err != nil {
		return *r, err
	}
	err = e.move(ctx, r, Delivering, func(next *Run) { next.Actor, next.Reason = actor, "" })
	if err != nil {
		return *r, fmt.Errorf("approving run %s: %w", runID, err)
	}
	e.enqueue(ctx, TaskDeliver, r.ID)
	return *r, nil
}

// Discard ends a run before anything was sent.
func (e *Engine) Discard(ctx context.Context, runID, actor, reason string) (Run, error) {
	r, err := e.run(ctx, runID)
	if err != nil {
		return Run{}, err
	}
	if r.Over() {
		return *r, &TransitionError{From: r.State, To: Discarded}
	}
	if err := e.audit(ctx, actor, "run.discard", r.ID, reason); err != nil {
		return *r, err
	}
	if reason == "" {
		reason = "discarded by " + actor
	}
	return *r, e.move(ctx, r, Discarded, func(next *Run) { next.Actor, next.Reason = actor, reason })
}

// Cancel stops a run. What was accepted stays in the state, and the next plan
// goes on from there; of a run that delivers, requests on their way are waited for.
func (e *Engine) Cancel(ctx context.Context, runID, actor string) (Run, error) {
	r, err := e.run(ctx, runID)
	if err != nil {
		return Run{}, err
	}
	if err := e.audit(ctx, actor, "run.cancel", r.ID, ""); err != nil {
		return *r, err
	}
	for try := 0; ; try++ {
		to := Cancelled
		if r.State == Delivering {
			to = Finishing
		}
		if r.Over() {
			return *r, &TransitionError{From: r.State, To: Cancelled}
		}
		if r.State == Finishing {
			return *r, nil // it ends by itself
		}
		err = e.move(ctx, r, to, func(next *Run) {
			next.Actor, next.Reason = actor, "cancelled by "+actor
			next.Counts["cancel"] = 1
		})
		if !errors.Is(err, ErrMoved) || try == 5 {
			break
		}
		if err := pause(ctx, time.Duration(try+1)*100*time.Millisecond); err != nil {
			return *r, fmt.Errorf("cancelling run %s: %w", runID, err)
		}
	}
	if err != nil {
		return *r, fmt.Errorf("cancelling run %s: %w", runID, err)
	}
	if r.State == Finishing {
		e.enqueue(ctx, TaskFinish, r.ID)
	}
	return *r, nil
}

// Retry starts a new run of a run's sync, which takes up what was rejected,
// and releases its quarantined rows.
func (e *Engine) Retry(ctx context.Context, runID, actor string) (Run, error) {
	r, err := e.run(ctx, runID)
	if err != nil {
		return Run{}, err
	}
	def, err := e.definitionByID(ctx, r.SyncID)
	if err != nil {
		return Run{}, err
	}
	err = e.db.Exec(ctx, "INSERT INTO "+e.table("sync_dead")+" (sync_id, key, payload_hash, code, words, first_at, last_at, tries, released, version)"+
		" SELECT sync_id, key, payload_hash, code, words, first_at, last_at, tries, true, version + 1 FROM "+e.table("sync_dead")+
		" FINAL WHERE sync_id = ? AND NOT released", r.SyncID)
	if err != nil {
		return Run{}, fmt.Errorf("releasing quarantined rows: %w", err)
	}
	return e.Start(ctx, def.Name, StartOptions{Trigger: "person", Actor: actor})
}

// Pause keeps a sync from starting runs; Resume lets it again. Withdrawals of
// consent are still taken out. The reason, which may be empty, is written down.
func (e *Engine) Pause(ctx context.Context, syncName, actor, reason string) error {
	return e.setPaused(ctx, syncName, actor, reason, true)
}

// Resume ends what Pause began. A sync whose file says paused stays so.
func (e *Engine) Resume(ctx context.Context, syncName, actor, reason string) error {
	return e.setPaused(ctx, syncName, actor, reason, false)
}

func (e *Engine) setPaused(ctx context.Context, syncName, actor, reason string, paused bool) error {
	d, err := e.definition(ctx, syncName)
	if err != nil {
		return err
	}
	action := map[bool]string{true: "sync.pause", false: "sync.resume"}[paused]
	detail := syncName
	if reason != "" {
		detail += ": " + reason
	}
	if err := e.audit(ctx, actor, action, d.SyncID, detail); err != nil {
		return err
	}
	d.Paused, d.PausedReason, d.Actor = paused, "", actor
	if paused {
		d.PausedReason = reason
	}
	return e.record(ctx, *d)
}

// ResolveUnknown records what a person found out about a row whose fate is
// unknown: it was applied, or it wasn't. The next plan takes it from there.
func (e *Engine) ResolveUnknown(ctx context.Context, syncName, key, actor string, applied bool) error {
	d, err := e.definition(ctx, syncName)
	if err != nil {
		return err
	}
	if err := e.audit(ctx, actor, "row.resolve", d.SyncID, fmt.Sprintf("applied: %t", applied)); err != nil {
		return err
	}
	var unknown uint64
	err = e.db.Get(ctx, &unknown, "SELECT count() FROM "+e.table("sync_state")+" FINAL WHERE sync_id = ? AND key = ? AND last_status = 'unknown'", d.SyncID, key)
	if err != nil {
		return fmt.Errorf("resolving a row: %w", err)
	}
	if unknown == 0 {
		return fmt.Errorf("resolving a row of %s: its fate isn't unknown: %w", syncName, ErrNotFound)
	}
	err = e.db.Exec(ctx, e.statement("resolve_unknown", nil),
		warehouse.P{"sync_id": d.SyncID, "key": key, "actor": actor, "applied": applied, "at": e.now()})
	if err == nil && !applied {
		if s := e.o.Project().Sync(syncName); s != nil && s.Forwards() {
			err = e.releaseEvent(ctx, d.SyncID, key)
		}
	}
	if err != nil {
		return fmt.Errorf("resolving a row: %w", err)
	}
	return nil
}

// releaseEvent lets the next run of an append sync take an event again, however long
// ago it was loaded.
func (e *Engine) releaseEvent(ctx context.Context, syncID, key string) error {
	return e.db.Exec(ctx, "INSERT INTO "+e.table("sync_dead")+" (sync_id, key, payload_hash, code, words, first_at, last_at, tries, released, version)"+
		" SELECT sync_id, key, last_hash, 'resolved', '', {at:DateTime64(3, 'UTC')}, {at:DateTime64(3, 'UTC')}, 0, true, last_run_no * 2 + 1 FROM "+e.table("sync_state")+
		" FINAL WHERE sync_id = {sync_id:String} AND key = {key:String}", warehouse.P{"sync_id": syncID, "key": key, "at": e.now()})
}

// audit writes down what a person or token did.
func (e *Engine) audit(ctx context.Context, actor, action, object, detail string) error {
	return e.auditLog.Append(ctx, audit.Entry{Actor: actor, Action: action, Object: object, Detail: detail})
}
