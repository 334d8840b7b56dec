package connectortest

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

// expectation is one fault and what the engine must be told to do about it.
type expectation struct {
	fault sandbox.Fault
	do    func(connectors.Spec) connectors.Do
	// recovers: the batch is delivered afterwards without a person.
	recovers bool
	// once: a connector's first case is enough, as it differs from another
	// fault by a number only.
	once bool
}

// capped lowers the caps, but for large answers to the first case that the
// vendor applied: those are held against the connector's own.
func (x expectation) capped(h Harness, first bool) Harness {
	if first && x.fault.Applied && (x.fault.Kind == sandbox.Oversize || x.fault.Kind == sandbox.GzipBomb) {
		return h
	}
	return h.lowered(lowBody, lowAnswer)
}

// sized is the fault with an answer just above what is read.
func (x expectation) sized(s connectors.Spec) sandbox.Fault {
	f := x.fault
	if s.Limits.AnswerBytes > 0 {
		f.Bytes = int(s.Limits.AnswerBytes) + 1
	}
	return f
}

func always(d connectors.Do) func(connectors.Spec) connectors.Do {
	return func(connectors.Spec) connectors.Do { return d }
}

func unavailable(s connectors.Spec) connectors.Do {
	if s.Class == connectors.ClassA {
		return connectors.Wait
	}
	return connectors.FindOut
}

// expectations are the faults of connectors.md §2 that a stand-in can play.
func expectations() []expectation {
	wait, find, stop := always(connectors.Wait), always(connectors.FindOut), always(connectors.Stop)
	out := []expectation{
		{sandbox.Fault{Kind: sandbox.TooManySeconds}, wait, false, false},
		{sandbox.Fault{Kind: sandbox.TooManyDate}, wait, false, false},
		{sandbox.Fault{Kind: sandbox.TooManyVendor}, wait, false, false},
		{sandbox.Fault{Kind: sandbox.Unauthorized}, stop, true, false},
		{sandbox.Fault{Kind: sandbox.Forbidden}, stop, true, false},
		{sandbox.Fault{Kind: sandbox.Unavailable}, unavailable, true, false},
		{sandbox.Fault{Kind: sandbox.ResetBefore}, find, true, false},
		{sandbox.Fault{Kind: sandbox.ResetAfter}, find, true, false},
		{sandbox.Fault{Kind: sandbox.Redirect, Location: "http://169.254.169.254/latest"}, stop, true, false},
	}
	for _, applied := range []bool{false, true} {
		for _, status := range []int{500, 502, 504} {
			out = append(out, expectation{sandbox.Fault{Kind: sandbox.ServerError, Status: status, Applied: applied}, find, true, status != 500})
		}
		for _, kind := range []sandbox.FaultKind{
			sandbox.Hang, sandbox.Drip, sandbox.Truncated, sandbox.Garbage, sandbox.HTMLPage,
			sandbox.ErrorInside, sandbox.Oversize, sandbox.GzipBomb,
		} {
			out = append(out, expectation{sandbox.Fault{Kind: kind, Applied: applied}, find, true, false})
		}
	}
	return out
}

// noLieUnderFault: after each fault no row is Accepted that the vendor lacks,
// none Rejected or put off that it has; the engine is told the right thing;
// delivering again by class ends well, with one effect where more would harm.
var noLieUnderFault = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	first := c.name() == h.Cases[0].name()
	for _, x := range expectations() {
		if x.once && !first {
			continue
		}
		w := newWorld(t, x.capped(h, first))
		b := w.batch(c, "plan:1", w.few(c, 3))
		_, spec, err := w.spec(c)
		if err != nil {
			p.add("%v", err)
			return
		}
		f := x.sized(spec)
		f.Path = c.Changes
		w.model.Faults().Add(f)
		o := w.sendBriefly(b, f)
		what := string(f.Kind)
		if f.Applied {
			what += " after applying"
		}
		if w.model.Faults().Hits() != 1 {
			p.add("%s: the fault didn't happen", what)
			continue
		}
		if o.Err == nil || o.Err.Do != x.do(spec) {
			p.add("%s: the engine is told %v, not %s", what, o.Err, x.do(spec))
		}
		w.truth(b, o.Results, p, what)
		if x.recovers {
			w.recover(c, b, spec, p, what)
		}
	}
	duplicated(t, h, c, p)
	if !c.EmptyAccepts {
		emptyAnswer(t, h, c, p)
	}
})

// sendBriefly sends; where the vendor gives no answer it gives up once the
// fault is there.
func (w *world) sendBriefly(b connectors.Batch, f sandbox.Fault) connectors.Outcome {
	if f.Kind != sandbox.Hang && f.Kind != sandbox.Drip {
		return w.dest.Send(background(), b)
	}
	ctx, cancel := context.WithTimeout(background(), 30*time.Second)
	defer cancel()
	done := make(chan connectors.Outcome, 1)
	go func() { done <- w.dest.Send(ctx, b) }()
	require.Eventually(w.t, func() bool { return w.model.Faults().Hits() == 1 }, 25*time.Second, time.Millisecond)
	cancel()
	return <-done
}

// recover delivers again in a new process: another destination, nothing
// remembered.
func (w *world) recover(c Case, b connectors.Batch, spec connectors.Spec, p *problems, what string) {
	w.model.Faults().Clear()
	w.limiter = connectors.NewLocalLimiter(w.clock.now)
	w.dest = w.open(w.server.URL)
	if spec.Class == connectors.ClassC {
		found, err := w.dest.Look(background(), b)
		if err != nil {
			p.add("%s: looking up: %v", what, err)
			return
		}
		for i, f := range found {
			if (f.Presence == connectors.Present) != w.model.Holds(b, b.Rows[i]) || f.Presence == connectors.PresenceUnknown {
				p.add("%s: the lookup of row %d is wrong", what, i)
			}
			if f.Presence == connectors.Present {
				return
			}
		}
	}
	last, _ := w.deliver(background(), b)
	for i, row := range b.Rows {
		if last[row.Key].Status != connectors.Accepted || !w.model.Holds(b, row) {
			p.add("%s: after recovery row %d is %s (%s %s), held: %v", what, i, last[row.Key].Status, last[row.Key].Code, last[row.Key].Words, w.model.Holds(b, row))
		}
		if n := w.effects(row.Key); spec.Class != connectors.ClassA && n > 1 {
			p.add("%s: row %d was applied %d times", what, i, n)
		}
	}
}

// duplicated: a box on the way delivers a request twice.
func duplicated(t testing.TB, h Harness, c Case, p *problems) {
	w := newWorld(t, h)
	b := w.batch(c, "plan:1", w.few(c, 3))
	w.model.Faults().Add(sandbox.Fault{Kind: sandbox.Twice, Path: c.Changes})
	o := w.dest.Send(background(), b)
	w.truth(b, o.Results, p, "delivered twice")
	_, spec, err := w.spec(c)
	for _, row := range b.Rows {
		if n := w.effects(row.Key); err == nil && spec.Class != connectors.ClassA && n != 1 {
			p.add("delivered twice: applied %d times", n)
		}
	}
}

// emptyAnswer: an empty 2xx accepts nothing.
func emptyAnswer(t testing.TB, h Harness, c Case, p *problems) {
	w := newWorld(t, h)
	b := w.batch(c, "plan:1", w.few(c, 3))
	w.model.Faults().Add(sandbox.Fault{Kind: sandbox.EmptyAnswer, Path: c.Changes})
	o := w.dest.Send(background(), b)
	w.truth(b, o.Results, p, "empty answer")
	if o.Err == nil || o.Err.Do != connectors.FindOut {
		p.add("empty answer: the engine is told %v", o.Err)
	}
}

// noLieWhenReadingFails: a read before the changing request may fail in any
// way; nothing was applied then, and the engine waits or stops.
var noLieWhenReadingFails = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	if c.Reads == "" {
		return
	}
	h = h.lowered(lowBody, lowAnswer)
	for _, x := range expectations() {
		if x.fault.Applied {
			continue // a read applies nothing
		}
		w := newWorld(t, h)
		b := w.batch(c, "plan:1", w.few(c, 3))
		_, spec, err := w.spec(c)
		require.NoError(t, err)
		for i := range b.Rows {
			b.Rows[i].Ref = ""
		}
		f := x.sized(spec)
		f.Path = c.Reads
		w.model.Faults().Add(f)
		o := w.sendBriefly(b, f)
		if w.model.Faults().Hits() != 1 {
			p.add("%s while reading: the fault didn't happen", f.Kind)
			continue
		}
		if o.Err == nil || o.Err.Do == connectors.FindOut || len(w.changing(c)) > 0 {
			p.add("%s while reading: the engine is told %v after %d changing requests", f.Kind, o.Err, len(w.changing(c)))
		}
		for i, r := range o.Results {
			if r.Status != connectors.Deferred {
				p.add("%s while reading: row %d is %s", f.Kind, i, r.Status)
			}
		}
	}
})

// unreachable: refused and unknown addresses were never reached, so the rows
// wait; a certificate that isn't trusted stops.
var unreachable = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	w := newWorld(t, h)
	b := w.batch(c, "plan:1", w.few(c, 2))
	// A port of its own that was closed could be another server's by now.
	const closed = "http://127.0.0.1:1"
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of our refusal
	secure.StartTLS()
	defer secure.Close()
	for address, do := range map[string]connectors.Do{closed: connectors.Wait, "http://vendor.invalid": connectors.Wait, secure.URL: connectors.Stop} {
		o := w.open(address).Send(background(), b)
		if o.Err == nil || o.Err.Do != do || o.Sent {
			p.add("%s: the engine is told %v, sent: %v", address, o.Err, o.Sent)
		}
		for i, r := range o.Results {
			if r.Status != connectors.Deferred {
				p.add("%s: row %d is %s", address, i, r.Status)
			}
		}
	}
})

// redirectNotFollowed: no request arrives where a redirect points.
var redirectNotFollowed = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	var arrived atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Add(1)
		w.WriteHeader(http.StatusOK)
	}))
	defer elsewhere.Close()
	w := newWorld(t, h)
	b := w.batch(c, "plan:1", w.few(c, 2))
	w.model.Faults().Add(sandbox.Fault{Kind: sandbox.Redirect, Path: c.Changes, Location: elsewhere.URL})
	o := w.dest.Send(background(), b)
	if arrived.Load() > 0 || o.Err == nil || o.Err.Do != connectors.Stop {
		p.add("%d requests followed, the engine is told %v", arrived.Load(), o.Err)
	}
})
