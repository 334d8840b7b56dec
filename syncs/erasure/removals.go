package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/warehouse"
)

// The statuses of a receipt.
const (
	statusPending  = "pending"
	statusAccepted = "accepted"
	statusManual   = "manual_action_required"
)

// retryAfter is how long a removal that wasn't taken waits for its next try.
var retryAfter = []time.Duration{0, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}

// keepRemovals writes down what each destination was sent of them, before anything is taken out, and opens the receipts.
func (e *Engine) keepRemovals(ctx context.Context, erasureID string) error {
	if err := e.keepSent(ctx, erasureID); err != nil {
		return err
	}
	return e.openReceipts(ctx, erasureID)
}

func (e *Engine) keepSent(ctx context.Context, erasureID string) error {
	in := e.subjectsOf(erasureID)
	mapped, params, err := e.mapped(ctx, in)
	if err != nil {
		return err
	}
	params["id"] = erasureID
	theirs := func(ids ...string) string {
		parts := []string{"key IN " + in("profile_id"), "lowerUTF8(key) IN " + in("marked")}
		for _, text := range ids {
			parts = append(parts, "arrayExists(t -> lowerUTF8(t.2) IN "+in("marked")+", JSONExtractKeysAndValues("+text+", 'String'))")
			for _, m := range mapped {
				parts = append(parts, strings.ReplaceAll(m, "[[ids]]", text))
			}
		}
		return "(" + strings.Join(parts, " OR ") + ")"
	}
	changed := theirs("ids_before", "ids_after")
	sql := "INSERT INTO " + e.table("erasure_removals") + " (erasure_id, sync_id, key, ids, payload, ref, held) SELECT DISTINCT {id:String}, * FROM (" +
		"SELECT sync_id, key, applied_ids AS ids, applied_payload AS payload, ref, applied_hash != 0 OR (last_status = 'unknown' AND applied_ids != '') AS held FROM " +
		e.table("sync_state") + " FINAL WHERE " + theirs("applied_ids") +
		" UNION ALL SELECT sync_id, key, argMax(if(ids_after NOT IN ('', '{}'), ids_after, ids_before), (run_no, row_no)) AS ids, '' AS payload, argMax(ref, (run_no, row_no)) AS ref, false AS held FROM " +
		e.table("sync_changes") + " WHERE " + changed + " AND (sync_id, run_no, plan_id, row_no) IN (SELECT sync_id, run_no, plan_id, row_no FROM " +
		e.table("sync_outcomes") + " WHERE status = 'accepted') GROUP BY sync_id, key" +
		" UNION ALL SELECT DISTINCT sync_id, key, '' AS ids, '' AS payload, '' AS ref, false AS held FROM " + e.table("sync_changes") + " WHERE " + changed +
		" UNION ALL SELECT DISTINCT sync_id, key, '' AS ids, '' AS payload, '' AS ref, false AS held FROM " + e.table("sync_snapshot_rows") + " WHERE " + theirs("ids") + ")"
	return e.db.Exec(ctx, sql, params)
}

// mapped are conditions by each sync's mapping: an identifier that is filled from a column user_id is a user id, even
// a short one.
func (e *Engine) mapped(ctx context.Context, in set) ([]string, warehouse.P, error) {
	params := warehouse.P{}
	definitions, err := e.o.Syncs.Definitions(ctx)
	if err != nil {
		return nil, nil, err
	}
	var out []string
	for _, d := range definitions {
		var s struct {
			Match map[string]project.Column `json:"match"`
		}
		if json.Unmarshal([]byte(d.JSON), &s) != nil {
			continue // an older release wrote it otherwise
		}
		for name, column := range s.Match {
			if column.Name != "user_id" && column.Name != "anonymous_id" {
				continue
			}
			n := fmt.Sprint(len(params))
			params["sync"+n], params["name"+n] = d.SyncID, name
			out = append(out, fmt.Sprintf("(sync_id = {sync%s:String} AND JSONExtractString([[ids]], {name%s:String}) IN %s)", n, n, in(column.Name)))
		}
	}
	return out, params, nil
}

// openReceipts writes one receipt for each destination that was sent something of them.
func (e *Engine) openReceipts(ctx context.Context, erasureID string) error {
	var found []struct {
		SyncID string `ch:"sync_id"`
		Sent   uint64 `ch:"sent"`
		Held   uint64 `ch:"held_rows"`
	}
	err := e.db.Select(ctx, &found, "SELECT sync_id, uniqExactIf(key, ids NOT IN ('', '{}')) AS sent, uniqExactIf(key, held) AS held_rows FROM "+
		e.table("erasure_removals")+" WHERE erasure_id = ? GROUP BY sync_id", erasureID)
	if err != nil {
		return err
	}
	for _, f := range found {
		way, err := e.o.Syncs.RemovalOf(ctx, f.SyncID)
		if errors.Is(err, syncs.ErrNotFound) {
			way, err = syncs.Removal{Why: "the sync is no longer on record"}, nil
		}
		if err != nil {
			return err
		}
		r := RemovalReceipt{ErasureID: erasureID, SyncID: f.SyncID, Sync: way.Name, Destination: way.Destination, Connector: way.Connector, Object: way.Object,
			Action: string(way.Action), Status: statusPending, Rows: f.Held}
		switch {
		case way.Action == "":
			r.Action, r.Status, r.Rows = "none", statusManual, f.Sent
			r.Words = "delete them at the vendor by hand: " + way.Why
		case way.Erases:
			r.Action, r.Rows = "erase", f.Sent
		}
		if r.Rows == 0 {
			continue
		}
		if err := e.writeReceipt(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// remove takes every destination a step further; waiting is how long to wait, 0 when all have answered.
func (e *Engine) remove(ctx context.Context, x *Erasure) (waiting time.Duration, err error) {
	receipts, err := e.Receipts(ctx, x.ID)
	if err != nil {
		return 0, err
	}
	for _, r := range receipts {
		if r.Status != statusPending {
			continue
		}
		wait, err := e.removeFrom(ctx, x, r)
		if err != nil {
			return 0, err
		}
		if wait > 0 && (waiting == 0 || wait < waiting) {
			waiting = wait
		}
	}
	return waiting, nil
}

// removalSpace names the runs of erasures, so that starting one is repeatable.
var removalSpace = uuid.MustParse("5f1b0c0e-7a1e-5a64-9d3c-7461696c7263")

const lookAgain = 500 * time.Millisecond

func (e *Engine) removeFrom(ctx context.Context, x *Erasure, r RemovalReceipt) (time.Duration, error) {
	if r.RunID == "" {
		if until := r.At.Add(retryAfter[min(int(r.Tries), len(retryAfter)-1)]); r.Tries > 0 && e.now().Before(until) {
			return until.Sub(e.now()), nil
		}
		id := uuid.NewSHA1(removalSpace, fmt.Appendf(nil, "%s %s %d", x.ID, r.SyncID, r.Tries)).String()
		run, err := e.o.Syncs.StartErasure(ctx, r.SyncID, x.ID, id, x.Actor)
		var open *syncs.OpenRunError
		var restored *syncs.RestoredError
		switch {
		case errors.As(err, &open):
			return lookAgain, nil
		case errors.As(err, &restored):
			return time.Minute, nil // nothing is sent before a person has looked
		case err != nil:
			return 0, err
		}
		r.RunID = run.ID
		return lookAgain, e.writeReceipt(ctx, r)
	}
	run, err := e.o.Syncs.Run(ctx, r.RunID)
	if err != nil {
		return 0, err
	}
	switch {
	case !run.Over():
		return lookAgain, nil
	case run.State == syncs.Succeeded:
		r.Status = statusAccepted
		return 0, e.writeReceipt(ctx, r)
	}
	r.Tries++
	if run.State == syncs.Discarded { // another run came first
		r.RunID = ""
		return lookAgain, e.writeReceipt(ctx, r)
	}
	codes := []string{}
	if err := e.db.Select(ctx, &codes, "SELECT toString(code) FROM "+e.table("sync_outcomes")+" WHERE sync_id = ? AND run_no = ? AND plan_id = ?"+
		" AND status NOT IN ('accepted', 'skipped') ORDER BY at DESC LIMIT 1", run.SyncID, run.No, run.PlanID); err != nil {
		return 0, fmt.Errorf("reading why a removal wasn't taken: %w", err)
	}
	if len(codes) > 0 {
		r.Code = codes[0]
	}
	r.Words = fmt.Sprintf("run %s ended as %s", run.ID, run.State)
	if int(r.Tries) >= e.o.Tries {
		r.Status, r.Words = statusManual, r.Words+"; delete them at the vendor by hand"
		return 0, e.writeReceipt(ctx, r)
	}
	r.RunID = ""
	return lookAgain, e.writeReceipt(ctx, r)
}
