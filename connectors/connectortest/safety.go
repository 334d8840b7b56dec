package connectortest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

// noEarlyRetry: no request before the time that the vendor named, by the
// injected clock, neither from this sync nor from another of the credential.
var noEarlyRetry = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	for _, kind := range []sandbox.FaultKind{sandbox.TooManySeconds, sandbox.TooManyDate} {
		w := newWorld(t, h)
		w.clock.fixed = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
		b := w.batch(c, "plan:1", w.few(c, 2))
		w.model.Faults().Add(sandbox.Fault{Kind: kind, Path: c.Changes, Seconds: 30})
		o := w.dest.Send(background(), b)
		if want := w.clock.now().Add(30 * time.Second); o.NotBefore.Before(want) {
			p.add("%s: not before %s, the vendor said %s", kind, o.NotBefore, want)
		}
		w.quiet(b, p, string(kind)+", at once")
		w.clock.forward(29 * time.Second)
		w.quiet(b, p, string(kind)+", a second early")
		w.clock.forward(3 * time.Second)
		last := w.dest.Send(background(), b)
		for i, r := range last.Results {
			if r.Status != connectors.Accepted {
				p.add("%s: after the wait row %d is %s (%v)", kind, i, r.Status, last.Err)
			}
		}
		if n := len(w.changing(c)); n != 2 {
			p.add("%s: %d changing requests, not 2", kind, n)
		}
	}
})

// quiet sends from this destination and another of the same credential, and
// expects no request.
func (w *world) quiet(b connectors.Batch, p *problems, when string) {
	before := w.count()
	for _, d := range []*connectors.Destination{w.dest, w.open(w.server.URL)} {
		if o := d.Send(background(), b); o.Sent {
			p.add("%s: a batch was sent", when)
		}
	}
	if w.count() > before {
		p.add("%s: %d requests", when, w.count()-before)
	}
}

// cancelIsPrompt: a cancelled send returns soon; before the request nothing
// was applied, after it nobody knows.
var cancelIsPrompt = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	w := newWorld(t, h)
	b := w.batch(c, "plan:1", w.few(c, 2))
	ctx, cancel := context.WithCancel(background())
	cancel()
	o := w.dest.Send(ctx, b)
	if o.Err == nil || o.Results[0].Status != connectors.Deferred || w.count() > 0 {
		p.add("cancelled before: %v, %s, %d requests", o.Err, o.Results[0].Status, w.count())
	}
	w.model.Faults().Add(sandbox.Fault{Kind: sandbox.Hang, Path: c.Changes})
	ctx, cancel = context.WithCancel(background())
	defer cancel()
	done := make(chan connectors.Outcome, 1)
	go func() { done <- w.dest.Send(ctx, b) }()
	require.Eventually(t, func() bool { return w.model.Faults().Hits() == 1 }, 5*time.Second, time.Millisecond)
	cancelled := time.Now()
	cancel()
	o = <-done
	// 100 ms on an idle machine; tests run on busy ones.
	if took := time.Since(cancelled); took > time.Second {
		p.add("cancelled after: returned %s later", took)
	}
	if o.Err == nil || o.Err.Do != connectors.FindOut || o.Results[0].Status != connectors.Unknown {
		p.add("cancelled after: %v, %s", o.Err, o.Results[0].Status)
	}
})

// concurrentUse: 32 batches at once, results not mixed.
var concurrentUse = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	const senders = 32
	w := newWorld(t, h)
	per := min(3, w.limit(c))
	all := w.batch(c, "plan", rows(senders*per, nil))
	outcomes := make([]connectors.Outcome, senders)
	batches := make([]connectors.Batch, senders)
	var wg sync.WaitGroup
	for n := range senders {
		batches[n] = all
		batches[n].Key = fmt.Sprintf("plan:%d", n)
		batches[n].Rows = all.Rows[n*per : (n+1)*per]
		wg.Go(func() { outcomes[n] = w.dest.Send(background(), batches[n]) })
	}
	wg.Wait()
	refs := map[string]bool{}
	for n, o := range outcomes {
		w.truth(batches[n], o.Results, p, "at once")
		for i, r := range o.Results {
			if r.Status != connectors.Accepted {
				p.add("batch %d row %d is %s (%v)", n, i, r.Status, o.Err)
			}
			if r.Ref != "" && refs[r.Ref] {
				p.add("two rows got the reference %s", r.Ref)
			}
			refs[r.Ref] = true
		}
	}
})

// secretsNeverLeave: the vendor echoes everything it got, in every status; no
// error, word, code, reference or record shows a secret, and no error or word
// an address of a person.
var secretsNeverLeave = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	prepared := newWorld(t, h)
	b := prepared.batch(c, "plan:1", prepared.few(c, 2))
	cfg, bad := connectors.DecodeConfig(h.Connector, withBase(h.Settings))
	require.Empty(t, bad)
	for _, status := range []int{200, 207, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503} {
		echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			text := fmt.Sprintf("%v %s %s %s", r.Header, r.URL, body, strings.Join(revealed(cfg), " "))
			w.Header().Set("X-Echo", strings.ToValidUTF8(strings.ReplaceAll(text, "\n", " "), ""))
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			// A failed write shows as a failed request.
			_ = json.NewEncoder(w).Encode(map[string]any{
				"status": "error", "category": text, "message": text, "words": text, "results": []any{}, "numErrors": 1,
				"errors": []map[string]any{{"category": text, "message": text, "context": map[string][]string{"objectWriteTraceId": {b.Rows[0].Key}}}},
			})
		}))
		prepared.limiter = connectors.NewLocalLimiter(prepared.clock.now)
		o := prepared.open(echo.URL+"/secret-path-0123456789").Send(background(), b)
		echo.Close()
		tellsNothing(h, cfg, fmt.Sprint(status), o, p)
	}
	// What is told of rows that the vendor took: not every Writer gets so far
	// with an echo.
	prepared.limiter = connectors.NewLocalLimiter(prepared.clock.now)
	tellsNothing(h, cfg, "taken", prepared.open(prepared.server.URL).Send(background(), b), p)
})

// tellsNothing: what is said of a batch holds neither secrets nor addresses.
func tellsNothing(h Harness, cfg any, when string, o connectors.Outcome, p *problems) {
	said := fmt.Sprintf("%+v %#v %v", o.Results, o.Results, o.Parts == nil)
	if o.Err != nil {
		said += fmt.Sprintf(" %v %+v %s %s", o.Err, o.Err, o.Err.Words, o.Err.Code)
	}
	if strings.Contains(said, "@example.com") {
		p.add("%s: a person's address is in %.300s", when, said)
	}
	exchanges, err := json.Marshal(o.Exchanges)
	if err != nil {
		p.add("%s: encoding the exchanges: %v", when, err)
	}
	said += string(exchanges)
	for _, secret := range revealed(cfg) {
		if strings.Contains(said, secret) {
			p.add("%s: a secret is in %.300s", when, said)
		}
	}
	if h.Connector.SecretURL && strings.Contains(said, "secret-path-0123456789") {
		p.add("%s: the address is in %.300s", when, said)
	}
}

func revealed(cfg any) []string {
	var out []string
	for _, s := range connectors.Secrets(cfg) {
		out = append(out, s.Reveal())
	}
	return out
}

// ssrf: base_url in denied forms is never connected to.
var ssrf = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	w := newWorld(t, h)
	b := w.batch(c, "plan:1", w.few(c, 1))
	var connects atomic.Int32
	trap := httptest.NewUnstartedServer(http.NotFoundHandler())
	trap.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connects.Add(1)
		}
	}
	trap.Start()
	defer trap.Close()
	_, port, err := net.SplitHostPort(trap.Listener.Addr().String())
	require.NoError(t, err)
	closedDoor, err := connectors.NewTransport(connectors.TransportOptions{})
	require.NoError(t, err)
	defer closedDoor.Close()
	w.transport = closedDoor
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "[64:ff9b::7f00:1]"} {
		o := w.open("http://"+host+":"+port).Send(background(), b)
		if o.Err == nil || o.Sent || o.Results[0].Status != connectors.Deferred {
			p.add("%s: %v", host, o.Err)
		}
	}
	if n := connects.Load(); n > 0 {
		p.add("%d connections were made", n)
	}
})
