package syncs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/tailrace/tailrace/warehouse"
)

// ErrCursor is returned for a cursor that isn't one of ours.
var ErrCursor = errors.New("the cursor isn't one that this list gave out")

const (
	defaultPage = 100
	maxPage     = 1000
)

func page(limit int) int {
	if limit <= 0 {
		return defaultPage
	}
	return min(limit, maxPage)
}

// Run reads one run. ErrNotFound.
func (e *Engine) Run(ctx context.Context, runID string) (Run, error) {
	r, err := e.run(ctx, runID)
	if err != nil {
		return Run{}, err
	}
	return *r, nil
}

// Waiting tells why a run that isn't over makes no progress, in the destination's words: those of its newest outcome, if
// that row was put off or its fate is unknown; else "".
func (e *Engine) Waiting(ctx context.Context, r Run) (string, error) {
	if r.State != Delivering && r.State != Finishing {
		return "", nil
	}
	var newest struct {
		Status string `ch:"status"`
		Code   string `ch:"code"`
		Words  string `ch:"words"`
	}
	err := e.db.Get(ctx, &newest, "SELECT status, code, words FROM "+e.table("sync_outcomes")+
		" WHERE sync_id = ? AND run_no = ? AND plan_id = ? ORDER BY at DESC, seq DESC LIMIT 1", r.SyncID, r.No, r.PlanID)
	if errors.Is(err, warehouse.ErrNoRows) || err == nil && newest.Status != statusDeferred && newest.Status != statusUnknown {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading what run %s waits for: %w", r.ID, err)
	}
	return newest.Code + ": " + newest.Words, nil
}

// RunFilter chooses runs; zero values choose all.
type RunFilter struct {
	Sync   string // name
	State  State
	Cursor string
	Limit  int
}

// Runs lists runs, newest first, and the cursor of the next page ("" at the end).
func (e *Engine) Runs(ctx context.Context, f RunFilter) ([]Run, string, error) {
	limit := page(f.Limit)
	columns := []string{"sync_id", "run_no", "run_id", "max(r.seq) AS newest_seq", "min(r.at) AS queued_at"}
	for _, c := range runColumns[4:] {
		columns = append(columns, "argMax(r."+c+", r.seq) AS newest_"+c)
	}
	q := sq.Select(columns...).From(e.table("sync_runs")+" AS r").GroupBy("sync_id", "run_no", "run_id").
		OrderBy("queued_at DESC", "run_id DESC").Limit(uint64(limit) + 1)
	if f.Sync != "" {
		q = q.Where("r.sync_id IN (SELECT sync_id FROM "+e.table("sync_definitions")+" FINAL WHERE name = ?)", f.Sync)
	}
	if f.State != "" {
		q = q.Having("newest_state = ?", string(f.State))
	}
	if f.Cursor != "" {
		at, id, err := splitCursor(f.Cursor)
		if err != nil {
			return nil, "", err
		}
		q = q.Having("(queued_at, run_id) < (fromUnixTimestamp64Milli(?, 'UTC'), ?)", at, id)
	}
	sql, args, err := q.ToSql()
	if err != nil {
		return nil, "", fmt.Errorf("listing runs: %w", err)
	}
	rows, err := e.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, "", fmt.Errorf("listing runs: %w", err)
	}
	defer rows.Close()
	var out []Run
	var queued []time.Time
	for rows.Next() {
		var r Run
		var at time.Time
		if err := rows.Scan(&r.SyncID, &r.No, &r.ID, &r.Seq, &at, &r.State, &r.At, &r.Trigger, &r.Actor, &r.DryRun, &r.Full, &r.FullReason, &r.PlanID,
			&r.PlanDigest, &r.StateRunNo, &r.ProjectHash, &r.DefinitionHash, &r.InputVersions, &r.Counts, &r.Timings, &r.Reason, &r.Error); err != nil {
			return nil, "", err
		}
		out, queued = append(out, r), append(queued, at)
	}
	if err := rows.Close(); err != nil {
		return nil, "", fmt.Errorf("listing runs: %w", err)
	}
	if len(out) <= limit {
		return out, "", nil
	}
	return out[:limit], fmt.Sprintf("%d.%s", queued[limit-1].UnixMilli(), out[limit-1].ID), nil
}

func splitCursor(cursor string) (int64, string, error) {
	for i := range cursor {
		if cursor[i] == '.' {
			n, err := strconv.ParseInt(cursor[:i], 10, 64)
			if err != nil {
				break
			}
			return n, cursor[i+1:], nil
		}
	}
	return 0, "", ErrCursor
}

// Transitions lists the transitions of a run, oldest first.
func (e *Engine) Transitions(ctx context.Context, runID string) ([]Run, error) {
	var out []Run
	err := e.db.Select(ctx, &out, "SELECT "+joinColumns(runColumns)+" FROM "+e.table("sync_runs")+" WHERE run_id = ? ORDER BY seq", runID)
	if err != nil {
		return nil, fmt.Errorf("reading run %s: %w", runID, err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("run %s: %w", runID, ErrNotFound)
	}
	return out, nil
}

// Sync is a sync with its newest run.
type Sync struct {
	Definition
	Last  *Run   `json:"last_run,omitempty"`
	Holds uint64 `json:"holds"` // rows that the destination holds
}

// Syncs lists the syncs of the ledger that are or were in a project.
func (e *Engine) Syncs(ctx context.Context) ([]Sync, error) {
	definitions, err := e.Definitions(ctx)
	if err != nil {
		return nil, err
	}
	var held []struct {
		SyncID string `ch:"sync_id"`
		Rows   uint64 `ch:"rows"`
	}
	if err := e.db.Select(ctx, &held, "SELECT sync_id, count() AS rows FROM "+e.table("sync_state")+" FINAL WHERE applied_hash != 0 GROUP BY sync_id"); err != nil {
		return nil, fmt.Errorf("counting what destinations hold: %w", err)
	}
	holds := map[string]uint64{}
	for _, h := range held {
		holds[h.SyncID] = h.Rows
	}
	var out []Sync
	for _, d := range definitions {
		if d.Status == statusReplaced {
			continue
		}
		last, err := e.newestRuns(ctx, d.SyncID, "", 1)
		if err != nil {
			return nil, err
		}
		s := Sync{Definition: d, Holds: holds[d.SyncID]}
		if len(last) > 0 {
			s.Last = &last[0]
		}
		out = append(out, s)
	}
	return out, nil
}

// Sync reads one sync by name. ErrNotFound.
func (e *Engine) Sync(ctx context.Context, name string) (Sync, error) {
	d, err := e.definition(ctx, name)
	if err != nil {
		return Sync{}, err
	}
	s := Sync{Definition: *d}
	if err := e.db.Get(ctx, &s.Holds, "SELECT count() FROM "+e.table("sync_state")+" FINAL WHERE sync_id = ? AND applied_hash != 0", d.SyncID); err != nil {
		return s, fmt.Errorf("counting what the destination holds: %w", err)
	}
	last, err := e.newestRuns(ctx, d.SyncID, "", 1)
	if len(last) > 0 {
		s.Last = &last[0]
	}
	return s, err
}

// raw is canonical JSON as an API shows it; nil where there is none.
func raw(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
