package syncs

import (
	"fmt"
	"slices"
	"time"
)

// piece is what one request carries: a batch, or a part of one that was split
// or partly answered.
type piece struct {
	part     string
	changes  []*change
	tries    int       // attempts at exactly this part so far
	first    time.Time // of its first attempt
	deadline time.Time // of its last attempt
	unknown  bool      // its last attempt may have been applied
}

// pieces reads from the ledger how a batch goes on: rows without a final
// outcome, by the part that they belong to now.
//
// The part of a row is that of its newest outcome, which names the part to go
// on with after a split, or else that of its newest attempt. A row whose newest
// attempt has no outcome has an unknown fate: the worker died in between.
func (b *loadedBatch) pieces() []*piece {
	byPart := map[string]*piece{}
	var order []string
	for _, c := range b.changes {
		o, answered := b.latest[c.rowNo]
		if answered && o.final() {
			continue
		}
		part, unknown := "", false
		if answered {
			part, unknown = o.part, o.status == statusUnknown
		}
		if last := b.lastAttempt(c.rowNo); last != nil && (!answered || o.attempt < last.number) {
			part, unknown = last.part, true
		}
		p := byPart[part]
		if p == nil {
			p = &piece{part: part}
			byPart[part] = p
			order = append(order, part)
		}
		p.changes = append(p.changes, c)
		p.unknown = p.unknown || unknown
	}
	out := make([]*piece, 0, len(order))
	for _, part := range order {
		p := byPart[part]
		for i := range b.attempts {
			a := &b.attempts[i]
			if a.part != part {
				continue
			}
			if p.tries == 0 {
				p.first = a.at
			}
			p.tries++
			p.deadline = a.deadline
		}
		out = append(out, p)
	}
	return out
}

// lastAttempt is the newest attempt that sent a row.
func (b *loadedBatch) lastAttempt(row uint64) *attempt {
	for i := len(b.attempts) - 1; i >= 0; i-- {
		if b.attempts[i].covers(row) {
			return &b.attempts[i]
		}
	}
	return nil
}

// nextAttempt numbers attempts over all parts of the batch.
func (b *loadedBatch) nextAttempt() uint32 {
	n := uint32(0)
	for _, a := range b.attempts {
		n = max(n, a.number)
	}
	return n + 1
}

// seq orders the outcomes of a row: by attempt, then as they were written.
func seq(attempt uint32, stage uint64) uint64 { return uint64(attempt)<<8 | stage }

// The stages of an attempt.
const (
	stageAnswer = 1
	stageRecall = 2
	stagePark   = 3
	stagePerson = 4
)

// splitPart names a part's child: 0 and 1 for halves, else .n. with its place.
func splitPart(part string, child, children int) string {
	if children <= 2 {
		return part + string(rune('0'+child))
	}
	return fmt.Sprintf("%s.%d.", part, child)
}

// remainderPart names what is left of a part after some rows were answered or
// taken out: another body, so another key.
func remainderPart(part string) string { return part + "r" }

// sendKey is the idempotency key of a part, the same on every attempt.
func (b *loadedBatch) sendKey(planID, part string) string {
	key := fmt.Sprintf("%s:%d", planID, b.no)
	if part != "" {
		key += "." + part
	}
	return key
}

// without takes rows out of a piece. What is left is another body.
func (p *piece) without(gone map[uint64]bool) {
	n := len(p.changes)
	p.changes = slices.DeleteFunc(p.changes, func(c *change) bool { return gone[c.rowNo] })
	if len(p.changes) < n && p.tries > 0 {
		p.part, p.tries = remainderPart(p.part), 0
	}
}
