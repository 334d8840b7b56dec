package connectortest

import (
	"context"

	"github.com/tailrace/tailrace/connectors"
)

// deliver drives a batch as the engine does: parts of a split, what was put
// off, and what is unknown by its class. It gives the last result per key and
// the number of sends.
func (w *world) deliver(ctx context.Context, b connectors.Batch) (map[string]connectors.Result, int) {
	out := map[string]connectors.Result{}
	queue := []connectors.Batch{b}
	sends := 0
	for len(queue) > 0 && sends < 200 {
		next := queue[0]
		queue = queue[1:]
		sends++
		o := w.dest.Send(ctx, next)
		for i, r := range o.Results {
			out[next.Rows[i].Key] = r
		}
		if o.Err != nil && o.Err.Do == connectors.Split {
			queue = append(queue, o.Parts...)
			continue
		}
		if !o.NotBefore.IsZero() || (o.Err != nil && o.Err.Do == connectors.Stop) {
			continue
		}
		if rest, ok := o.Remainder(next, connectors.Deferred); ok {
			queue = append(queue, rest)
		}
		if rest, ok := o.Remainder(next, connectors.Unknown); ok {
			queue = append(queue, w.resolve(ctx, next, rest, out)...)
		}
	}
	return out, sends
}

// resolve does what the class allows about rows whose fate is unknown.
func (w *world) resolve(ctx context.Context, b, rest connectors.Batch, out map[string]connectors.Result) []connectors.Batch {
	_, spec, err := w.dest.Spec(b.Object, b.Action)
	if err != nil {
		w.t.Errorf("resolving: %v", err)
		return nil
	}
	switch spec.WhenUnknown(0) {
	case connectors.SendAgain:
		return []connectors.Batch{rest}
	case connectors.SendSameKey:
		return []connectors.Batch{b}
	case connectors.LookUp:
		found, err := w.dest.Look(ctx, rest)
		if err != nil {
			w.t.Errorf("looking up: %v", err)
			return nil
		}
		absent := rest
		absent.Key, absent.Rows = rest.Key+".again", nil
		for i, f := range found {
			switch f.Presence {
			case connectors.Present:
				out[rest.Rows[i].Key] = connectors.Result{Status: connectors.Accepted, Ref: f.Ref}
			case connectors.Absent:
				absent.Rows = append(absent.Rows, rest.Rows[i])
			}
		}
		if len(absent.Rows) > 0 {
			return []connectors.Batch{absent}
		}
	}
	return nil
}

// truth compares results with the stand-in: nothing Accepted that it lacks,
// nothing Rejected or Deferred that it has.
func (w *world) truth(b connectors.Batch, results []connectors.Result, p *problems, what string) {
	for i, r := range results {
		holds := w.model.Holds(b, b.Rows[i])
		switch {
		case r.Status == connectors.Accepted && !holds:
			p.add("%s: row %d is accepted, the vendor lacks it", what, i)
		case (r.Status == connectors.Rejected || r.Status == connectors.Deferred) && holds && r.Code != connectors.CodeExists:
			p.add("%s: row %d is %s (%s), the vendor has it", what, i, r.Status, r.Code)
		}
	}
}
