package syncs

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/warehouse"
)

// takeWindow computes the selection of a run that appends what happened: the
// rows of its window, each in or left out with its reason.
func (e *Engine) takeWindow(ctx context.Context, j *job) (*snapshot, error) {
	w, err := e.windowOf(ctx, j)
	if err != nil {
		return nil, err
	}
	at, err := e.look(ctx)
	if err != nil {
		return nil, err
	}
	inputs, err := e.appendInputs(ctx, at, j.project, j.sync, w.cursor)
	if err != nil {
		return nil, err
	}
	maps.Copy(inputs, w.inputs(j.sync))
	src := e.appendSource(j)
	if err := e.addProfile(ctx, j, src); err != nil {
		return nil, err
	}
	sql, err := e.windowSnapshotSQL(ctx, j, src, w, inputs)
	if err != nil {
		return nil, err
	}
	version, err := jobs.ClaimNext(ctx, e.db, "snapshot:"+j.def.SyncID, 1, e.o.Worker)
	if err != nil {
		return nil, fmt.Errorf("claiming a snapshot's version: %w", err)
	}
	params := w.params(j)
	params["version"] = version
	err = e.through(ctx, "exec:snapshot", func() error {
		return e.db.Exec(ctx, sql, params, warehouse.QueryID("snapshot-"+j.run.PlanID))
	})
	if err != nil {
		return nil, fmt.Errorf("computing the selection: %w", err)
	}
	s, err := e.sealSnapshot(ctx, j, version, inputs)
	if err != nil {
		return nil, err
	}
	s.backfill = w.backfill
	return s, nil
}

// windowSnapshotSQL renders the statement.
func (e *Engine) windowSnapshotSQL(ctx context.Context, j *job, src *source, w *window, inputs map[string]string) (string, error) {
	m, err := j.appendMapping(src)
	if err != nil {
		return "", err
	}
	named, err := j.namedBy(m)
	if err != nil {
		return "", err
	}
	if src.view == "events" {
		named = append(named, ownIdentifiers("s")...)
	}
	may := e.permission(j.purposes, src.personID, named)
	member := m.key
	if j.sync.Audience != "" {
		member = "s.profile_id" // exclusions and holdouts are about members, not about their coming and going
	}
	exclusion, err := e.exclusionSQL(ctx, j, src, member, inputs)
	if err != nil {
		return "", err
	}
	empty, unresolved := "0", "0"
	if len(m.sent) > 0 {
		empty = "tr_ids = '{}'"
	}
	if j.parksUnknown() {
		unresolved = "tr_key IN (SELECT key FROM " + e.table("sync_state") + " FINAL WHERE sync_id = {sync_id:String} AND last_status = 'unknown' AND key IN (SELECT " +
			warehouse.QuoteIdentifier(src.key) + " FROM (" + e.windowSQL(j, w) + ")))"
	}
	return e.statement("append_snapshot", map[string]string{
		"key": m.key, "ids": m.ids, "payload": m.payload, "hash": rowHashSQL("tr_key, tr_ids, tr_payload"), "empty": empty,
		"suppressed": may.suppressed, "denied": may.denied, "unknown": may.unknown, "exclusion": exclusion, "unresolved": unresolved, "refused": m.refused,
		"window": e.windowSQL(j, w), "joins": src.profileJoin(e.db.ProjectDatabase(), j.sync) + may.joins,
	}), nil
}

// ownIdentifiers are those that an event has itself, by which its person may be
// suppressed before identities know them.
func ownIdentifiers(alias string) []named {
	return []named{{row: "lowerUTF8(" + alias + ".user_id)", value: "lowerUTF8(value)"}, {row: "lowerUTF8(" + alias + ".anonymous_id)", value: "lowerUTF8(value)"}}
}

// compareWindow plans what of a window has no receipt yet.
func (e *Engine) compareWindow(ctx context.Context, d *draft) error {
	d.counts["selected"] = d.snap.selected()
	d.counts["in"] = d.snap.rowsIn
	for reason, n := range d.snap.leftOut {
		d.counts["left_out."+reason] = n
	}
	d.counts["snapshot"] = d.snap.version
	if d.snap.backfill {
		d.counts["backfill"] = 1
	}
	if d.snap.rowsIn == 0 || d.run.Trigger == TriggerWithdrawal {
		d.counts["unchanged"] = d.snap.rowsIn
		return nil
	}
	plan := e.table("plan_" + strings.ReplaceAll(d.planID, "-", ""))
	if err := e.db.Exec(ctx, "CREATE TABLE "+plan+" (row_no UInt64, op LowCardinality(String), key String) ENGINE = MergeTree ORDER BY key"); err != nil {
		return fmt.Errorf("making the plan's table: %w", err)
	}
	defer func() {
		if err := e.db.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+plan+" SYNC"); err != nil {
			e.o.Log.Warn("a plan's table is left over", "table", plan, "error", err)
		}
	}()
	params := warehouse.P{"sync_id": d.def.SyncID, "version": d.snap.version, "run_no": d.run.No, "plan_id": d.planID, "planned_at": d.plannedAt}
	receipts := e.statement("append_receipts", nil)
	if e.o.broken.noReceipts {
		receipts = "SELECT '' AS key WHERE 0"
	}
	err := e.through(ctx, "exec:plan_keys", func() error {
		return e.db.Exec(ctx, e.statement("append_keys", map[string]string{"plan": plan, "receipts": receipts}), params, warehouse.QueryID("plan-"+d.planID))
	})
	if err != nil {
		return fmt.Errorf("looking for receipts: %w", err)
	}
	var unchanged uint64
	err = e.db.Get(ctx, &unchanged, "SELECT count() FROM "+e.table("sync_snapshot_rows")+
		" WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND reason = '' AND key IN ("+receipts+")", params)
	if err != nil {
		return fmt.Errorf("counting what was sent before: %w", err)
	}
	d.counts["unchanged"] = unchanged
	return e.writeChanges(ctx, d, plan, params)
}

// appendPerson joins, behind rows of a plan, who each is about, as the snapshot
// saw it: key is s.key.
func (e *Engine) appendPerson(j *job, r *Run) (src *source, join, person string, params warehouse.P, err error) {
	src = e.appendSource(j)
	if j.sync.Audience != "" {
		if src.personID != "" {
			person = "toUUIDOrZero(splitByChar(':', s.key)[-1])"
		}
		return src, "", person, nil, nil
	}
	oldest, err := parseInstant(r.InputVersions[inputOldest])
	if err != nil {
		return nil, "", "", nil, err
	}
	return src, e.statement("append_person", nil) + "\n", "v.person", warehouse.P{"oldest": oldest}, nil
}
