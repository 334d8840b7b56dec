package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tailrace/tailrace/connectors"
)

// maxRequest is what a stand-in reads of one request.
const maxRequest = 32 << 20

// frame is what all stand-ins share: the header, the pages under /_standin,
// faults, latency, receipts.
type frame struct {
	name, version, title string
	o                    Options
	faults               *Faults
	tempers              *tempers
	vendor               vendor
	state                func() any
	counts               *counts
}

// vendor is one stand-in's own part.
type vendor interface {
	// handle answers one request of the vendor's API; the body is read.
	handle(w http.ResponseWriter, r *http.Request, body []byte)
	// refuse answers as the vendor does when it is over its limits.
	refuse(w http.ResponseWriter, kind FaultKind)
}

// counts of what came in.
type counts struct {
	mu sync.Mutex
	m  map[string]int
}

func (c *counts) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m[what] += n
}

func (c *counts) all() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]int, len(c.m))
	for k, v := range c.m {
		out[k] = v
	}
	return out
}

func newFrame(name, version, title string, o Options) *frame {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Slow == 0 {
		o.Slow = 300 * time.Millisecond
	}
	return &frame{
		name: name, version: version, title: title, o: o,
		faults: &Faults{now: o.Now}, tempers: newTempers(o), counts: &counts{m: map[string]int{}},
	}
}

// Faults are the stand-in's faults on demand.
func (f *frame) Faults() *Faults { return f.faults }

// ServeHTTP implements http.Handler.
func (f *frame) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(connectors.StandinHeader, f.name+"/"+f.version)
	switch {
	case r.URL.Path == "/_standin/state":
		writeJSON(w, http.StatusOK, f.state())
		return
	case strings.HasPrefix(r.URL.Path, "/_standin/faults"):
		f.faults.serve(w, r)
		return
	case r.Method == http.MethodGet && (r.URL.Path == "/" || r.URL.Path == ""):
		f.page(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "this stand-in reads at most 32 MB", http.StatusRequestEntityTooLarge)
		return
	}
	f.counts.add("requests", 1)
	if f.o.Latency > 0 {
		wait(r, f.o.Latency)
	}
	f.faults.around(w, r, body, f.vendor)
}

// wait pauses for d or until the caller gives up.
func wait(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

func (f *frame) page(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	counts, err := json.MarshalIndent(f.counts.all(), "", "  ")
	if err != nil {
		http.Error(w, "encoding the counts", http.StatusInternalServerError)
		return
	}
	// A failed write means that nobody reads.
	_, _ = fmt.Fprintf(w, `<!doctype html><title>Stand-in for %[1]s</title>
<h1>This is a stand-in for %[1]s</h1>
<p>Not %[1]s: a model in memory that Tailrace's demo and tests send to. Nothing here reaches %[1]s.</p>
<p><a href="_standin/state">What it holds</a> · <a href="_standin/faults">Faults</a></p><pre>%[2]s</pre>`,
		html.EscapeString(f.title), html.EscapeString(string(counts)))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		http.Error(w, "encoding the answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a failed write means that nobody reads
}

// receipt writes a receipt; a stand-in that can't keep its proof doesn't answer.
func (f *frame) receipt(x Receipt) {
	x.At, x.Standin = f.o.Now().UTC(), f.name
	if err := f.o.Receipts.write(x); err != nil {
		panic(fmt.Sprintf("stand-in %s: %v", f.name, err))
	}
}
