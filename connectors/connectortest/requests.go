package connectortest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

// baseURLHonoured: requests go below base_url, with and without a trailing
// slash, and nowhere else.
var baseURLHonoured = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	for _, suffix := range []string{"", "/", "/prefix", "/prefix/"} {
		w := newWorld(t, h)
		b := w.batch(c, "plan:1", rows(1, nil))
		w.dest = w.open(w.server.URL + suffix)
		o := w.dest.Send(background(), b)
		for _, x := range o.Exchanges {
			if !strings.HasPrefix(x.URL, w.server.URL) {
				p.add("a request left for %s", x.URL)
			}
		}
		w.mu.Lock()
		for _, r := range w.requests {
			if strings.Contains(r.path, "//") || !strings.HasPrefix(r.path, strings.TrimSuffix(suffix, "/")) {
				p.add("base_url with %q gives the path %s", suffix, r.path)
			}
		}
		if len(w.requests) == 0 {
			p.add("base_url with %q: no request", suffix)
		}
		w.mu.Unlock()
	}
})

// limitsExact: as many rows as the limit pass in one request, one more makes
// two, bodies stay within the limit of bytes, a row above it is refused before
// sending, and there are no more requests than batches. Where many rows fill a
// request its limit of bytes is a lower one, in which the frame weighs more.
var limitsExact = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	w := newWorld(t, h)
	_, spec, err := w.spec(c)
	require.NoError(t, err)
	// The first of the two is as full as the limit allows.
	if got := w.sendCut(c, w.batch(c, "plan:1", rows(spec.Limits.Rows+1, nil)), p); got[0] != spec.Limits.Rows || len(got) != 2 {
		p.add("%d rows took changing requests of %v rows", spec.Limits.Rows+1, got)
	}
	if !h.heavy(c) {
		return
	}
	huge := rows(1, nil)
	huge[0].Fields["plan"] = connectors.Text(strings.Repeat("x", spec.Limits.BodyBytes+1))
	w.forget()
	o := w.dest.Send(background(), w.batch(c, "plan:2", huge))
	if o.Results[0].Status != connectors.Rejected || w.count() > 0 {
		p.add("a row above the limit is %s after %d requests", o.Results[0].Status, w.count())
	}
	w = newWorld(t, h.lowered(lowBody, 1<<20))
	_, spec, err = w.spec(c)
	require.NoError(t, err)
	heavy := rows(40, nil)
	for i := range heavy {
		heavy[i].Fields["plan"] = connectors.Text(strings.Repeat(`é"<`, spec.Limits.BodyBytes/120))
	}
	w.sendCut(c, w.batch(c, "plan:3", heavy), p)
	for _, r := range w.changing(c) {
		if len(r.body) > spec.Limits.BodyBytes {
			p.add("a body of %d bytes left, the limit is %d", len(r.body), spec.Limits.BodyBytes)
		}
	}
})

// heavy reports whether rows of a case can be as large as one likes: they have
// fields of any name, and requests a limit of bytes.
func (h Harness) heavy(c Case) bool {
	object, _ := h.Connector.Object(c.Object)
	return object.Actions[c.Action].Limits.BodyBytes > 0 && !c.Action.Removes() && c.Prepare == nil && object.Fields.Open
}

// sendCut cuts a batch's rows as the planner does, sends each part with one
// changing request, and gives the rows of each.
func (w *world) sendCut(c Case, b connectors.Batch, p *problems) []int {
	cutter, err := w.dest.Cutter(b)
	require.NoError(w.t, err)
	parts, bad := cutter.Cut(b.Rows)
	if len(bad) > 0 {
		p.add("the cutter refuses %d rows", len(bad))
	}
	before := len(w.changing(c))
	sizes := make([]int, len(parts))
	for i, rs := range parts {
		sizes[i] = len(rs)
		part := b
		part.Key, part.Rows = b.Key+"-"+string(rune('a'+i)), rs
		o := w.dest.Send(background(), part)
		for j, r := range o.Results {
			if r.Status != connectors.Accepted {
				p.add("row %d of part %d is %s: %s %s", j, i, r.Status, r.Code, r.Words)
				break
			}
		}
	}
	if n := len(w.changing(c)) - before; n != len(parts) {
		p.add("%d batches took %d changing requests", len(parts), n)
	}
	return sizes
}

// nullsTypesText: values arrive as the vendor keeps them, or their row is refused.
var nullsTypesText = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	object, _ := h.Connector.Object(c.Object)
	if c.Action.Removes() || !object.Fields.Open || c.Action == connectors.AddToList && c.Prepare != nil {
		return
	}
	values := map[string]connectors.Value{
		"text": connectors.Text("plain"), "empty": connectors.Text(""), "no": connectors.Bool(false), "zero": connectors.Int(0),
		"date": connectors.Text("2026-11-24"), "instant": connectors.Text("2026-11-24T08:00:00.000Z"),
		"int64": connectors.Value("9223372036854775807"), "uint64": connectors.Value("18446744073709551615"),
		"decimal": connectors.Value("0.10"), "float": connectors.Value("1e-7"), "list": connectors.Value(`["a","b"]`),
		"emoji": connectors.Text("😀 👩‍👩‍👧"), "rtl": connectors.Text("שלום مرحبا"), "combining": connectors.Text("e\u0301"),
		"quotes": connectors.Text(`"'\` + "\n\t\u2028"), "script": connectors.Text("</script><b>&amp;"),
		"long": connectors.Text(strings.Repeat("x", 32<<10)), "null": connectors.Null(),
	}
	w := newWorld(t, h)
	rs := rows(1, nil)
	rs[0].Fields = values
	b := w.batch(c, "plan:1", rs)
	b.Rows[0].Fields = values
	o := w.dest.Send(background(), b)
	if o.Results[0].Status != connectors.Accepted {
		p.add("the row is %s: %s %s", o.Results[0].Status, o.Results[0].Field, o.Results[0].Words)
		return
	}
	for name, v := range values {
		got, ok := w.model.Field(b, b.Rows[0], name)
		want := h.Stored(v)
		if got != want || (!ok && want != "") {
			p.add("%s arrived as %.80q, not as %.80q", name, got, want)
		}
	}
})

// removalUsesSent: with the profile gone, what was acknowledged is enough.
var removalUsesSent = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	if !c.Action.Removes() {
		return
	}
	for _, keepRef := range []bool{true, false} {
		w := newWorld(t, h)
		b := w.batch(c, "plan:1", w.few(c, 3))
		for i := range b.Rows {
			r := &b.Rows[i]
			if r.Sent == nil {
				r.Sent = &connectors.Payload{IDs: r.IDs}
			}
			r.IDs = map[string]string{"email": "changed" + r.Key + "@example.com"}
			if i == 0 {
				r.IDs = nil
			}
			if !keepRef {
				r.Ref = ""
			}
		}
		o := w.dest.Send(background(), b)
		for i, r := range o.Results {
			if r.Status != connectors.Accepted || !w.model.Holds(b, b.Rows[i]) {
				p.add("ref kept %v: row %d is %s, removed: %v", keepRef, i, r.Status, w.model.Holds(b, b.Rows[i]))
			}
		}
	}
})

// duplicatesInBatch: two rows with one identifier never share a request, unless
// they are appended: many events may be about one person.
var duplicatesInBatch = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	w := newWorld(t, h)
	rs := rows(2, nil)
	rs[1].IDs = rs[0].IDs
	w.identify(c, rs)
	b := connectors.Batch{Action: c.Action, Object: c.Object, Target: c.Target, Erase: c.Erase, Key: "plan:1", Rows: rs}
	cutter, err := w.dest.Cutter(b)
	require.NoError(t, err)
	if c.Action == connectors.Append {
		if parts, _ := cutter.Cut(w.batch(c, "plan:1", rs).Rows); len(parts) != 1 {
			p.add("the cutter makes %d batches of two events of one person", len(parts))
		}
		return
	}
	if parts, _ := cutter.Cut(rs); len(parts) != 2 {
		p.add("the cutter makes %d batches", len(parts))
	}
	o := w.dest.Send(background(), b)
	var refused *connectors.BatchError
	if o.Err == nil || !errors.As(o.Err, &refused) || w.count() > 0 {
		p.add("they were sent: %v", o.Err)
	}
})

// dropFirst removes the first of an answer's results.
func (h Harness) dropFirst(body []byte) []byte {
	return h.changeResults(body, func(rs []any) []any { return rs[1:] })
}

// foreign replaces the first of an answer's results by one that wasn't asked for.
func (h Harness) foreign(body []byte) []byte {
	return h.changeResults(body, func(rs []any) []any {
		return append([]any{map[string]any{"id": "999", "key": "nobody", "email_address": "nobody@example.com", "properties": map[string]any{"email": "nobody@example.com"}}}, rs[1:]...)
	})
}

// recount changes how many rows an answer says were taken.
func (h Harness) recount(by float64) func([]byte) []byte {
	return func(body []byte) []byte {
		var m map[string]any
		if json.Unmarshal(body, &m) != nil {
			return body
		}
		if n, ok := m[h.Counted].(float64); ok {
			m[h.Counted] = n + by
		}
		out, err := json.Marshal(m)
		if err != nil {
			return body
		}
		return out
	}
}

func (h Harness) changeResults(body []byte, change func([]any) []any) []byte {
	var m map[string]any
	if json.Unmarshal(body, &m) != nil {
		return body
	}
	names := h.Results
	if names == nil {
		names = []string{"results"}
	}
	var changed any = m
	for _, name := range names {
		if rs, ok := m[name].([]any); ok && len(rs) > 0 {
			m[name] = change(rs)
			break
		}
		if name == "" {
			changed = map[string]any{}
			if left := change([]any{m}); len(left) > 0 {
				changed = left[0]
			}
		}
	}
	out, err := json.Marshal(changed)
	if err != nil {
		return body
	}
	return out
}
