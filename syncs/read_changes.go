package syncs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/tailrace/tailrace/warehouse"
)

// ChangeFilter chooses changes of a run; zero values choose all.
type ChangeFilter struct {
	Op      Op
	Outcome string // accepted, rejected, skipped, moved, suppressed, unknown, to_go
	Q       string // part of the key or of an identifier, whatever its case
	Cursor  string
	Limit   int
}

// ChangeView is one change of a plan and what became of it.
type ChangeView struct {
	RowNo         uint64          `json:"row_no"`
	Op            Op              `json:"op"`
	Key           string          `json:"key"`
	IDsBefore     json.RawMessage `json:"ids_before,omitempty"`
	IDsAfter      json.RawMessage `json:"ids_after,omitempty"`
	Before        json.RawMessage `json:"before,omitempty"`
	After         json.RawMessage `json:"after,omitempty"`
	ChangedFields []string        `json:"changed_fields"`
	Outcome       string          `json:"outcome"` // to_go until there is one
	Receipt       Receipt         `json:"receipt"`
}

// Receipt is the destination's word on a change.
type Receipt struct {
	Ref     string     `json:"ref,omitempty"`
	Code    string     `json:"code,omitempty"`
	Words   string     `json:"words,omitempty"`
	At      *time.Time `json:"at,omitempty"`
	BatchNo uint32     `json:"batch_no,omitempty"`
	Attempt uint32     `json:"attempt,omitempty"`
}

// Changes lists a run's changes by row number, and the cursor of the next page.
func (e *Engine) Changes(ctx context.Context, runID string, f ChangeFilter) ([]ChangeView, string, error) {
	r, err := e.run(ctx, runID)
	if err != nil {
		return nil, "", err
	}
	if r.PlanID == "" {
		return []ChangeView{}, "", nil
	}
	limit := page(f.Limit)
	sql, args, err := e.changesSQL(r, f, limit)
	if err != nil {
		return nil, "", err
	}
	params, rows, err := e.rowParams(ctx, r)
	if err != nil {
		return nil, "", err
	}
	params["last"] = rows
	found, err := e.db.Query(ctx, sql, append(args, params)...)
	if err != nil {
		return nil, "", fmt.Errorf("listing changes of run %s: %w", runID, err)
	}
	defer found.Close()
	out := []ChangeView{}
	for found.Next() {
		v, err := scanChange(found)
		if err != nil {
			return nil, "", err
		}
		out = append(out, v)
	}
	if err := found.Close(); err != nil {
		return nil, "", fmt.Errorf("listing changes of run %s: %w", runID, err)
	}
	if len(out) <= limit {
		return out, "", nil
	}
	return out[:limit], strconv.FormatUint(out[limit-1].RowNo, 10), nil
}

func (e *Engine) changesSQL(r *Run, f ChangeFilter, limit int) (string, []any, error) {
	rows := sq.Select("row_no", "toString(op) AS op", "key", "ids_before", "ids_after", "payload_before", "payload_after", "changed_fields").
		From(e.table("sync_changes")).Where(sq.Eq{"sync_id": r.SyncID, "run_no": r.No, "plan_id": r.PlanID}).OrderBy("row_no")
	if f.Op != "" {
		rows = rows.Where(sq.Eq{"op": string(f.Op)})
	}
	if f.Q != "" {
		rows = rows.Where("(positionCaseInsensitiveUTF8(key, ?) > 0 OR positionCaseInsensitiveUTF8(ids_before, ?) > 0 OR positionCaseInsensitiveUTF8(ids_after, ?) > 0)", f.Q, f.Q, f.Q)
	}
	if f.Cursor != "" {
		after, err := strconv.ParseUint(f.Cursor, 10, 64)
		if err != nil {
			return "", nil, ErrCursor
		}
		rows = rows.Where("row_no > ?", after)
	}
	if f.Outcome == "" {
		rows = rows.Limit(uint64(limit) + 1) // the page first, its outcomes then
	}
	inner, args, err := rows.ToSql()
	if err != nil {
		return "", nil, fmt.Errorf("listing changes: %w", err)
	}
	q := sq.Select("c.row_no AS row_no", "c.op AS op", "c.key AS key", "c.ids_before AS ids_before", "c.ids_after AS ids_after",
		"c.payload_before AS payload_before", "c.payload_after AS payload_after", "c.changed_fields AS changed_fields",
		"o.refused AS refused", "o.removal AS removal", "o.sending AS sending", e.statement("row_status", nil)+" AS final",
		"o.answer_ref AS answer_ref", "o.answer_code AS answer_code", "o.answer_words AS answer_words", "o.answered_at AS answered_at",
		"o.answer_batch AS answer_batch", "o.answer_attempt AS answer_attempt").
		From("(" + inner + ") AS c LEFT JOIN (" + e.statement("row_outcomes", nil) + ") AS o ON c.row_no = o.row_no").
		OrderBy("c.row_no").Limit(uint64(limit) + 1)
	outer := q
	switch f.Outcome {
	case "":
	case "to_go":
		outer = q.Where("final = ''")
	default:
		outer = q.Where("final = ?", f.Outcome)
	}
	sql, more, err := outer.Suffix("SETTINGS join_use_nulls = 0").ToSql()
	if err != nil {
		return "", nil, fmt.Errorf("listing changes: %w", err)
	}
	return sql, append(args, more...), nil
}

func scanChange(rows *warehouse.Rows) (ChangeView, error) {
	var v ChangeView
	var op, idsBefore, idsAfter, before, after, refused, removal, sending string
	var at time.Time
	err := rows.Scan(&v.RowNo, &op, &v.Key, &idsBefore, &idsAfter, &before, &after, &v.ChangedFields, &refused, &removal, &sending, &v.Outcome,
		&v.Receipt.Ref, &v.Receipt.Code, &v.Receipt.Words, &at, &v.Receipt.BatchNo, &v.Receipt.Attempt)
	if err != nil {
		return v, err
	}
	v.Op, v.IDsBefore, v.IDsAfter, v.Before, v.After = Op(op), raw(idsBefore), raw(idsAfter), raw(before), raw(after)
	if v.Outcome == "" {
		v.Outcome = "to_go"
	}
	if at.Year() > 1970 {
		v.Receipt.At = &at
	}
	return v, nil
}

// LeftOutView is one row of the selection that was left out, and why.
type LeftOutView struct {
	Key    string          `json:"key"`
	Reason string          `json:"reason"`
	IDs    json.RawMessage `json:"ids"`
}

// LeftOut lists the rows that a run's selection left out, by reason and key.
// After a newer run the rows are gone and only their counts remain.
func (e *Engine) LeftOut(ctx context.Context, runID, reason, cursor string, limit int) ([]LeftOutView, string, error) {
	r, err := e.run(ctx, runID)
	if err != nil {
		return nil, "", err
	}
	limit = page(limit)
	q := sq.Select("key", "toString(reason) AS reason", "ids").From(e.table("sync_snapshot_rows")).
		Where(sq.Eq{"sync_id": r.SyncID, "version": r.Counts["snapshot"]}).OrderBy("reason", "key").Limit(uint64(limit) + 1)
	if reason != "" {
		q = q.Where(sq.Eq{"reason": reason})
	} else {
		q = q.Where("reason != ''")
	}
	if cursor != "" {
		var at [2]string
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil || json.Unmarshal(raw, &at) != nil {
			return nil, "", ErrCursor
		}
		q = q.Where("(reason, key) > (?, ?)", at[0], at[1])
	}
	sql, args, err := q.ToSql()
	if err != nil {
		return nil, "", fmt.Errorf("listing rows left out: %w", err)
	}
	var found []struct {
		Key    string `ch:"key"`
		Reason string `ch:"reason"`
		IDs    string `ch:"ids"`
	}
	if err := e.db.Select(ctx, &found, sql, args...); err != nil {
		return nil, "", fmt.Errorf("listing rows left out: %w", err)
	}
	out := make([]LeftOutView, len(found))
	for i, f := range found {
		out[i] = LeftOutView{Key: f.Key, Reason: f.Reason, IDs: raw(f.IDs)}
	}
	if len(out) <= limit {
		return out, "", nil
	}
	next, err := marshal([2]string{out[limit-1].Reason, out[limit-1].Key})
	return out[:limit], base64.RawURLEncoding.EncodeToString(next), err
}
