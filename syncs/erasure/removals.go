package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

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

// keepRemovals writes down what each destination was sent of them and opens the receipts. It is done again when runs that
// were open meanwhile are over; more reports whether somebody has to be told something more.
func (e *Engine) keepRemovals(ctx context.Context, erasureID string) (more bool, err error) {
	if err := e.keepSent(ctx, erasureID); err != nil {
		return false, err
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
	// What was appended has the id of a message for a key, or audience:version:enter:profile.
	messages := "(SELECT message_id FROM " + e.table("events_raw") + " WHERE toString(profile_id) IN " + in("profile_id") +
		" OR user_id IN " + in("user_id") + " OR anonymous_id IN " + in("anonymous_id") + ")"
	theirs := func(ids ...string) string {
		parts := []string{"key IN " + in("profile_id"), "lowerUTF8(key) IN " + in("marked"), "splitByChar(':', key)[-1] IN " + in("profile_id"), "key IN " + messages}
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
			Match map[string]string `json:"match"`
		}
		if err := json.Unmarshal([]byte(d.JSON), &s); err != nil {
			return nil, nil, fmt.Errorf("reading what sync %s matches by: %w", d.SyncID, err)
		}
		for name, column := range s.Match {
			column = strings.TrimPrefix(column, "profile.")
			if column != "user_id" && column != "anonymous_id" {
				continue
			}
			n := fmt.Sprint(len(params))
			params["sync"+n], params["name"+n] = d.SyncID, name
			out = append(out, fmt.Sprintf("(sync_id = {sync%s:String} AND JSONExtractString([[ids]], {name%s:String}) IN %s)", n, n, in(column)))
		}
	}
	return out, params, nil
}

// openReceipts writes one receipt for each destination that was sent something of them, and opens one again where more
// came to light than it was about.
func (e *Engine) openReceipts(ctx context.Context, erasureID string) (more bool, err error) {
	receipts, err := e.Receipts(ctx, erasureID)
	if err != nil {
		return false, err
	}
	there := map[string]RemovalReceipt{}
	for _, r := range receipts {
		there[r.SyncID] = r
	}
	var found []struct {
		SyncID string `ch:"sync_id"`
		Sent   uint64 `ch:"sent"`
		Held   uint64 `ch:"held_rows"`
	}
	err = e.db.Select(ctx, &found, "SELECT sync_id, uniqExactIf(key, held OR ids NOT IN ('', '{}')) AS sent, uniqExactIf(key, held) AS held_rows FROM "+
		e.table("erasure_removals")+" WHERE erasure_id = ? GROUP BY sync_id", erasureID)
	if err != nil {
		return false, fmt.Errorf("counting what destinations were sent: %w", err)
	}
	for _, f := range found {
		way, err := e.o.Syncs.RemovalOf(ctx, f.SyncID)
		if errors.Is(err, syncs.ErrNotFound) {
			way, err = syncs.Removal{Why: "the sync is no longer on record"}, nil
		}
		if err != nil {
			return false, err
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
		old := there[f.SyncID]
		if r.Rows <= old.Rows {
			continue
		}
		r.Version, more = old.Version, true
		if err := e.writeReceipt(ctx, r); err != nil {
			return false, err
		}
	}
	return more, nil
}

// remove takes every destination a step further, but none whose sync is busy with a run from before; waiting is how long
// to wait, 0 when all others have answered.
func (e *Engine) remove(ctx context.Context, x *Erasure, busy map[string]bool) (waiting time.Duration, err error) {
	receipts, err := e.Receipts(ctx, x.ID)
	if err != nil {
		return 0, err
	}
	for _, r := range receipts {
		if r.Status != statusPending || busy[r.SyncID] {
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
		id := uuid.NewSHA1(removalSpace, fmt.Appendf(nil, "%s %s %d %d", x.ID, r.SyncID, r.Rows, r.Tries)).String()
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
		if told := run.Counts["accepted"] + run.Counts["skipped"]; told < r.Rows {
			r.Status = statusManual
			r.Words = fmt.Sprintf("run %s could name %d of %d to the destination: of the others it isn't known by what identifiers they were sent; delete them at the vendor by hand", run.ID, told, r.Rows)
		}
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
