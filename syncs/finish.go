package syncs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// foldRange is how many rows of a plan one fold takes, which bounds its memory.
const foldRange = 100_000

// Finish closes a run whose delivery ended: it waits for requests that may
// still be on their way, folds the outcomes into the state, computes both sums
// from the ledger and ends the run. It is repeatable at any point. *Later: a
// request may still be on its way.
func (e *Engine) Finish(ctx context.Context, runID string) error {
	r, err := e.run(ctx, runID)
	if err != nil {
		return err
	}
	if r.State != Finishing {
		return nil
	}
	mark := time.Now()
	if err := e.finish(ctx, r); err != nil {
		return fmt.Errorf("finishing run %s: %w", runID, err)
	}
	counts, err := e.count(ctx, r)
	if err != nil {
		return fmt.Errorf("finishing run %s: %w", runID, err)
	}
	for k, v := range r.Counts {
		if _, ok := counts[k]; !ok {
			counts[k] = v
		}
	}
	counts["folded"] = 1
	sums := sumsOf(counts)
	to, problem := end(r, sums)
	if problem != nil {
		e.o.Log.Error("the sums of a run don't add up", "run", r.ID, "error", problem)
	}
	err = e.move(ctx, r, to, func(next *Run) {
		next.Counts = counts
		next.Timings["finish"] = uint64(time.Since(mark).Milliseconds())
		if problem != nil {
			next.Error = problem.Error()
		}
	})
	if errors.Is(err, ErrMoved) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := e.dropUnused(ctx, r.SyncID, counts["snapshot"]); err != nil {
		e.o.Log.Warn("old snapshots stay for now", "sync", r.SyncID, "error", err)
	}
	return nil
}

// dropUnused drops snapshots before a version, but none that an open run may
// still count: a held plan's, or that of a plan in the making.
func (e *Engine) dropUnused(ctx context.Context, syncID string, before uint64) error {
	open, err := e.openRuns(ctx, syncID)
	if err != nil {
		return err
	}
	for _, r := range open {
		before = min(before, r.Counts["snapshot"])
	}
	return e.dropOldSnapshots(ctx, syncID, before)
}

// end is the state that a run ends in.
func end(r *Run, s Sums) (State, error) {
	if err := s.Check(); err != nil {
		return Failed, err
	}
	switch {
	case r.Counts["cancel"] > 0:
		return Cancelled, nil
	case r.Reason != "" && s.Accepted == 0 && s.Planned > 0:
		return Failed, nil
	case r.Reason != "" || s.Rejected > 0 || s.Unknown > 0 || s.Cancelled > 0:
		return Partial, nil
	}
	return Succeeded, nil
}

// params are what the statements over a run's rows take.
func (e *Engine) rowParams(ctx context.Context, r *Run) (warehouse.P, uint64, error) {
	var n struct {
		Removals uint32 `ch:"removals"`
		Rows     uint64 `ch:"rows"`
	}
	err := e.db.Get(ctx, &n, "SELECT (SELECT max(batch_no) FROM "+e.table("sync_batches")+" WHERE sync_id = ? AND run_no = ? AND plan_id = ? AND phase = 0) AS removals, "+
		"(SELECT max(row_no) FROM "+e.table("sync_changes")+" WHERE sync_id = ? AND run_no = ? AND plan_id = ?) AS rows",
		r.SyncID, r.No, r.PlanID, r.SyncID, r.No, r.PlanID)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the plan's size: %w", err)
	}
	return warehouse.P{"sync_id": r.SyncID, "run_no": r.No, "plan_id": r.PlanID, "removals": n.Removals, "first": uint64(1), "last": n.Rows,
		"version": r.No<<32 | 1, "encoding": uint16(Encoding), "at": e.now(), "after": uint32(e.o.QuarantineAfter), "receipt": r.InputVersions[inputCursor] != ""}, n.Rows, nil
}

// rowSQL fills the two parts that every statement over a run's rows shares.
func (e *Engine) rowSQL(name string) string {
	return e.statement(name, map[string]string{"row_outcomes": e.statement("row_outcomes", nil), "row_status": e.statement("row_status", nil)})
}

func (e *Engine) finish(ctx context.Context, r *Run) error {
	if err := e.settleUnknown(ctx, r); err != nil {
		return err
	}
	params, rows, err := e.rowParams(ctx, r)
	if err != nil {
		return err
	}
	if rows == 0 {
		return nil
	}
	if r.Counts["moves"] > 0 {
		if err := e.db.Exec(ctx, e.statement("moved_outcomes", nil), params); err != nil {
			return fmt.Errorf("recording moved rows: %w", err)
		}
	}
	fold := e.rowSQL("fold")
	for first := uint64(1); first <= rows; first += foldRange {
		params["first"], params["last"] = first, min(first+foldRange-1, rows)
		err := e.through(ctx, "exec:fold", func() error { return e.db.Exec(ctx, fold, params) })
		if err != nil {
			return fmt.Errorf("folding outcomes into the state: %w", err)
		}
	}
	few := ""
	if r.InputVersions[inputCursor] != "" { // the state of an append sync is all that it ever sent
		few = "AND key IN (SELECT key FROM " + e.table("sync_changes") + " WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String})"
	}
	if err := e.db.Exec(ctx, e.statement("quarantine", map[string]string{"few": few}), params); err != nil {
		return fmt.Errorf("setting refused rows aside: %w", err)
	}
	return nil
}

// settleUnknown waits until no request can be on its way, and writes down as
// unknown what was sent without a word on its fate.
func (e *Engine) settleUnknown(ctx context.Context, r *Run) error {
	if r.PlanID == "" {
		return nil
	}
	var open struct {
		Batches  []uint32  `ch:"batches"`
		Deadline time.Time `ch:"deadline"`
	}
	err := e.db.Get(ctx, &open, e.statement("unanswered", nil), warehouse.P{"sync_id": r.SyncID, "run_no": r.No, "plan_id": r.PlanID})
	if err != nil {
		return fmt.Errorf("looking for unanswered requests: %w", err)
	}
	if quiet := open.Deadline.Add(e.o.Grace); len(open.Batches) > 0 && e.now().Before(quiet) && open.Deadline.Year() > 1970 {
		return &Later{At: quiet, Reason: "a request may still be on its way"}
	}
	if len(open.Batches) == 0 {
		return nil
	}
	j := &job{run: r, def: &Definition{SyncID: r.SyncID}}
	w := &outcomeWriter{engine: e, job: j, planID: r.PlanID}
	rows, err := e.batchesByNo(ctx, r, open.Batches)
	if err != nil {
		return err
	}
	for _, one := range rows {
		lot, err := e.load(ctx, r, []batch{one})
		if err != nil {
			return err
		}
		for _, p := range lot[0].pieces() {
			if !p.unknown {
				continue
			}
			for _, c := range p.changes {
				o := outcome{rowNo: c.rowNo, batchNo: one.no, part: p.part, key: c.key, status: statusUnknown, by: byPark,
					code: "unknown", words: "nobody knows whether it was applied", at: e.now()}
				if last := lot[0].lastAttempt(c.rowNo); last != nil {
					o.attempt = last.number
				}
				o.seq = seq(o.attempt, stagePark)
				w.add(o)
			}
		}
		if err := w.flushFull(ctx); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

func (e *Engine) batchesByNo(ctx context.Context, r *Run, numbers []uint32) ([]batch, error) {
	rows, err := e.db.Query(ctx, "SELECT batch_no, phase, toString(action) AS action, first_row, last_row, rows, bytes, digest FROM "+e.table("sync_batches")+
		" WHERE sync_id = ? AND run_no = ? AND plan_id = ? AND batch_no IN (?) ORDER BY batch_no", r.SyncID, r.No, r.PlanID, numbers)
	if err != nil {
		return nil, fmt.Errorf("reading batches: %w", err)
	}
	defer rows.Close()
	var out []batch
	for rows.Next() {
		var b batch
		if err := rows.Scan(&b.no, &b.phase, &b.action, &b.firstRow, &b.lastRow, &b.rows, &b.bytes, &b.digest); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, rows.Close()
}
