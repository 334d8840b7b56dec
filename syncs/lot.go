package syncs

import (
	"context"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/connectors"
)

// A lot is what is claimed, read and checked at once.
const (
	lotBatches = 200
	lotRows    = 20_000
)

// stepOf tells from a sealed batch which step it belongs to, so that a plan is
// delivered as it was made, whatever the file says by now.
func stepOf(b batch) step {
	s := step{phase: b.phase, action: connectors.Action(b.action), ops: []Op{Change, Add}}
	if b.phase == 0 {
		s.ops = []Op{Remove}
		switch s.action {
		case connectors.RemoveFromList:
			s.ops, s.old = []Op{Remove, Change}, true
		case connectors.Update:
			s.exit = true
		}
	}
	return s
}

// pageBatches is how many batches a slice remembers as to do. It only saves
// questions: what is left of a batch is read when it is claimed.
const pageBatches = 5000

// nextLot takes the next lot from the page, or from the ledger where the page is used up.
func (d *delivery) nextLot(ctx context.Context, after uint32) ([]batch, error) {
	if len(d.page) == 0 {
		var err error
		if d.page, err = d.todo(ctx, d.run, after); err != nil {
			return nil, err
		}
	}
	n, rows := 0, uint32(0)
	for n < len(d.page) && n < lotBatches && (n == 0 || rows+d.page[n].rows <= lotRows) {
		rows += d.page[n].rows
		n++
	}
	lot := d.page[:n:n]
	d.page = d.page[n:]
	return lot, nil
}

// todo are the next batches that have rows without a final outcome: of the
// first phase that has any, since removals are answered before additions go.
// after skips batches up to a number, which other workers have.
func (e *Engine) todo(ctx context.Context, r *Run, after uint32) ([]batch, error) {
	rows, err := e.db.Query(ctx, e.statement("todo", map[string]string{"final": finalSQL}), r.SyncID, r.No, r.PlanID, r.SyncID, r.No, r.PlanID)
	if err != nil {
		return nil, fmt.Errorf("looking for batches to send: %w", err)
	}
	defer rows.Close()
	var out []batch
	phase := -1
	for rows.Next() {
		var b batch
		if err := rows.Scan(&b.no, &b.phase, &b.action, &b.firstRow, &b.lastRow, &b.rows, &b.bytes, &b.digest); err != nil {
			return nil, err
		}
		if phase < 0 {
			phase = int(b.phase)
		}
		if int(b.phase) != phase || len(out) >= pageBatches {
			break
		}
		if b.no <= after {
			continue
		}
		out = append(out, b)
	}
	return out, rows.Close()
}

// attempt is one intent.
type attempt struct {
	part     string
	number   uint32
	rows     map[uint64]bool
	deadline time.Time
	at       time.Time
}

// loadedBatch is a claimed batch with all that the ledger says about it.
type loadedBatch struct {
	batch
	step     step
	changes  []*change // those that the batch sends, in order
	attempts []attempt
	latest   map[uint64]outcome // row → newest outcome of this batch
	before   map[uint64]outcome // row → outcome of an earlier phase, or of the plan
}

// load reads rows, intents and outcomes of batches, and checks each batch's
// digest against what was read.
func (e *Engine) load(ctx context.Context, r *Run, batches []batch) ([]*loadedBatch, error) {
	lot := make([]*loadedBatch, len(batches))
	byNo := map[uint32]*loadedBatch{}
	first, last := batches[0].firstRow, batches[0].lastRow
	for i, b := range batches {
		lot[i] = &loadedBatch{batch: b, step: stepOf(b), latest: map[uint64]outcome{}, before: map[uint64]outcome{}}
		byNo[b.no] = lot[i]
		first, last = min(first, b.firstRow), max(last, b.lastRow)
	}
	if err := e.loadOutcomes(ctx, r, lot, byNo, first, last); err != nil {
		return nil, fmt.Errorf("reading outcomes: %w", err)
	}
	if err := e.loadIntents(ctx, r, byNo, batches[0].no, batches[len(batches)-1].no); err != nil {
		return nil, fmt.Errorf("reading intents: %w", err)
	}
	if err := e.loadChanges(ctx, r, lot, first, last); err != nil {
		return nil, fmt.Errorf("reading batches: %w", err)
	}
	return lot, nil
}

// DigestError is a batch whose rows aren't those that were sealed.
type DigestError struct{ Batch uint32 }

// Error names the batch.
func (d *DigestError) Error() string {
	return fmt.Sprintf("batch %d isn't the one that was sealed: its digest differs", d.Batch)
}

func (e *Engine) loadChanges(ctx context.Context, r *Run, lot []*loadedBatch, first, last uint64) error {
	rows, err := e.db.Query(ctx, "SELECT "+changeColumns+" FROM "+e.table("sync_changes")+
		" WHERE sync_id = ? AND run_no = ? AND plan_id = ? AND row_no BETWEEN ? AND ? ORDER BY row_no SETTINGS max_block_size = 8192",
		r.SyncID, r.No, r.PlanID, first, last)
	if err != nil {
		return err
	}
	defer rows.Close()
	digests := make([]*batchDigest, len(lot))
	for i := range digests {
		digests[i] = newBatchDigest()
	}
	at := 0
	for rows.Next() {
		c := &change{}
		if err := c.scan(rows.Scan); err != nil {
			return err
		}
		for at < len(lot) && lot[at].lastRow < c.rowNo {
			at++
		}
		if at == len(lot) || c.rowNo < lot[at].firstRow {
			continue
		}
		b := lot[at]
		if refused, ok := b.before[c.rowNo]; (ok && refused.by == byPlan) || !b.step.takes(c.op, c.moved, c.idsBefore, c.idsAfter) {
			continue
		}
		b.changes = append(b.changes, c)
		digests[at].add(c.rowNo, c.hash)
	}
	if err := rows.Close(); err != nil {
		return err
	}
	for i, b := range lot {
		if digests[i].sum() != b.digest {
			return &DigestError{b.no}
		}
	}
	return nil
}

func (e *Engine) loadOutcomes(ctx context.Context, r *Run, lot []*loadedBatch, byNo map[uint32]*loadedBatch, first, last uint64) error {
	rows, err := e.db.Query(ctx, "SELECT row_no, batch_no, part, attempt, seq, status, code, words, by FROM "+e.table("sync_outcomes")+
		" WHERE sync_id = ? AND run_no = ? AND plan_id = ? AND row_no BETWEEN ? AND ? ORDER BY row_no, seq", r.SyncID, r.No, r.PlanID, first, last)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var o outcome
		if err := rows.Scan(&o.rowNo, &o.batchNo, &o.part, &o.attempt, &o.seq, &o.status, &o.code, &o.words, &o.by); err != nil {
			return err
		}
		if b := byNo[o.batchNo]; b != nil {
			b.latest[o.rowNo] = o
			continue
		}
		for _, b := range lot {
			if o.batchNo < b.no && b.firstRow <= o.rowNo && o.rowNo <= b.lastRow {
				b.before[o.rowNo] = o
			}
		}
	}
	return rows.Close()
}

func (e *Engine) loadIntents(ctx context.Context, r *Run, byNo map[uint32]*loadedBatch, first, last uint32) error {
	rows, err := e.db.Query(ctx, "SELECT batch_no, part, attempt, first_row, last_row, rows, deadline, at FROM "+e.table("sync_intents")+
		" WHERE sync_id = ? AND run_no = ? AND plan_id = ? AND batch_no BETWEEN ? AND ? ORDER BY batch_no, attempt", r.SyncID, r.No, r.PlanID, first, last)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var no uint32
		var from, to uint64
		var only []uint64
		a := attempt{rows: map[uint64]bool{}}
		if err := rows.Scan(&no, &a.part, &a.number, &from, &to, &only, &a.deadline, &a.at); err != nil {
			return err
		}
		for _, row := range only {
			a.rows[row] = true
		}
		if b := byNo[no]; b != nil {
			b.attempts = append(b.attempts, a)
		}
	}
	return rows.Close()
}

// covers reports whether an attempt sent a row; without a list it was the whole batch.
func (a *attempt) covers(row uint64) bool { return len(a.rows) == 0 || a.rows[row] }
