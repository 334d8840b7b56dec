package syncs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/warehouse"
)

// Plan takes a queued run to its sealed plan and on to what comes next: held
// by a guard, delivering, finishing where there is nothing to send, or the end
// of a dry run. It is idempotent; a plan that a crash left unsealed is garbage
// and is made anew. *Later: another run of the sync isn't over yet, or what it
// reads is about to follow its newest version.
func (e *Engine) Plan(ctx context.Context, runID string) error {
	r, err := e.run(ctx, runID)
	if err != nil {
		return err
	}
	if r.State == Planned && !r.DryRun {
		return e.judge(ctx, r)
	}
	if r.State != Queued && r.State != Planning {
		return nil
	}
	open, err := e.openRuns(ctx, r.SyncID)
	if err != nil {
		return err
	}
	for _, other := range open {
		// Beside a withdrawal or erasure only a held run can be open. One that was approved since gives way.
		if other.No < r.No && other.State != Held && !(passesHeld(r.Trigger) && other.State == Delivering) {
			return &Later{At: e.now().Add(time.Second), Reason: fmt.Sprintf("run %d of this sync isn't over", other.No)}
		}
	}
	if _, ours := e.tests.of(r.ID); (r.Trigger == TriggerTest || r.Trigger == TriggerAdopt) && !ours {
		return e.orphan(ctx, r)
	} else if r.Trigger == TriggerAdopt {
		return &Later{At: e.now().Add(time.Second), Reason: "it is being adopted"}
	}
	err = e.plan(ctx, r)
	switch {
	case errors.Is(err, ErrMoved):
		return nil // another process plans it, or somebody cancelled it
	case err != nil && ctx.Err() == nil && isFinal(err):
		return e.fail(ctx, r, err)
	case err != nil:
		return fmt.Errorf("planning run %s: %w", runID, err)
	}
	return nil
}

// fault is an error that a test put at a door.
type fault interface{ Fault() bool }

// isFinal reports an error that trying again won't cure: everything but a
// warehouse that is away.
func isFinal(err error) bool {
	var injected fault
	var later *Later
	if errors.As(err, &injected) || errors.As(err, &later) || errors.Is(err, jobs.ErrContended) || errors.Is(err, errStepTooSlow) {
		return false
	}
	var ex *clickhouse.Exception
	if errors.As(err, &ex) {
		switch ex.Code {
		case 159, 202, 209, 210, 216, 236, 242, 243, 252, 319, 394, 999:
			// time-outs, too many queries, network, same query id, aborted,
			// read-only, disk full, too many parts, unknown status, cancelled, keeper
			return false
		}
		return true
	}
	var bad *warehouse.RowError
	var duplicate *DuplicateKeysError
	if errors.As(err, &bad) || errors.As(err, &duplicate) {
		return true
	}
	return !strings.Contains(err.Error(), "inserting") && !strings.Contains(err.Error(), "querying") && !strings.Contains(err.Error(), "executing")
}

// fail ends a run before anything was sent.
func (e *Engine) fail(ctx context.Context, r *Run, cause error) error {
	e.o.Log.Error("a run failed", "run", r.ID, "error", cause)
	err := e.move(ctx, r, Failed, func(next *Run) { next.Error, next.Reason = cause.Error(), "planning failed" })
	if errors.Is(err, ErrMoved) {
		return nil
	}
	return err
}

// draft is a plan in the making.
type draft struct {
	*job
	snap      *snapshot
	test      *TestRows // nil: all rows
	planID    string
	plannedAt time.Time
	counts    map[string]uint64
	timings   map[string]uint64
	batches   []batch
	digest    string
}

func (e *Engine) plan(ctx context.Context, r *Run) error {
	started := e.now()
	planID := uuid.Must(uuid.NewV7()).String()
	if err := e.move(ctx, r, Planning, func(next *Run) { next.PlanID = planID }); err != nil {
		return err
	}
	j, err := e.resolve(ctx, r)
	if err != nil {
		return err
	}
	d := &draft{job: j, planID: planID, plannedAt: started, counts: map[string]uint64{}, timings: map[string]uint64{}}
	if rows, ok := e.tests.of(r.ID); ok {
		d.test = &rows
	}
	stateRun, err := e.lastFinished(ctx, r.SyncID)
	if err != nil {
		return err
	}
	mark := time.Now()
	if r.Trigger == TriggerErasure {
		d.snap = &snapshot{inputs: r.InputVersions}
		err = e.planErasure(ctx, d)
	} else {
		if d.snap, err = e.takeSnapshot(ctx, j); err != nil {
			return err
		}
		d.timings["snapshot"] = uint64(time.Since(mark).Milliseconds())
		mark = time.Now()
		err = e.compare(ctx, d)
	}
	if err != nil {
		return err
	}
	d.timings["plan"] = uint64(time.Since(mark).Milliseconds())
	mark = time.Now()
	if err := e.cutAndSeal(ctx, d); err != nil {
		return err
	}
	d.timings["seal"] = uint64(time.Since(mark).Milliseconds())
	full, reason := r.Full, r.FullReason
	if stateRun == 0 && reason == "" && d.test == nil {
		reason = "first sync"
	}
	planned := func(next *Run) {
		next.PlanID, next.PlanDigest, next.StateRunNo = d.planID, d.digest, stateRun
		next.DefinitionHash, next.ProjectHash, next.InputVersions = j.def.Hash, j.project.Hash, d.snap.inputs
		next.Counts, next.Timings, next.Full, next.FullReason = d.counts, d.timings, full, reason
	}
	foreseen := r.Reason
	if r.DryRun {
		next := *r
		planned(&next)
		if foreseen, err = e.foresee(ctx, j, next); err != nil {
			return err
		}
	}
	err = e.move(ctx, r, Planned, func(next *Run) { planned(next); next.Reason = foreseen })
	if err != nil || r.DryRun {
		return err
	}
	return e.judge(ctx, r)
}

// lastFinished is the newest run whose outcomes are folded into the state.
func (e *Engine) lastFinished(ctx context.Context, syncID string) (uint64, error) {
	var n uint64
	err := e.db.Get(ctx, &n, "SELECT max(run_no) FROM "+e.table("sync_runs")+
		" WHERE sync_id = ? AND state IN ('succeeded', 'partial', 'failed', 'cancelled') AND plan_id != '' AND NOT dry_run AND trigger NOT IN ('withdrawal', 'erasure', 'test') AND mapContains(counts, 'folded')", syncID)
	if err != nil {
		return 0, fmt.Errorf("reading the last finished run: %w", err)
	}
	return n, nil
}

// compare writes the changes of a plan: nothing at all where the checksums of
// the selection and the state agree, else by the statements of the plan.
func (e *Engine) compare(ctx context.Context, d *draft) error {
	if d.sync.Forwards() {
		return e.compareWindow(ctx, d)
	}
	state, err := e.stateSums(ctx, d.def.SyncID)
	if err != nil {
		return fmt.Errorf("comparing checksums: %w", err)
	}
	d.counts["holds"] = state.Rows
	d.counts["selected"] = d.snap.selected()
	d.counts["in"] = d.snap.rowsIn
	for reason, n := range d.snap.leftOut {
		d.counts["left_out."+reason] = n
	}
	d.counts["snapshot"] = d.snap.version
	if state.equals(d.snap) && !d.run.Full && d.test == nil {
		d.counts["unchanged"] = d.snap.rowsIn
		return nil
	}
	plan := e.table("plan_" + strings.ReplaceAll(d.planID, "-", ""))
	err = e.db.Exec(ctx, "CREATE TABLE "+plan+" (row_no UInt64, op LowCardinality(String), key String) ENGINE = MergeTree ORDER BY key")
	if err != nil {
		return fmt.Errorf("making the plan's table: %w", err)
	}
	defer func() {
		// SYNC: else its keys, which may be addresses, stay on disk for minutes, where no erasure reaches them.
		if err := e.db.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+plan+" SYNC"); err != nil {
			e.o.Log.Warn("a plan's table is left over", "table", plan, "error", err)
		}
	}()
	withdrawn := d.run.Trigger == TriggerWithdrawal
	params := warehouse.P{"sync_id": d.def.SyncID, "version": d.snap.version, "run_no": d.run.No, "plan_id": d.planID, "planned_at": d.plannedAt,
		"full": d.run.Full, "adds": d.behaviour.adds && !withdrawn, "changes": d.behaviour.changes && !withdrawn, "removes": d.behaviour.removes,
		"parks": d.parksUnknown(), "withdrawn": withdrawn}
	fill := map[string]string{"plan": plan}
	d.limitTo(fill, params)
	err = e.through(ctx, "exec:plan_keys", func() error {
		return e.db.Exec(ctx, e.statement("plan_keys", fill), params, warehouse.QueryID("plan-"+d.planID))
	})
	if err != nil {
		return fmt.Errorf("comparing keys: %w", err)
	}
	var unchanged uint64
	if err := e.db.Get(ctx, &unchanged, e.statement("plan_unchanged", nil), params); err != nil {
		return fmt.Errorf("counting what is unchanged: %w", err)
	}
	d.counts["unchanged"] = unchanged
	if d.test != nil {
		if err := e.countTest(ctx, d, plan); err != nil {
			return err
		}
	}
	if withdrawn {
		d.counts["unchanged"] = d.snap.rowsIn // all that is selected is left alone
	}
	return e.writeChanges(ctx, d, plan, params)
}

// planMemory bounds each statement of a plan, in bytes.
const planMemory = 1 << 30

// writeChanges looks up what is held and wanted of the keys that differ.
func (e *Engine) writeChanges(ctx context.Context, d *draft, plan string, params warehouse.P) error {
	var n struct {
		Rows    uint64 `ch:"rows"`
		Removes uint64 `ch:"removes"`
		Changes uint64 `ch:"changes"`
	}
	if err := e.db.Get(ctx, &n, "SELECT count() AS rows, countIf(op = 'remove') AS removes, countIf(op = 'change') AS changes FROM "+plan); err != nil {
		return fmt.Errorf("counting the plan: %w", err)
	}
	if n.Rows == 0 {
		return nil
	}
	m, err := encodeConst(map[string]any{})
	if err != nil {
		return err
	}
	exit := m
	for _, s := range d.behaviour.steps {
		if s.exit {
			set := map[string]any{}
			for _, f := range d.sync.OnExit.Set {
				set[f.Name] = f.Const
			}
			if exit, err = encodeConst(set); err != nil {
				return err
			}
		}
	}
	params["exit"] = exit
	fill := map[string]string{"plan": plan, "row_hash": changeHashSQL, "moved": "''", "algorithm": "hash", "more_settings": "", "memory": fmt.Sprint(e.o.lookUpMemory),
		"few_d": "AND key IN (SELECT key FROM " + plan + ")", "few_a": "AND key IN (SELECT key FROM " + plan + ")"}
	if n.Removes > 0 || (d.behaviour.list && n.Changes > 0) {
		fold := d.foldSQL("applied_ids")
		fill["moved"] = e.statement("plan_moved", map[string]string{"plan": plan, "fold_applied": fold, "fold_ids": d.foldSQL("ids"),
			"old": "SELECT " + fold + " FROM " + e.table("sync_state") + " FINAL WHERE sync_id = {sync_id:String} AND key IN (SELECT key FROM " + plan + " WHERE op != 'add')"})
	}
	merge := func() error {
		fill["algorithm"], fill["few_d"], fill["few_a"] = "full_sorting_merge", "", ""
		fill["memory"] = fmt.Sprint(planMemory)
		fill["more_settings"] = ", max_block_size = 8192, max_bytes_before_external_sort = 268435456"
		return e.db.Exec(ctx, e.statement("plan_changes", fill), params)
	}
	return e.through(ctx, "exec:plan_changes", func() error {
		if e.o.alwaysMerge || (n.Rows*50 > d.snap.rowsIn+d.counts["holds"] && n.Rows > 100_000) {
			return merge()
		}
		err := e.db.Exec(ctx, e.statement("plan_changes", fill), params)
		var ex *clickhouse.Exception
		if !errors.As(err, &ex) || ex.Code != 241 {
			return err
		}
		// Too much memory: rows of the broken attempt stay behind under its
		// plan id, so the plan is made under another one.
		return e.anew(d, params, merge)
	})
}

// anew gives a draft another plan id.
func (e *Engine) anew(d *draft, params warehouse.P, write func() error) error {
	d.planID = uuid.Must(uuid.NewV7()).String()
	params["plan_id"] = d.planID
	return write()
}
