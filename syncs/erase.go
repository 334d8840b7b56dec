package syncs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/warehouse"
)

// TriggerErasure is the trigger of a run that takes erased people out of a
// destination, whatever the sync's mode. No guard holds it, it runs beside a
// held plan and in a paused sync.
const TriggerErasure = "erasure"

// erasureInput is the input version that names the erasure a run is for.
const erasureInput = "erasure"

// passesHeld reports whether runs of a trigger only take people out who must
// not wait: for a guard, for somebody's approval, for the end of a pause.
func passesHeld(trigger string) bool {
	return trigger == TriggerWithdrawal || trigger == TriggerErasure
}

// Removal says how a destination lets go of a person.
type Removal struct {
	Name, Destination, Connector, Object string

	Action connectors.Action // "": there is no way
	Erases bool              // the vendor deletes for good
	Why    string            // why there is no way
}

// RemovalOf says how the destination of a sync lets go of a person. That there
// is no way is no error: a person must see to it then.
func (e *Engine) RemovalOf(ctx context.Context, syncID string) (Removal, error) {
	def, err := e.definitionByID(ctx, syncID)
	if err != nil {
		return Removal{}, err
	}
	out := Removal{Name: def.Name, Destination: def.Destination}
	j, err := e.resolve(ctx, &Run{SyncID: syncID, Trigger: TriggerErasure})
	if err != nil {
		out.Why = err.Error()
		return out, nil
	}
	step := j.behaviour.steps[0]
	out.Connector, out.Object, out.Action, out.Erases = j.dst.Connector().Name, j.object.Name, step.action, step.erase
	return out, nil
}

// erasureBehaviour is how an object lets go of a person: deleted for good where
// the vendor offers it, else deleted, else taken off the list.
func erasureBehaviour(o connectors.Object) (behaviour, error) {
	for _, action := range []connectors.Action{connectors.Delete, connectors.RemoveFromList} {
		spec, ok := o.Actions[action]
		if !ok {
			continue
		}
		return behaviour{list: action == connectors.RemoveFromList, removes: true,
			steps: []step{{phase: 0, action: action, ops: []Op{Remove}, erase: spec.Erases && action == connectors.Delete}}}, nil
	}
	return behaviour{}, fmt.Errorf("%s has no way to take anybody out", o.Name)
}

// StartErasure queues the run that takes the people of an erasure out of a
// sync's destination: those in erasure_removals. It is repeatable with one
// runID. Errors: ErrNotFound, *OpenRunError.
func (e *Engine) StartErasure(ctx context.Context, syncID, erasureID, runID, actor string) (Run, error) {
	def, err := e.definitionByID(ctx, syncID)
	if err != nil {
		return Run{}, err
	}
	return e.Start(ctx, def.Name, StartOptions{Trigger: TriggerErasure, Actor: actor, RunID: runID, erasure: erasureID, syncID: syncID})
}

// OpenedBefore are the runs of all syncs that were opened before a time and aren't over, those of erasures aside. Held ones
// aren't among them: who is suppressed meanwhile is left out when they are applied. Only SyncID, No, ID and State are set.
func (e *Engine) OpenedBefore(ctx context.Context, before time.Time) ([]Run, error) {
	var runs []Run
	err := e.db.Select(ctx, &runs, "SELECT r.sync_id AS sync_id, r.run_no AS run_no, r.run_id AS run_id, argMax(r.state, r.seq) AS state, argMax(r.dry_run, r.seq) AS dry_run FROM "+
		e.table("sync_runs")+" AS r WHERE r.trigger != {erasure:String} GROUP BY r.sync_id, r.run_no, r.run_id HAVING "+openStates+
		" AND state != 'held' AND min(r.at) <= fromUnixTimestamp64Milli({before:Int64}) ORDER BY sync_id, run_no",
		warehouse.P{"erasure": TriggerErasure, "before": before.UnixMilli()})
	if err != nil {
		return nil, fmt.Errorf("looking for open runs: %w", err)
	}
	return runs, nil
}

// planErasure writes the removals of an erasure as the plan: with the
// identifiers that were kept before anything was taken out, since what the
// destination must be told may be gone from the state by now.
func (e *Engine) planErasure(ctx context.Context, d *draft) error {
	d.counts["snapshot"] = 0
	err := e.through(ctx, "exec:plan_erasure", func() error {
		return e.db.Exec(ctx, e.statement("plan_erasure", map[string]string{"row_hash": changeHashSQL}), warehouse.P{"sync_id": d.def.SyncID,
			"run_no": d.run.No, "plan_id": d.planID, "planned_at": d.plannedAt, "erasure": d.run.InputVersions[erasureInput],
			"all": d.behaviour.steps[0].erase})
	})
	if err != nil {
		return fmt.Errorf("planning the removals of an erasure: %w", err)
	}
	return nil
}

// erasedSQL is the condition on a row of a plan whose person was erased since: nothing is left of it but its place,
// its hash and a keyed hash of its key, so that the plan's digest still proves the others.
const erasedSQL = "startsWith(key, 'erased:') AND ids_before = '' AND ids_after = ''"

func (c *change) erased() bool {
	return strings.HasPrefix(c.key, "erased:") && c.idsBefore == "" && c.idsAfter == ""
}
