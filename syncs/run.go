package syncs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// Run is one run of a sync as its newest transition tells it.
type Run struct {
	SyncID         string            `ch:"sync_id" json:"sync_id"`
	No             uint64            `ch:"run_no" json:"run_no"`
	ID             string            `ch:"run_id" json:"id"`
	Seq            uint32            `ch:"seq" json:"seq"`
	State          State             `ch:"state" json:"state"`
	At             time.Time         `ch:"at" json:"at"`
	Trigger        string            `ch:"trigger" json:"trigger"`
	Actor          string            `ch:"actor" json:"actor"`
	DryRun         bool              `ch:"dry_run" json:"dry_run"`
	Full           bool              `ch:"full" json:"full"`
	FullReason     string            `ch:"full_reason" json:"full_reason,omitempty"`
	PlanID         string            `ch:"plan_id" json:"plan_id,omitempty"`
	PlanDigest     string            `ch:"plan_digest" json:"plan_digest,omitempty"`
	StateRunNo     uint64            `ch:"state_run_no" json:"state_run_no"`
	ProjectHash    string            `ch:"project_hash" json:"project_hash"`
	DefinitionHash string            `ch:"definition_hash" json:"definition_hash"`
	InputVersions  map[string]string `ch:"input_versions" json:"input_versions"`
	Counts         map[string]uint64 `ch:"counts" json:"counts"`
	Timings        map[string]uint64 `ch:"timings_ms" json:"timings_ms"`
	Reason         string            `ch:"reason" json:"reason,omitempty"`
	Error          string            `ch:"error" json:"error,omitempty"`
}

// Over reports whether the run is over; a dry run is once it is planned.
func (r Run) Over() bool { return r.State.Over() || (r.DryRun && r.State == Planned) }

var runColumns = []string{"sync_id", "run_no", "run_id", "seq", "state", "at", "trigger", "actor", "dry_run", "full",
	"full_reason", "plan_id", "plan_digest", "state_run_no", "project_hash", "definition_hash", "input_versions", "counts",
	"timings_ms", "reason", "error"}

func (r *Run) row() []any {
	return []any{r.SyncID, r.No, r.ID, r.Seq, string(r.State), r.At, r.Trigger, r.Actor, r.DryRun, r.Full, r.FullReason,
		r.PlanID, r.PlanDigest, r.StateRunNo, r.ProjectHash, r.DefinitionHash, r.InputVersions, r.Counts, r.Timings, r.Reason, r.Error}
}

// ErrNotFound is returned for a run or sync that isn't there.
var ErrNotFound = errors.New("not found")

// run reads a run's newest transition.
func (e *Engine) run(ctx context.Context, runID string) (*Run, error) {
	var r Run
	err := e.db.Get(ctx, &r, "SELECT "+joinColumns(runColumns)+" FROM "+e.table("sync_runs")+
		" WHERE run_id = ? ORDER BY seq DESC LIMIT 1", runID)
	if errors.Is(err, warehouse.ErrNoRows) {
		return nil, fmt.Errorf("run %s: %w", runID, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("reading run %s: %w", runID, err)
	}
	return &r, nil
}

// append writes one transition.
func (e *Engine) append(ctx context.Context, r *Run) error {
	return e.insert(ctx, "sync_runs", runColumns, [][]any{r.row()}, fmt.Sprintf("run:%s:%d", r.ID, r.Seq))
}

// newestRuns reads the newest transition of a sync's runs that match a
// condition on it, newest run first.
func (e *Engine) newestRuns(ctx context.Context, syncID, having string, limit int) ([]Run, error) {
	cols := ""
	for _, c := range runColumns[3:] {
		if c != "seq" {
			cols += ", argMax(r." + c + ", r.seq) AS " + c
		}
	}
	sql := "SELECT r.sync_id AS sync_id, r.run_no AS run_no, r.run_id AS run_id, max(r.seq) AS seq" + cols + " FROM " + e.table("sync_runs") +
		" AS r WHERE r.sync_id = ? GROUP BY r.sync_id, r.run_no, r.run_id"
	if having != "" {
		sql += " HAVING " + having
	}
	var runs []Run
	err := e.db.Select(ctx, &runs, sql+fmt.Sprintf(" ORDER BY run_no DESC LIMIT %d", limit), syncID)
	if err != nil {
		return nil, fmt.Errorf("reading runs: %w", err)
	}
	return runs, nil
}

const openStates = "state NOT IN ('succeeded', 'partial', 'failed', 'cancelled', 'discarded') AND NOT (dry_run AND state = 'planned')"

// openRuns are the sync's runs that aren't over, newest first.
func (e *Engine) openRuns(ctx context.Context, syncID string) ([]Run, error) {
	return e.newestRuns(ctx, syncID, openStates, 100)
}

func joinColumns(columns []string) string {
	out := ""
	for i, c := range columns {
		if i > 0 {
			out += ", "
		}
		out += c
	}
	return out
}
