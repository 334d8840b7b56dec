package connectors

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Outcome is what became of one Send.
type Outcome struct {
	// Results has one per row, in order, whatever happened.
	Results []Result
	Ticket  *Ticket
	// Err says what the engine does, nil if the answer was understood and
	// nothing is left to do but the rows that are Deferred or Unknown.
	Err *CallError
	// Parts are the smaller batches to send instead, each with a sub-key, if
	// Err.Do is Split. Rows in no part have their result already.
	Parts []Batch
	// NotBefore is when this destination may be asked again; zero: any time.
	NotBefore time.Time
	// Sent is false if surely no request that changes state left the process.
	Sent      bool
	Exchanges []Exchange
	Standin   bool
}

// Send checks the batch, takes a permit, sends at most one request that
// changes state and classifies the answer. It never sends twice, save once
// more after a credential was refused and refreshed.
func (d *Destination) Send(ctx context.Context, b Batch) Outcome {
	p, notBefore, err := d.Reserve(ctx)
	switch {
	case err != nil:
		return d.failed(b, &CallError{Do: Wait, Scope: ScopeAccount, Code: "budget", Err: err})
	case p == nil:
		o := d.failed(b, &CallError{Do: Wait, Scope: ScopeAccount, Code: "budget",
			Wait: notBefore.Sub(d.o.Now()), Words: "the rate budget is used up"})
		o.NotBefore = notBefore
		return o
	}
	defer p.Release()
	return p.Send(ctx, b)
}

// Send is Destination.Send with a permit taken before, so that the intent is
// written after waiting. The permit is used up.
func (p *Permit) Send(ctx context.Context, b Batch) Outcome {
	defer p.Release()
	d := p.d
	_, spec, err := d.Spec(b.Object, b.Action)
	if err != nil {
		return d.failed(b, &CallError{Do: Stop, Scope: ScopeTarget, Code: "unsupported", Words: err.Error(), Err: err})
	}
	problems, err := d.Check(b)
	if err != nil {
		return d.failed(b, &CallError{Do: Stop, Scope: ScopeBatch, Code: "batch", Words: err.Error(), Err: err})
	}
	if len(problems) > 0 {
		return d.withoutProblems(b, problems)
	}
	f := d.flight(1, spec.Limits.AnswerBytes)
	answer, err := d.write(ctx, f, b)
	o := d.outcome(b, spec, answer, err)
	o.Exchanges = f.recorded()
	o.Standin = d.o.Sandbox || standinOf(o.Exchanges)
	d.tidy(b, &o)
	if o.Err != nil && o.Err.Wait > 0 {
		o.NotBefore = d.o.Now().Add(o.Err.Wait)
		if o.Err.Scope >= ScopeCredential {
			if perr := d.pauseAll(ctx, o.NotBefore); perr != nil {
				o.Err.Err = errors.Join(o.Err.Err, perr)
			}
		}
	}
	return o
}

func (d *Destination) write(ctx context.Context, f *flight, b Batch) (Answer, error) {
	ctx, cancel := context.WithTimeout(withFlight(ctx, f), d.timeout)
	defer cancel()
	asked := d.o.Now()
	answer, err := d.writer.Write(ctx, b)
	if !isUnauthorized(err) {
		return answer, err
	}
	refreshed, rerr := d.refresh(ctx, asked)
	if rerr != nil {
		return answer, &CallError{Do: Stop, Scope: ScopeCredential, Code: "refresh_refused",
			Words: "the credential was refused and couldn't be renewed", Err: errors.Join(err, rerr)}
	}
	if !refreshed {
		return answer, err
	}
	return d.writer.Write(ctx, b)
}

func isUnauthorized(err error) bool {
	var h *HTTPError
	return errors.As(err, &h) && h.Status == http.StatusUnauthorized
}

// refresh renews the credential once for all requests that were refused with
// the old one.
func (d *Destination) refresh(ctx context.Context, asked time.Time) (bool, error) {
	r, ok := d.writer.(Refresher)
	if !ok {
		return false, nil
	}
	d.refreshing.Lock()
	defer d.refreshing.Unlock()
	if d.refreshed.After(asked) {
		return true, nil
	}
	fresh, err := r.Refresh(ctx)
	if err != nil {
		return false, err
	}
	if d.o.Store != nil {
		if err := d.o.Store(ctx, fresh); err != nil {
			return false, err
		}
	}
	d.refreshed = d.o.Now()
	return true, nil
}

func (d *Destination) pauseAll(ctx context.Context, until time.Time) error {
	var errs []error
	for _, b := range d.budgets {
		// Even a cancelled task's pause must reach the other syncs.
		errs = append(errs, d.o.Limiter.Pause(context.WithoutCancel(ctx), d.key(b), until))
	}
	return errors.Join(errs...)
}

// failed is an outcome without any request.
func (d *Destination) failed(b Batch, e *CallError) Outcome {
	return Outcome{Results: fill(len(b.Rows), Result{Status: Deferred, Code: e.Code, Words: e.Words}), Err: e, Standin: d.o.Sandbox}
}

func fill(n int, r Result) []Result { return slices.Repeat([]Result{r}, n) }

// withoutProblems rejects the rows that can't be sent and hands back the rest.
func (d *Destination) withoutProblems(b Batch, problems map[int]*RowError) Outcome {
	o := Outcome{Results: make([]Result, len(b.Rows)), Standin: d.o.Sandbox}
	var rest []Row
	for i, r := range b.Rows {
		if p := problems[i]; p != nil {
			o.Results[i] = p.Result()
			continue
		}
		o.Results[i] = Result{Status: Deferred}
		rest = append(rest, r)
	}
	if len(rest) > 0 {
		o.Err = &CallError{Do: Split, Code: "rows_refused", Words: "rows that can't be sent were taken out"}
		o.Parts = []Batch{part(b, 1, rest)}
	}
	return o
}

// part is a smaller batch with a sub-key: its body differs, so must its key.
func part(b Batch, n int, rows []Row) Batch {
	b.Key += "." + strconv.Itoa(n)
	b.Rows = rows
	return b
}

// outcome turns what the Writer returned into results, one per row.
func (d *Destination) outcome(b Batch, spec Spec, a Answer, err error) Outcome {
	n := len(b.Rows)
	if err != nil {
		e := classify(err, spec.Class, d.o.Now())
		o := Outcome{Err: e, Sent: e.RowStatus() == Unknown || !isLocal(err)}
		o.Results = fill(n, Result{Status: e.RowStatus(), Code: e.Code, Words: e.Words})
		if e.Do == Split {
			if n == 1 {
				o.Results[0].Status, o.Err = Rejected, nil
				return o
			}
			o.Parts = parts(b, e.Rows)
		}
		return o
	}
	o := Outcome{Sent: true}
	if a.Ticket != nil {
		o.Ticket, o.Results = a.Ticket, make([]Result, n)
		return o
	}
	if len(a.Results) != n {
		o.Results = fill(n, Result{Code: "wrong_count", Words: "the answer doesn't match the rows sent"})
		o.Err = &CallError{Do: FindOut, Code: "wrong_count", Words: "the answer doesn't match the rows sent"}
		return o
	}
	o.Results = a.Results
	var unknown []Row
	for i, r := range o.Results {
		if r.Status == Unknown {
			unknown = append(unknown, b.Rows[i])
		}
	}
	switch {
	case len(unknown) == 0:
	case a.Invalid >= n && len(unknown) == n:
		for i := range o.Results { // as many as there are rows: all of them
			o.Results[i].Status, o.Results[i].Code = Rejected, CodeUnnamed
		}
	case a.Invalid > 0 && spec.Class == ClassA && len(unknown) > 1:
		// Sending again changes nothing in class A: halves find the refused.
		o.Err = &CallError{Do: Split, Code: CodeUnnamed, Words: "rows were refused without being named", MaybeApplied: true}
		o.Parts = halves(b, unknown)
		for i := range o.Results {
			if r := &o.Results[i]; r.Status == Unknown {
				r.Code = CodeUnnamed
			}
		}
	default:
		o.Err = &CallError{Do: FindOut, Code: "unproven", Words: "the answer doesn't say what became of every row"}
	}
	return o
}

// Remainder is the batch of b's rows whose result has one of the statuses, with
// a sub-key, since its body differs from b's. It reports false if there is none.
// Of a batch that was Split, send Parts instead.
func (o Outcome) Remainder(b Batch, statuses ...Status) (Batch, bool) {
	var rows []Row
	for i, r := range o.Results {
		if slices.Contains(statuses, r.Status) {
			rows = append(rows, b.Rows[i])
		}
	}
	if len(rows) == len(b.Rows) {
		return b, true
	}
	return part(b, 1, rows), len(rows) > 0
}

// isLocal reports an error before any byte left.
func isLocal(err error) bool {
	var guard *GuardError
	var encode *EncodeError
	if errors.As(err, &guard) || errors.As(err, &encode) {
		return true
	}
	var t *TransportError
	return errors.As(err, &t) && !t.Wrote
}

// parts takes the rows named out, each alone, or else cuts in halves.
func parts(b Batch, named []int) []Batch {
	if len(named) == 0 || len(named) >= len(b.Rows) {
		return halves(b, b.Rows)
	}
	var out []Batch
	var rest []Row
	for i, r := range b.Rows {
		if !slices.Contains(named, i) {
			rest = append(rest, r)
		}
	}
	out = append(out, part(b, 1, rest))
	for i, r := range b.Rows {
		if slices.Contains(named, i) {
			out = append(out, part(b, len(out)+1, []Row{r}))
		}
	}
	return out
}

func halves(b Batch, rows []Row) []Batch {
	if len(rows) == 1 {
		return []Batch{part(b, 1, rows)}
	}
	m := (len(rows) + 1) / 2
	return []Batch{part(b, 1, rows[:m]), part(b, 2, rows[m:])}
}

// tidy redacts the vendor's words everywhere.
func (d *Destination) tidy(b Batch, o *Outcome) {
	var ids []string
	for _, r := range b.Rows {
		for _, v := range r.IDs {
			ids = append(ids, v)
		}
		if r.Sent != nil {
			for _, v := range r.Sent.IDs {
				ids = append(ids, v)
			}
		}
	}
	for i := range o.Results {
		r := &o.Results[i]
		if r.Words != "" || r.Code != "" {
			r.Words, r.Code = d.redact.words(r.Words, ids), capText(d.redact.words(r.Code, ids), 80)
		}
	}
	if o.Err != nil {
		o.Err.Words = d.redact.words(o.Err.Words, ids)
		o.Err.Code = capText(d.redact.words(o.Err.Code, ids), 80)
		if o.Err.Err != nil {
			o.Err.Err = &redactedError{text: d.redact.words(o.Err.Err.Error(), ids), err: o.Err.Err}
		}
	}
}

// redactedError prints the redacted text and still answers errors.As.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }
