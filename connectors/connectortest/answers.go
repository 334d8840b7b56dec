package connectortest

import (
	"testing"

	"github.com/tailrace/tailrace/connectors"
)

// partialNamed: the failing rows, and only those, are rejected with the
// vendor's code, in whatever order the answer has them.
var partialNamed = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	if !c.RowErrors {
		return
	}
	n, mixtures := 5, []map[int]string{{0: "invalid"}, {4: "invalid"}, {1: "invalid", 2: "forgotten", 3: "locked"}}
	if limit := newWorld(t, h).limit(c); limit < n {
		n, mixtures = 1, []map[int]string{{0: "invalid"}, {0: "forgotten"}, {0: "locked"}}
	}
	for _, bad := range mixtures {
		w := newWorld(t, h)
		b := w.batch(c, "plan:1", rows(n, bad))
		o := w.dest.Send(background(), b)
		for i, r := range o.Results {
			want := connectors.Accepted
			switch bad[i] {
			case "invalid", "forgotten":
				want = connectors.Rejected
			case "locked":
				// Not every vendor puts a row off: where its stand-in took the
				// row, that is what has to be said.
				if !w.model.Holds(b, b.Rows[i]) {
					want = connectors.Deferred
				}
			}
			if r.Status != want || (want == connectors.Rejected && (r.Code == "" || r.Words == "")) {
				p.add("%v: row %d is %s (%s: %s), not %s", bad, i, r.Status, r.Code, r.Words, want)
			}
		}
		w.truth(b, o.Results, p, "partial")
		// The remainder is a new request; what was put off arrives now.
		last, _ := w.deliver(background(), b)
		for i, row := range b.Rows {
			if bad[i] == "locked" && last[row.Key].Status != connectors.Accepted && last[row.Key].Code != connectors.CodeExists {
				p.add("what was put off is %s", last[row.Key].Status)
			}
		}
	}
})

// partialUnnamed: a count of refused rows without names is isolated in class
// A, stays unknown elsewhere, and is never accepted.
var partialUnnamed = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	if !c.RowErrors && !c.Unnamed {
		return
	}
	w := newWorld(t, h)
	n := min(6, w.limit(c))
	refused := min(2, n-1)
	b := w.batch(c, "plan:1", rows(n, map[int]string{refused: "unnamed"}))
	o := w.dest.Send(background(), b)
	w.truth(b, o.Results, p, "at once")
	_, spec, err := w.spec(c)
	if err != nil {
		p.add("%v", err)
	}
	if spec.Class != connectors.ClassA {
		return
	}
	last, _ := w.deliver(background(), b)
	for i, row := range b.Rows {
		want := connectors.Accepted
		if i == refused {
			want = connectors.Rejected
		}
		if last[row.Key].Status != want {
			p.add("row %d ends as %s, not %s", i, last[row.Key].Status, want)
		}
	}
})

// wrongCount: a result missing or of another row proves nothing about the row
// that has none.
var wrongCount = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	if !c.RowErrors || c.EmptyAccepts {
		return
	}
	rewrites, want := map[string]func([]byte) []byte{"missing": h.dropFirst, "foreign": h.foreign}, 1
	if h.Counted != "" {
		// Nobody knows which row a wrong number leaves out.
		rewrites, want = map[string]func([]byte) []byte{"too few": h.recount(-1), "too many": h.recount(1)}, newWorld(t, h).limit(c)
	}
	for name, rewrite := range rewrites {
		w := newWorld(t, h)
		b := w.batch(c, "plan:1", w.few(c, 4))
		w.rewrite = rewrite
		o := w.dest.Send(background(), b)
		unknown := 0
		for _, r := range o.Results {
			if r.Status == connectors.Unknown {
				unknown++
			}
		}
		if unknown != min(want, len(b.Rows)) || o.Err == nil || o.Err.Do != connectors.FindOut {
			p.add("%s: %d rows are unknown, not %d (%v)", name, unknown, min(want, len(b.Rows)), o.Err)
		}
	}
})

// repeatSameState: class A sent twice, one after the other and at once, leaves
// the state of once, and what is there already is accepted; class B takes a
// key once; class C never doubles.
var repeatSameState = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	w := newWorld(t, h)
	b := w.batch(c, "plan:1", w.few(c, 4))
	_, spec, err := w.spec(c)
	if err != nil {
		p.add("%v", err)
		return
	}
	first := w.dest.Send(background(), b)
	again := make(chan connectors.Outcome, 2)
	for range 2 {
		go func() { again <- w.dest.Send(background(), b) }()
	}
	outcomes := []connectors.Outcome{first, <-again, <-again}
	for n, o := range outcomes {
		w.truth(b, o.Results, p, "repeated")
		for i, r := range o.Results {
			if r.Status != connectors.Accepted && r.Code != connectors.CodeExists {
				p.add("send %d: row %d is %s (%s %s)", n, i, r.Status, r.Code, r.Words)
			}
		}
	}
	if spec.Class == connectors.ClassA {
		return
	}
	for _, row := range b.Rows {
		if n := w.effects(row.Key); n != 1 {
			p.add("%s was applied %d times", row.Key, n)
		}
	}
})

// targetGone: a deleted list stops the target and loses no row.
var targetGone = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	if c.DropTarget == nil {
		return
	}
	w := newWorld(t, h)
	b := w.batch(c, "plan:1", w.few(c, 3))
	c.DropTarget(w.model, c.Target)
	o := w.dest.Send(background(), b)
	if o.Err == nil || o.Err.Do != connectors.Stop || o.Err.Scope != connectors.ScopeTarget {
		p.add("it gives %v", o.Err)
	}
	for i, r := range o.Results {
		if r.Status != connectors.Deferred {
			p.add("row %d is %s", i, r.Status)
		}
	}
})

// splitFindsPoison: a request that is refused as a whole is taken apart until
// the poison stands alone; the healthy arrive, once.
var splitFindsPoison = everyCase(func(t testing.TB, h Harness, c Case, p *problems) {
	if !c.RowErrors && !c.Unnamed {
		return
	}
	n, log2 := 16, 4
	mixtures := []map[int]string{{5: "poison"}, {0: "poison", 15: "poison"}, {3: "poison", 4: "poison", 9: "poison"}}
	if newWorld(t, h).limit(c) < n {
		n, log2, mixtures = 1, 0, mixtures[:1]
		mixtures[0] = map[int]string{0: "poison"}
	}
	for _, poison := range mixtures {
		w := newWorld(t, h)
		b := w.batch(c, "plan:1", rows(n, poison))
		last, sends := w.deliver(background(), b)
		if limit := 1 + len(poison)*log2*2; sends > limit {
			p.add("%d poison rows took %d requests, at most %d are needed", len(poison), sends, limit)
		}
		for i, row := range b.Rows {
			r := last[row.Key]
			if poison[i] != "" && r.Status != connectors.Rejected {
				p.add("poison row %d is %s", i, r.Status)
			}
			if poison[i] == "" && (r.Status != connectors.Accepted || !w.model.Holds(b, row)) {
				p.add("healthy row %d is %s (%s)", i, r.Status, r.Words)
			}
			if n := w.effects(row.Key); poison[i] == "" && n > 1 {
				p.add("healthy row %d was applied %d times", i, n)
			}
		}
	}
})
