package connectors

import (
	"fmt"
	"slices"
)

// RowError is one row that can never be sent as it is: refused before any
// request, so it counts as rejected.
type RowError struct {
	Key   string
	Code  string
	Field string
	Words string
}

// Error says which rule the row breaks, without its values.
func (e *RowError) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s: %s (%s)", e.Field, e.Words, e.Code)
	}
	return fmt.Sprintf("%s (%s)", e.Words, e.Code)
}

// Result is the row's result.
func (e *RowError) Result() Result {
	return Result{Status: Rejected, Code: e.Code, Field: e.Field, Words: e.Words}
}

// Cutter cuts a stream of rows into batches that are one request each: by the
// action's limits of rows and encoded bytes, and so that two rows with one
// identifier never share a request.
type Cutter struct {
	head   Batch
	object Object
	spec   Spec
	sizer  Sizer
	frame  int
	rows   int
	bytes  int
	seen   map[string]bool
}

// Add takes the next row. It reports whether the row begins a new batch (the
// first row always does), and the upper bound of the row's encoded bytes. A
// *RowError means that the row can't be sent at all; it is in no batch then.
func (c *Cutter) Add(r Row) (begins bool, bytes int, err error) {
	if problem := checkRow(c.object, c.head.Action, c.spec, r); problem != nil {
		return false, 0, problem
	}
	size := c.rowSize(r)
	if tooLarge := c.tooLarge(r, size); tooLarge != nil {
		return false, 0, tooLarge
	}
	ids := identities(c.object, c.head.Action, r)
	begins = c.rows == 0 || c.rows >= rowLimit(c.spec) ||
		(c.spec.Limits.BodyBytes > 0 && c.bytes+size > c.spec.Limits.BodyBytes) || slices.ContainsFunc(ids, func(id string) bool { return c.seen[id] })
	if begins {
		c.rows, c.bytes, c.seen = 0, c.frame, map[string]bool{}
	}
	c.rows++
	c.bytes += size
	for _, id := range ids {
		c.seen[id] = true
	}
	return begins, size, nil
}

func (c *Cutter) tooLarge(r Row, size int) error {
	limit := c.spec.Limits.RowBytes
	if body := c.spec.Limits.BodyBytes; body > 0 && (limit == 0 || body-c.frame < limit) {
		limit = body - c.frame
	}
	if limit > 0 && size > limit {
		return &RowError{Key: r.Key, Code: "too_large", Words: fmt.Sprintf("the row takes %d bytes, the limit is %d", size, limit)}
	}
	return nil
}

func (c *Cutter) rowSize(r Row) int {
	if c.sizer != nil {
		return c.sizer.RowSize(c.head, r)
	}
	return estimate(r)
}

// identities are all identifiers of a row that name a person, in the form that
// two equal ones share; a vendor may match by any of them. Appended rows have none: many may be
// about one person.
func identities(o Object, a Action, r Row) []string {
	if a == Append {
		return nil
	}
	ids := r.Identity(a)
	out := make([]string, 0, len(ids))
	for name, value := range ids {
		if value != "" && !o.shared(name) {
			out = append(out, name+"\x00"+o.fold(name, value))
		}
	}
	return out
}

// estimate bounds a row's JSON for connectors without a Sizer: every byte of a
// text may become six.
func estimate(r Row) int {
	n := 64 + 6*len(r.Key) + 6*len(r.Ref)
	for k, v := range r.IDs {
		n += 8 + 6*(len(k)+len(v))
	}
	for k, v := range r.Fields {
		n += 8 + 6*len(k) + 6*len(v)
	}
	if r.Sent != nil {
		for k, v := range r.Sent.IDs {
			n += 8 + 6*(len(k)+len(v))
		}
	}
	return n
}

func rowLimit(s Spec) int { return max(s.Limits.Rows, 1) }

// Cut cuts rows that are at hand; bad are the rows that can't be sent, by index.
func (c *Cutter) Cut(rows []Row) (batches [][]Row, bad map[int]*RowError) {
	bad = map[int]*RowError{}
	for i, r := range rows {
		begins, _, err := c.Add(r)
		if problem, ok := err.(*RowError); ok {
			bad[i] = problem
			continue
		}
		if begins {
			batches = append(batches, nil)
		}
		last := len(batches) - 1
		batches[last] = append(batches[last], r)
	}
	return batches, bad
}
