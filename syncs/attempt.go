package syncs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tailrace/tailrace/connectors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

var intentColumns = []string{"sync_id", "run_no", "plan_id", "batch_no", "part", "attempt", "first_row", "last_row", "rows", "send_key", "worker", "deadline", "at"}

// request is a piece as the connector gets it: the same bytes on every attempt.
func (d *delivery) request(b *loadedBatch, p *piece) (connectors.Batch, error) {
	r := d.job.head(b.step)
	r.Key, r.At = b.sendKey(d.run.PlanID, p.part), d.plannedAt(p)
	r.Rows = make([]connectors.Row, len(p.changes))
	for i, c := range p.changes {
		var err error
		if r.Rows[i], err = c.row(b.step); err != nil {
			return r, fmt.Errorf("batch %d: %w", b.no, err)
		}
	}
	return r, nil
}

// plannedAt is when the plan was made; it is part of each of its rows.
func (d *delivery) plannedAt(p *piece) time.Time { return p.changes[0].plannedAt }

// attempt writes the intent, sends and records what came back. Waiting for a
// place in the destination's budgets comes before the intent.
func (d *delivery) attempt(ctx context.Context, b *loadedBatch, p *piece, spec connectors.Spec) (sent bool, err error) {
	request, err := d.request(b, p)
	if err != nil {
		return false, err
	}
	d.busy.Add(-1)
	permit, notBefore, err := d.job.dst.Reserve(ctx)
	d.busy.Add(1)
	if err != nil {
		return false, err
	}
	if permit == nil {
		d.wait(notBefore, "the destination's rate budget is used up")
		return false, nil
	}
	defer permit.Release()
	if d.halted() || d.now().After(d.claim.since.Add(d.o.Slice)) || !d.holds(d.claim) {
		d.wait(d.now(), "the slice is over")
		return false, nil
	}
	a := attempt{part: p.part, number: b.nextAttempt(), rows: map[uint64]bool{}, at: d.now(), deadline: d.now().Add(d.job.dst.Timeout())}
	err = d.commit(ctx, d.intents, [][]any{d.intent(b, p, &a, request.Key)})
	if errors.Is(err, errPermissionsMoved) {
		d.wait(d.now(), "consent or suppression changed; the rest is checked again")
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("writing an intent: %w", err)
	}
	if !d.holds(d.claim) { // another may have read the ledger before the intent was in it
		return false, errTooLate
	}
	b.attempts = append(b.attempts, a)
	if d.o.broken.ackFirst {
		if err := d.record(ctx, b, d.accepted(b, p)); err != nil {
			return false, err
		}
	}
	answer, err := d.send(ctx, permit, request, a.deadline, spec)
	if err != nil {
		return false, err
	}
	d.keepExchanges(b, &a, p, answer)
	return true, d.answered(ctx, b, p, answer, spec)
}

func (d *delivery) intent(b *loadedBatch, p *piece, a *attempt, key string) []any {
	only := []uint64{}
	if len(p.changes) != len(b.changes) {
		for _, c := range p.changes {
			only = append(only, c.rowNo)
			a.rows[c.rowNo] = true
		}
	}
	return []any{d.run.SyncID, d.run.No, d.run.PlanID, b.no, a.part, a.number, p.changes[0].rowNo, p.changes[len(p.changes)-1].rowNo,
		only, key, d.o.Worker, a.deadline, a.at}
}

// errTooLate is a request whose deadline, or whose worker's claim, ran out before it could leave.
var errTooLate = errors.New("the intent's deadline or the claim on its batch passed before the request left")

// send passes the request through the permit. It ends at the intent's deadline;
// at a shutdown class A is cut, the others are given ten seconds.
func (d *delivery) send(ctx context.Context, permit *connectors.Permit, request connectors.Batch, deadline time.Time, spec connectors.Spec) (connectors.Outcome, error) {
	left := deadline.Sub(d.now())
	if left <= 0 {
		return connectors.Outcome{}, errTooLate
	}
	sendCtx := ctx
	if spec.Class != connectors.ClassA {
		detached, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		stop := context.AfterFunc(ctx, func() { time.AfterFunc(10*time.Second, cancel) })
		defer stop()
		sendCtx = detached
	}
	sendCtx, cancel := context.WithTimeout(sendCtx, left)
	defer cancel()
	d.busy.Add(-1)
	defer d.busy.Add(1)
	sendCtx, span := otel.Tracer("tailrace/syncs").Start(sendCtx, "send "+d.job.sync.Destination, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("tailrace.sync", d.job.sync.Name), attribute.String("tailrace.run.id", d.run.ID),
			attribute.String("tailrace.action", string(request.Action)), attribute.Int("tailrace.rows", len(request.Rows))))
	defer span.End()
	var answer connectors.Outcome
	err := d.through(ctx, "send", func() error {
		answer = permit.Send(sendCtx, request)
		return nil
	})
	if err != nil || answer.Err != nil {
		span.SetStatus(codes.Error, "")
	}
	return answer, err
}

// answered turns an answer into outcomes, one a row, and into what comes next.
func (d *delivery) answered(ctx context.Context, b *loadedBatch, p *piece, answer connectors.Outcome, spec connectors.Spec) error {
	children := map[string]string{} // key → part to go on with
	if answer.Err != nil && answer.Err.Do == connectors.Split {
		for i, part := range answer.Parts {
			for _, r := range part.Rows {
				children[r.Key] = splitPart(p.part, i, len(answer.Parts))
			}
		}
	}
	out := make([]outcome, len(p.changes))
	partly, open := false, 0
	for i, c := range p.changes {
		result := answer.Results[i]
		o := d.outcomeOf(b, p, c, statusOf(result), byAnswer, stageAnswer)
		o.ref, o.code, o.field, o.words = result.Ref, result.Code, result.Field, result.Words
		if answer.Err != nil && answer.Err.Do == connectors.Stop && answer.Err.Scope == connectors.ScopeBatch && o.status == statusDeferred {
			o.status = statusRejected // this content can't be sent, now or later
		}
		if child, ok := children[c.key]; ok {
			o.part = child
		} else if o.status == statusDeferred && answer.Err == nil {
			o.part = remainderPart(p.part)
		}
		if o.final() {
			partly = true
		} else {
			open++
		}
		out[i] = o
	}
	if partly && open > 0 && len(children) == 0 && answer.Err != nil {
		for i := range out {
			if out[i].status == statusDeferred {
				out[i].part = remainderPart(p.part)
			}
		}
	}
	if d.o.broken.ackFirst {
		out = nil
	}
	if err := d.record(ctx, b, out); err != nil {
		return err
	}
	d.next(b, answer, open, spec)
	return nil
}

// next decides whether to go on, to wait or to stop.
func (d *delivery) next(b *loadedBatch, answer connectors.Outcome, open int, spec connectors.Spec) {
	d.mu.Lock()
	if answer.Err == nil {
		d.failures = 0
	} else if answer.Err.Do == connectors.FindOut {
		d.failures++
	}
	failures := d.failures
	d.mu.Unlock()
	tries := len(b.attempts)
	backoff := d.now().Add(connectors.Backoff(tries, rand.Uint64()))
	if answer.Err == nil {
		if open > 0 {
			d.waitFor(answer.NotBefore, backoff, "rows were put off")
		}
		return
	}
	words := answer.Err.Code + ": " + answer.Err.Words
	switch answer.Err.Do {
	case connectors.Wait:
		d.waitFor(answer.NotBefore, backoff, words)
	case connectors.Stop:
		if answer.Err.Scope != connectors.ScopeBatch {
			d.halt("the destination refused (" + answer.Err.Scope.String() + "): " + words)
		}
	case connectors.FindOut:
		if failures >= 5 {
			d.wait(backoff.Add(5*time.Second), "the destination doesn't answer: "+words)
		} else if open > 0 && spec.Class != connectors.ClassD { // of class D nothing more is tried
			d.waitFor(answer.NotBefore, backoff, words)
		}
	}
}

func (d *delivery) waitFor(notBefore, backoff time.Time, why string) {
	if notBefore.IsZero() {
		notBefore = backoff
	}
	d.wait(notBefore, why)
}

func statusOf(r connectors.Result) string {
	switch r.Status {
	case connectors.Accepted:
		return statusAccepted
	case connectors.Rejected:
		if r.Code == connectors.CodeAbsent {
			return statusSkipped
		}
		return statusRejected
	case connectors.Deferred:
		return statusDeferred
	}
	return statusUnknown
}

// accepted is what the broken variant of the crash tests records before sending.
func (d *delivery) accepted(b *loadedBatch, p *piece) []outcome {
	out := make([]outcome, len(p.changes))
	for i, c := range p.changes {
		out[i] = d.outcomeOf(b, p, c, statusAccepted, byAnswer, stageAnswer)
	}
	return out
}
