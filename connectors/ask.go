package connectors

import (
	"context"
	"fmt"
)

// asked runs one harmless operation with the destination's policy: a permit,
// the time-out, recording, redaction.
func asked[T any](ctx context.Context, d *Destination, what string, op func(context.Context) (T, error)) (T, []Exchange, error) {
	var zero T
	p, notBefore, err := d.Reserve(ctx)
	if err != nil {
		return zero, nil, err
	}
	if p == nil {
		return zero, nil, fmt.Errorf("%s at %s: the rate budget is used up until %s", what, d.o.Name, notBefore.UTC().Format("15:04:05"))
	}
	defer p.Release()
	f := d.flight(1, 0)
	out, err := op(withFlight(ctx, f))
	if err != nil {
		e := classify(err, ClassA, d.o.Now())
		e.Words = d.redact.words(e.Words, nil)
		if e.Wait > 0 && e.Scope >= ScopeCredential {
			if perr := d.pauseAll(ctx, d.o.Now().Add(e.Wait)); perr != nil {
				return zero, f.recorded(), perr
			}
		}
		if e.Err != nil {
			e.Err = &redactedError{text: d.redact.words(e.Err.Error(), nil), err: e.Err}
		}
		return zero, f.recorded(), fmt.Errorf("%s at %s: %w", what, d.o.Name, e)
	}
	return out, f.recorded(), nil
}

// Test makes one harmless call and tells whose account it is.
func (d *Destination) Test(ctx context.Context) (Account, error) {
	t, ok := d.writer.(Tester)
	if !ok {
		return Account{}, ErrUnsupported
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	a, xs, err := asked(ctx, d, "testing the connection", t.Test)
	a.Standin = d.o.Sandbox || standinOf(xs)
	return a, err
}

// Look asks whether the rows of a batch arrived: one Found per row, in order.
func (d *Destination) Look(ctx context.Context, b Batch) ([]Found, error) {
	l, ok := d.writer.(Looker)
	if !ok {
		return nil, ErrUnsupported
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	found, _, err := asked(ctx, d, "looking rows up", func(ctx context.Context) ([]Found, error) { return l.Look(ctx, b) })
	if err == nil && len(found) != len(b.Rows) {
		return nil, fmt.Errorf("looking rows up at %s: %d answers for %d rows", d.o.Name, len(found), len(b.Rows))
	}
	return found, err
}

// Count tells the size of a target.
func (d *Destination) Count(ctx context.Context, object, target string) (Count, error) {
	c, ok := d.writer.(Counter)
	if !ok {
		return Count{}, ErrUnsupported
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	n, _, err := asked(ctx, d, "counting", func(ctx context.Context) (Count, error) { return c.Count(ctx, object, target) })
	return n, err
}

// List iterates the members of a target.
func (d *Destination) List(ctx context.Context, object, target string, yield func(Member) error) error {
	l, ok := d.writer.(Lister)
	if !ok {
		return ErrUnsupported
	}
	_, _, err := asked(ctx, d, "listing", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, l.List(ctx, object, target, yield)
	})
	return err
}

// Describe tells objects, fields and targets.
func (d *Destination) Describe(ctx context.Context) ([]Described, error) {
	x, ok := d.writer.(Describer)
	if !ok {
		return nil, ErrUnsupported
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	out, _, err := asked(ctx, d, "describing", x.Describe)
	return out, err
}

// Poll asks for the outcome of a ticket. Like Send it gives one result per row
// once the outcome is known; Outcome.Ticket is set while it isn't.
func (d *Destination) Poll(ctx context.Context, t Ticket, b Batch) (Outcome, error) {
	p, ok := d.writer.(Poller)
	if !ok {
		return Outcome{}, ErrUnsupported
	}
	_, spec, err := d.Spec(b.Object, b.Action)
	if err != nil {
		return Outcome{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	answer, xs, err := asked(ctx, d, "asking for a ticket", func(ctx context.Context) (Answer, error) { return p.Poll(ctx, t, b) })
	if err != nil {
		return Outcome{}, err
	}
	o := d.outcome(b, spec, answer, nil)
	o.Exchanges, o.Standin = xs, d.o.Sandbox || standinOf(xs)
	d.tidy(b, &o)
	return o, nil
}
