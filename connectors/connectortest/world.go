package connectortest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

// problems collects what is wrong.
type problems struct {
	at   string
	list []string
}

func (p *problems) add(format string, args ...any) {
	p.list = append(p.list, p.at+": "+fmt.Sprintf(format, args...))
}

// world is a stand-in behind a listener, and a destination that sends to it.
type world struct {
	t         testing.TB
	h         Harness
	model     Model
	server    *httptest.Server
	dest      *connectors.Destination
	transport *connectors.Transport
	limiter   connectors.Limiter
	receipts  *sandbox.Receipts
	prepared  int // receipts of preparing
	clock     *clock
	rewrite   func([]byte) []byte // changes answers on their way

	mu       sync.Mutex
	requests []sent
}

// sent is one request as the stand-in got it.
type sent struct {
	method, path, query string
	header              http.Header
	body                []byte
}

// clock stands still when it is set, else it is the system's.
type clock struct {
	mu    sync.Mutex
	fixed time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fixed.IsZero() {
		return time.Now()
	}
	return c.fixed
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fixed = c.fixed.Add(d)
}

func newWorld(t testing.TB, h Harness) *world {
	t.Helper()
	w := &world{t: t, h: h, clock: &clock{}, receipts: sandbox.KeepReceipts()}
	w.model = h.Standin(sandbox.Options{Rate: -1, Now: w.clock.now, Receipts: w.receipts})
	w.server = httptest.NewServer(w)
	var err error
	w.transport, err = connectors.NewTransport(connectors.TransportOptions{Allow: []string{"127.0.0.0/8"}})
	require.NoError(t, err)
	w.limiter = connectors.NewLocalLimiter(w.clock.now)
	w.dest = w.open(w.server.URL)
	t.Cleanup(func() {
		w.transport.Close()
		w.server.CloseClientConnections()
		w.server.Close()
	})
	return w
}

// open makes a destination that sends to an address.
func (w *world) open(address string) *connectors.Destination {
	w.t.Helper()
	raw := maps.Clone(w.h.Settings)
	raw["base_url"] = address
	cfg, problems := connectors.DecodeConfig(w.h.Connector, raw)
	require.Empty(w.t, problems)
	d, err := connectors.Open(connectors.Options{
		Name: "kit", Connector: w.h.Connector, Config: cfg, HTTP: w.transport, Limiter: w.limiter, Now: w.clock.now,
		RequestsPerSecond: 1e6, Concurrency: 64, MaxWait: 20 * time.Millisecond,
	})
	require.NoError(w.t, err)
	return d
}

// ServeHTTP records each request, checks it against the vendor's description,
// and passes it to the stand-in.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.mu.Lock()
	w.requests = append(w.requests, sent{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), body})
	w.mu.Unlock()
	checkSpec(w.t, w.h, r, body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if w.rewrite == nil {
		w.model.ServeHTTP(rw, r)
		return
	}
	rec := httptest.NewRecorder()
	w.model.ServeHTTP(rec, r)
	maps.Copy(rw.Header(), rec.Header())
	rw.WriteHeader(rec.Code)
	_, _ = rw.Write(w.rewrite(rec.Body.Bytes())) // a failed write shows as a failed request
}

// changing are the requests whose path contains what the case names.
func (w *world) changing(c Case) []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []sent
	for _, r := range w.requests {
		if r.method != http.MethodGet && strings.Contains(r.path, c.Changes) {
			out = append(out, r)
		}
	}
	return out
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.requests)
}

func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = nil
}

// received are the stand-in's receipts.
func (w *world) received() []sandbox.Receipt { return w.receipts.Kept() }

// effects counts how often the stand-in applied something for a key since the
// case was prepared.
func (w *world) effects(key string) int {
	n := 0
	for _, x := range w.received()[w.prepared:] {
		for _, row := range x.Rows {
			if row.Key == key {
				n++
			}
		}
	}
	return n
}

// rows makes n rows; addresses begin with the word that makes a stand-in behave.
func rows(n int, special map[int]string) []connectors.Row {
	out := make([]connectors.Row, n)
	for i := range out {
		local := fmt.Sprintf("person%d", i)
		if s := special[i]; s != "" {
			local = fmt.Sprintf("%s+%d", s, i)
		}
		out[i] = connectors.Row{
			Key: fmt.Sprintf("key-%d", i), IDs: map[string]string{"email": local + "@example.com"},
			Fields: map[string]connectors.Value{"plan": connectors.Text(fmt.Sprintf("plan %d", i))},
		}
	}
	return out
}

// identify gives rows the identifiers that the vendor takes, and no fields where
// the object has none.
func (w *world) identify(c Case, rs []connectors.Row) {
	object, _ := w.h.Connector.Object(c.Object)
	for i := range rs {
		if email, plain := rs[i].IDs["email"]; plain && w.h.Identify != nil && strings.Contains(email, "@") {
			rs[i].IDs = w.h.Identify(email)
		}
		if !object.Fields.Open && len(object.Fields.Names) == 0 {
			rs[i].Fields = nil
		}
	}
}

// few makes n healthy rows, or as many as one request takes.
func (w *world) few(c Case, n int) []connectors.Row {
	return rows(min(n, w.limit(c)), nil)
}

// spec is what the connector says of the requests of a case.
func (w *world) spec(c Case) (connectors.Object, connectors.Spec, error) {
	o, s, err := w.dest.Spec(c.Object, c.Action)
	return o, s.When(c.Erase), err
}

// limit is how many rows one request of a case takes.
func (w *world) limit(c Case) int {
	_, spec, err := w.spec(c)
	require.NoError(w.t, err)
	return max(spec.Limits.Rows, 1)
}

// batch prepares rows of a case and makes a batch of them.
func (w *world) batch(c Case, key string, rs []connectors.Row) connectors.Batch {
	w.identify(c, rs)
	if c.Prepare != nil {
		rs = c.Prepare(w.t, w.dest, rs)
		w.forget()
		w.prepared = len(w.received())
	}
	return connectors.Batch{
		Action: c.Action, Object: c.Object, Target: c.Target, Erase: c.Erase, Key: key, Sync: "kit",
		At: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC), Rows: rs,
	}
}
