package syncs

import (
	"context"
	"slices"
	"time"

	"github.com/tailrace/tailrace/connectors"
)

// batch takes one batch as far as it gets: pieces that were never sent are
// sent, those with an unknown fate are resolved by their action's class.
func (d *delivery) batch(ctx context.Context, b *loadedBatch, forbidden map[string]bool) error {
	if err := d.settleBefore(ctx, b, forbidden); err != nil {
		return err
	}
	for round := 0; ; round++ {
		pieces := b.pieces()
		if len(pieces) == 0 {
			return nil
		}
		// The smallest first, again after each request: a search for refused rows
		// then names some before its requests are used up.
		slices.SortStableFunc(pieces, func(p, q *piece) int { return len(p.changes) - len(q.changes) })
		progress := false
		for _, p := range pieces {
			if d.halted() || ctx.Err() != nil {
				return ctx.Err()
			}
			sent, err := d.piece(ctx, b, p)
			if err != nil {
				return err
			}
			if sent {
				progress = true
				break
			}
		}
		if !progress {
			return nil
		}
	}
}

// settleBefore gives an outcome to rows that must not be sent: those whose old
// identifiers couldn't be taken out, and those whose people may not be sent any
// more. An unknown row of one of those stays unknown: it may be there.
func (d *delivery) settleBefore(ctx context.Context, b *loadedBatch, forbidden map[string]bool) error {
	var out []outcome
	for _, c := range b.changes {
		if o, answered := b.latest[c.rowNo]; answered && o.final() {
			continue
		}
		last := b.lastAttempt(c.rowNo)
		o := outcome{rowNo: c.rowNo, batchNo: b.no, key: c.key, by: byCheck, at: d.now()}
		if last != nil {
			o.attempt, o.part = last.number, last.part
		}
		o.seq = seq(o.attempt, stageRecall)
		earlier, had := b.before[c.rowNo]
		switch {
		case c.erased():
			o.status, o.code = statusSuppressed, "erased"
		case had && earlier.status != statusAccepted && earlier.status != statusMoved && earlier.status != statusSkipped:
			o.status, o.code, o.words = earlier.status, earlier.code, "the old identifiers couldn't be taken out: "+earlier.words
			if o.status == statusUnknown {
				o.by = byPark
			}
		case (c.op == Change && b.step.old) || !forbidden[c.key]:
			continue
		case b.mayHaveArrived(c.rowNo):
			o.status, o.by, o.code, o.words = statusUnknown, byPark, "suppressed", "consent or suppression changed while its fate was unknown"
		default:
			o.status, o.code = statusSuppressed, "consent"
		}
		out = append(out, o)
	}
	return d.record(ctx, b, out)
}

// mayHaveArrived reports whether a row was sent without a word on its fate.
func (b *loadedBatch) mayHaveArrived(row uint64) bool {
	o, answered := b.latest[row]
	if last := b.lastAttempt(row); last != nil && (!answered || o.attempt < last.number) {
		return true
	}
	return answered && o.status == statusUnknown
}

// piece sends one piece, or resolves what became of it. sent is false if
// nothing can be done about it now.
func (d *delivery) piece(ctx context.Context, b *loadedBatch, p *piece) (sent bool, err error) {
	spec := d.job.object.Actions[b.step.action]
	if p.unknown && !d.o.broken.ignoreIntents {
		again, err := d.resolveUnknown(ctx, b, p, spec)
		if err != nil || !again {
			return false, err
		}
		if len(p.changes) == 0 {
			return true, nil
		}
	}
	if p.tries >= maxDeferrals {
		d.halt("the destination kept putting the same batch off")
		return false, nil
	}
	return d.attempt(ctx, b, p, spec)
}

// maxDeferrals bounds how often one part is tried in a run.
const maxDeferrals = 50

// resolveUnknown does what the class allows about a piece whose fate is
// unknown. again: what is left of it may be sent.
func (d *delivery) resolveUnknown(ctx context.Context, b *loadedBatch, p *piece, spec connectors.Spec) (again bool, err error) {
	recourse := connectors.SendAgain
	if p.tries > 0 {
		recourse = spec.WhenUnknown(d.now().Sub(p.first))
	}
	quiet := p.deadline.Add(d.o.Grace)
	answered := p.answered(b)
	if spec.Class != connectors.ClassA && !answered && d.now().Before(quiet) {
		d.wait(quiet, "a request of a lost worker may still be on its way")
		return false, nil
	}
	if d.isolationOver(b, p) || p.tries >= d.o.MaxAttempts && recourse != connectors.Park {
		recourse = connectors.Park
	}
	switch recourse {
	case connectors.SendAgain, connectors.SendSameKey:
		if spec.Class != connectors.ClassA && p.changed(b) {
			break // another body can't go under the same key
		}
		return true, nil
	case connectors.LookUp:
		return d.lookUp(ctx, b, p)
	}
	out := make([]outcome, len(p.changes))
	for i, c := range p.changes {
		words, code := "nobody knows whether it was applied", "unknown"
		if o, ok := b.latest[c.rowNo]; ok && o.status == statusUnknown {
			words, code = o.words, o.code
		}
		out[i] = d.outcomeOf(b, p, c, statusUnknown, byPark, stagePark)
		out[i].code, out[i].words = code, words
	}
	return false, d.record(ctx, b, out)
}

// isolationOver reports whether rows were refused unnamed in this piece and the
// batch's requests for finding them are used up. What is left stays unknown in
// this run; the next one goes on with it.
func (d *delivery) isolationOver(b *loadedBatch, p *piece) bool {
	o, ok := b.latest[p.changes[0].rowNo]
	if !ok || o.status != statusUnknown || o.code != connectors.CodeUnnamed {
		return false
	}
	spent := 0
	for _, a := range b.attempts {
		if a.part != "" {
			spent++
		}
	}
	return spent >= d.o.IsolateCalls
}

// answered reports whether the piece's last attempt has an outcome on record.
func (p *piece) answered(b *loadedBatch) bool {
	o, ok := b.latest[p.changes[0].rowNo]
	last := b.lastAttempt(p.changes[0].rowNo)
	return last == nil || (ok && o.attempt >= last.number)
}

// changed reports whether the piece isn't what its last attempt sent.
func (p *piece) changed(b *loadedBatch) bool {
	last := b.lastAttempt(p.changes[0].rowNo)
	if last == nil || last.part != p.part {
		return false
	}
	want := len(last.rows)
	if want == 0 {
		want = len(b.changes)
	}
	return want != len(p.changes)
}

// lookUp asks the destination of a class C piece what arrived.
func (d *delivery) lookUp(ctx context.Context, b *loadedBatch, p *piece) (again bool, err error) {
	request, err := d.request(b, p)
	if err != nil {
		return false, err
	}
	found, err := d.job.dst.Look(ctx, request)
	if err != nil {
		d.o.Log.Warn("looking rows up", "run", d.run.ID, "batch", b.no, "error", err)
		d.wait(d.now().Add(10*time.Second), "the destination can't be asked what arrived")
		return false, nil
	}
	var out []outcome
	gone := map[uint64]bool{}
	for i, c := range p.changes {
		switch found[i].Presence {
		case connectors.Present:
			o := d.outcomeOf(b, p, c, statusAccepted, byLookup, stageRecall)
			o.ref = found[i].Ref
			out = append(out, o)
			gone[c.rowNo] = true
		case connectors.PresenceUnknown:
			o := d.outcomeOf(b, p, c, statusUnknown, byPark, stagePark)
			o.code, o.words = "lookup", "the destination can't say whether it arrived"
			out = append(out, o)
			gone[c.rowNo] = true
		}
	}
	if err := d.record(ctx, b, out); err != nil {
		return false, err
	}
	p.without(gone)
	return true, nil
}

func (d *delivery) outcomeOf(b *loadedBatch, p *piece, c *change, status, by string, stage uint64) outcome {
	o := outcome{rowNo: c.rowNo, batchNo: b.no, part: p.part, key: c.key, status: status, by: by, at: d.now()}
	if last := b.lastAttempt(c.rowNo); last != nil {
		o.attempt = last.number
	}
	o.seq = seq(o.attempt, stage)
	return o
}

// record commits outcomes and remembers them.
func (d *delivery) record(ctx context.Context, b *loadedBatch, out []outcome) error {
	if len(out) == 0 {
		return nil
	}
	rows := make([][]any, len(out))
	for i := range out {
		rows[i] = out[i].row(d.job, d.run.PlanID)
	}
	if err := d.commit(ctx, d.outcomes, rows); err != nil {
		return err
	}
	for _, o := range out {
		b.latest[o.rowNo] = o
	}
	return nil
}

// commit waits for a group without keeping the others waiting for company.
func (d *delivery) commit(ctx context.Context, g *groupCommit, rows [][]any) error {
	d.busy.Add(-1)
	defer d.busy.Add(1)
	// Outcomes must not get lost because the slice ends.
	return g.commit(context.WithoutCancel(ctx), rows)
}
