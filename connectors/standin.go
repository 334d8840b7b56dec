package connectors

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// StandinHeader is on every answer of a stand-in: "hubspot/v3".
const StandinHeader = "Tailrace-Standin"

const standinSuffix = ".standin.invalid"

// StandinHost is the host of a connector's stand-in. The top-level domain
// invalid never resolves (RFC 2606), so nothing can leave for it by mistake.
func StandinHost(connector string) string {
	return strings.ReplaceAll(connector, "_", "-") + standinSuffix
}

// IsStandinHost reports whether a host is one of a stand-in.
func IsStandinHost(host string) bool { return strings.HasSuffix(host, standinSuffix) }

// Standins holds one stand-in per connector, made when first used and kept as
// long as the process, so that all destinations of a connector share it.
type Standins struct {
	seed     uint64
	all      []Connector
	mu       sync.Mutex
	handlers map[string]http.Handler
}

// NewStandins makes the stand-ins of the connectors available.
func NewStandins(all []Connector, seed uint64) *Standins {
	return &Standins{seed: seed, all: all, handlers: map[string]http.Handler{}}
}

// Set replaces the stand-in of a connector (tests, a demo with its own options).
func (s *Standins) Set(connector string, h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[StandinHost(connector)] = h
}

// Handler returns the stand-in of a connector, nil if it has none.
func (s *Standins) Handler(connector string) http.Handler { return s.handler(StandinHost(connector)) }

func (s *Standins) handler(host string) http.Handler {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.handlers[host]; h != nil {
		return h
	}
	for _, c := range s.all {
		if StandinHost(c.Name) == host && c.Standin != nil {
			s.handlers[host] = c.Standin(s.seed)
			return s.handlers[host]
		}
	}
	return nil
}

// serveInProcess answers a request from a handler without a connection. The
// handler runs to its end even if the caller gives up, as a vendor would.
func serveInProcess(req *http.Request, h http.Handler, wrote *atomic.Bool) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	wrote.Store(true)
	in := req.Clone(req.Context())
	in.RequestURI = req.URL.RequestURI()
	in.RemoteAddr = "192.0.2.1:1"
	in.Host = req.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := &recorder{header: http.Header{}, done: make(chan struct{})}
	go func() {
		defer close(rec.done)
		defer func() {
			// As in net/http: ErrAbortHandler resets the connection.
			if p := recover(); p != nil {
				if p != http.ErrAbortHandler {
					rec.broke = fmt.Errorf("the stand-in panicked: %v", p)
				}
				rec.aborted = true
			}
		}()
		h.ServeHTTP(rec, in)
	}()
	select {
	case <-rec.done:
		return rec.response(req)
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// recorder is a ResponseWriter in memory.
type recorder struct {
	header  http.Header
	sent    http.Header
	status  int
	body    bytes.Buffer
	aborted bool
	broke   error
	done    chan struct{}
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status, r.sent = status, r.header.Clone()
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// Flush is a no-op: the answer is given as a whole.
func (r *recorder) Flush() {}

func (r *recorder) response(req *http.Request) (*http.Response, error) {
	if r.broke != nil {
		return nil, r.broke
	}
	if r.aborted && r.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	r.WriteHeader(http.StatusOK)
	var body io.Reader = &r.body
	if r.aborted {
		body = io.MultiReader(&r.body, failingReader{})
	}
	return &http.Response{
		StatusCode: r.status, Status: http.StatusText(r.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.sent, Body: io.NopCloser(body), ContentLength: -1, Request: req,
	}, nil
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
