package syncs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tailrace/tailrace/connectors"
)

// change is one row of a plan as it is streamed.
type change struct {
	rowNo         uint64
	op            Op
	moved         bool
	key           string
	idsBefore     string
	idsAfter      string
	payloadBefore string
	payloadAfter  string
	ref           string
	hash          rowHash
	plannedAt     time.Time
}

// changeColumns recompute the row's hash from what is read, so that a digest
// that agrees proves the content.
var changeColumns = "row_no, toString(op) AS op, moved, key, ids_before, ids_after, payload_before, payload_after, ref, planned_at, " +
	"toString(reinterpretAsFixedString(if(" + erasedSQL + ", row_hash, " + changeHashSQL + "))) AS hash"

func (c *change) scan(scan func(...any) error) error {
	var hash, op string
	if err := scan(&c.rowNo, &op, &c.moved, &c.key, &c.idsBefore, &c.idsAfter, &c.payloadBefore, &c.payloadAfter, &c.ref, &c.plannedAt, &hash); err != nil {
		return err
	}
	c.op, c.hash = Op(op), rowHash{}
	copy(c.hash[:], hash) // the engine's text drops trailing zero bytes
	return nil
}

// row is the change as a step sends it.
func (c *change) row(s step) (connectors.Row, error) {
	r := connectors.Row{Key: c.key, Ref: c.ref}
	ids, payload := c.idsAfter, c.payloadAfter
	if c.op == Remove || s.old {
		ids = c.idsBefore
		if !s.exit {
			payload = ""
		}
	}
	var err error
	if r.IDs, err = decodeIDs(ids); err != nil {
		return r, err
	}
	if r.Fields, err = decodeFields(payload); err != nil {
		return r, err
	}
	if c.idsBefore != "" {
		r.Sent = &connectors.Payload{}
		if r.Sent.IDs, err = decodeIDs(c.idsBefore); err != nil {
			return r, err
		}
		r.Sent.Fields, err = decodeFields(c.payloadBefore)
	}
	return r, err
}

func decodeIDs(text string) (map[string]string, error) {
	ids := map[string]string{}
	if text == "" {
		return ids, nil
	}
	if err := json.Unmarshal([]byte(text), &ids); err != nil {
		return nil, errors.New("reading a row's identifiers: they aren't canonical JSON")
	}
	return ids, nil
}

func decodeFields(text string) (map[string]connectors.Value, error) {
	if text == "" || text == "{}" {
		return nil, nil
	}
	fields := map[string]connectors.Value{}
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, errors.New("reading a row's fields: they aren't canonical JSON")
	}
	return fields, nil
}

// stepCutter cuts the rows of one step.
type stepCutter struct {
	*cutter
	limits *connectors.Cutter
	head   connectors.Batch
}

func (d *draft) cutters() ([]*stepCutter, error) {
	var out []*stepCutter
	for _, s := range d.behaviour.steps {
		head := d.head(s)
		limits, err := d.dst.Cutter(head)
		if err != nil {
			return nil, err
		}
		rows := uint32(max(d.object.Actions[s.action].When(s.erase).Limits.Rows, 1))
		if d.sync.Batch > 0 {
			rows = min(rows, uint32(d.sync.Batch))
		}
		out = append(out, &stepCutter{cutter: &cutter{step: s, maxRows: rows}, limits: limits, head: head})
	}
	return out, nil
}

// cutAndSeal streams the changes once, cuts them into batches, writes those,
// reads counts back and seals the plan by one row.
func (e *Engine) cutAndSeal(ctx context.Context, d *draft) error {
	cutters, err := d.cutters()
	if err != nil {
		return fmt.Errorf("cutting batches: %w", err)
	}
	rows, err := e.cutChanges(ctx, d, cutters)
	if err != nil {
		return fmt.Errorf("cutting batches: %w", err)
	}
	inner := make([]*cutter, len(cutters))
	for i := range cutters {
		inner[i] = cutters[i].cutter
	}
	d.batches = cut(inner)
	digests := make([]string, len(d.batches))
	for i, b := range d.batches {
		digests[i] = b.digest
	}
	if d.digest, err = planDigest(digests); err != nil {
		return err
	}
	d.counts["batches"] = uint64(len(d.batches))
	if err := e.writeBatches(ctx, d); err != nil {
		return err
	}
	err = e.insert(ctx, "sync_seals", []string{"sync_id", "run_no", "plan_id", "generation", "rows", "batches", "digest", "at"},
		[][]any{{d.def.SyncID, d.run.No, d.planID, uint32(1), rows, uint32(len(d.batches)), d.digest, e.now()}}, "seal:"+d.planID)
	if err != nil {
		return fmt.Errorf("sealing the plan: %w", err)
	}
	return nil
}

func (e *Engine) cutChanges(ctx context.Context, d *draft, cutters []*stepCutter) (uint64, error) {
	found, err := e.db.Query(ctx, "SELECT "+changeColumns+" FROM "+e.table("sync_changes")+
		" WHERE sync_id = ? AND run_no = ? AND plan_id = ? ORDER BY row_no SETTINGS max_block_size = 8192", d.def.SyncID, d.run.No, d.planID)
	if err != nil {
		return 0, err
	}
	defer found.Close()
	refused := &outcomeWriter{engine: e, job: d.job, planID: d.planID}
	n := uint64(0)
	for found.Next() {
		var c change
		if err := c.scan(found.Scan); err != nil {
			return 0, err
		}
		n++
		if c.rowNo != n {
			return 0, fmt.Errorf("the plan's rows aren't numbered in order: %d where %d is due", c.rowNo, n)
		}
		d.counts[string(c.op)]++
		if c.moved && c.op == Remove {
			d.counts["moves"]++
		}
		if err := d.cutRow(&c, cutters, refused); err != nil {
			return 0, err
		}
		if err := refused.flushFull(ctx); err != nil {
			return 0, err
		}
	}
	if err := found.Close(); err != nil {
		return 0, err
	}
	d.counts["planned"] = n
	d.counts["refused"] = refused.total
	return n, refused.flush(ctx)
}

// cutRow puts a row into the batches of the steps that send it. A row that the
// destination can never take is rejected here, before any request, and is in no
// batch of any step.
func (d *draft) cutRow(c *change, cutters []*stepCutter, refused *outcomeWriter) error {
	var takers []*stepCutter
	var rows []connectors.Row
	for _, cut := range cutters {
		if !cut.step.takes(c.op, c.moved, c.idsBefore, c.idsAfter) {
			continue
		}
		row, err := c.row(cut.step)
		if err != nil {
			return err
		}
		takers, rows = append(takers, cut), append(rows, row)
	}
	reject := func(bad *connectors.RowError) {
		r := bad.Result()
		refused.add(outcome{rowNo: c.rowNo, key: c.key, status: "rejected", code: r.Code, field: r.Field, words: r.Words, by: byPlan, at: d.plannedAt})
	}
	if len(takers) > 1 {
		for i, cut := range takers {
			b := cut.head
			b.Key, b.Rows = "plan", rows[i:i+1]
			problems, err := d.dst.Check(b)
			if err != nil {
				return err
			}
			if problems[0] != nil {
				reject(problems[0])
				return nil
			}
		}
	}
	for i, cut := range takers {
		if cut.open != nil && cut.open.rows >= cut.maxRows {
			var err error
			if cut.limits, err = d.dst.Cutter(cut.head); err != nil {
				return err
			}
		}
		begins, size, err := cut.limits.Add(rows[i])
		var bad *connectors.RowError
		if errors.As(err, &bad) {
			reject(bad)
			return nil
		}
		if err != nil {
			return err
		}
		if begins {
			cut.close()
		}
		cut.add(c.rowNo, c.hash, uint64(size))
	}
	return nil
}

var batchColumns = []string{"sync_id", "run_no", "plan_id", "planned_at", "batch_no", "phase", "action", "first_row", "last_row", "rows", "bytes", "digest"}

func (e *Engine) writeBatches(ctx context.Context, d *draft) error {
	const chunk = 50_000
	for part := range slices.Chunk(d.batches, chunk) {
		rows := make([][]any, len(part))
		for i, b := range part {
			rows[i] = []any{d.def.SyncID, d.run.No, d.planID, d.plannedAt, b.no, b.phase, b.action, b.firstRow, b.lastRow, b.rows, b.bytes, b.digest}
		}
		if err := e.insert(ctx, "sync_batches", batchColumns, rows, fmt.Sprintf("batches:%s:%d", d.planID, part[0].no)); err != nil {
			return fmt.Errorf("writing batches: %w", err)
		}
	}
	var n struct {
		Batches uint64 `ch:"batches"`
		Changes uint64 `ch:"changes"`
	}
	err := e.db.Get(ctx, &n, "SELECT (SELECT count() FROM "+e.table("sync_batches")+" WHERE sync_id = ? AND run_no = ? AND plan_id = ?) AS batches, "+
		"(SELECT count() FROM "+e.table("sync_changes")+" WHERE sync_id = ? AND run_no = ? AND plan_id = ?) AS changes",
		d.def.SyncID, d.run.No, d.planID, d.def.SyncID, d.run.No, d.planID)
	if err != nil {
		return fmt.Errorf("reading the plan back: %w", err)
	}
	if n.Batches != uint64(len(d.batches)) || n.Changes != d.counts["planned"] {
		return fmt.Errorf("reading the plan back: it has %d batches and %d rows, written were %d and %d",
			n.Batches, n.Changes, len(d.batches), d.counts["planned"])
	}
	return nil
}
