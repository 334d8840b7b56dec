package syncs

import "fmt"

// batch is one batch of a plan, as sync_batches holds it.
type batch struct {
	no       uint32
	phase    uint8
	action   string
	firstRow uint64
	lastRow  uint64
	rows     uint32
	bytes    uint64
	digest   string
}

// cutter cuts one step's rows, in order, into batches within limits of rows and
// bytes. A sealed batch is one request.
type cutter struct {
	step     step
	maxRows  uint32
	maxBytes uint64 // 0: no limit
	frame    uint64 // bytes of a request without rows

	open   *batch
	digest *batchDigest
	done   []batch
}

// RowTooLargeError is a row that alone exceeds what one request may carry.
type RowTooLargeError struct {
	Key          string
	Bytes, Limit uint64
}

// Error gives the sizes, not the key, which may be personal.
func (e *RowTooLargeError) Error() string {
	return fmt.Sprintf("a row of %d bytes is larger than a request may be (%d bytes)", e.Bytes, e.Limit)
}

// add puts a row into the open batch, or closes it first where the row doesn't fit.
func (c *cutter) add(rowNo uint64, hash rowHash, size uint64) {
	if c.open != nil && (c.open.rows >= c.maxRows || (c.maxBytes > 0 && c.open.bytes+size > c.maxBytes)) {
		c.close()
	}
	if c.open == nil {
		c.open = &batch{phase: c.step.phase, action: string(c.step.action), firstRow: rowNo, bytes: c.frame}
		c.digest = newBatchDigest()
	}
	c.open.lastRow = rowNo
	c.open.rows++
	c.open.bytes += size
	c.digest.add(rowNo, hash)
}

func (c *cutter) close() {
	if c.open == nil {
		return
	}
	c.open.digest = c.digest.sum()
	c.done = append(c.done, *c.open)
	c.open, c.digest = nil, nil
}

// cut closes all cutters and numbers their batches, phase after phase.
func cut(cutters []*cutter) []batch {
	var out []batch
	for phase := uint8(0); phase <= 1; phase++ {
		for _, c := range cutters {
			if c.step.phase != phase {
				continue
			}
			c.close()
			for _, b := range c.done {
				b.no = uint32(len(out) + 1)
				out = append(out, b)
			}
		}
	}
	return out
}
