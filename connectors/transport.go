package connectors

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	defaultAnswerBytes = 8 << 20
	// maxRatio is how much more than it sent an answer may unpack to.
	maxRatio = 200
)

// TransportOptions of the one way out.
type TransportOptions struct {
	Allow    []string // outbound.allow
	Standins *Standins
	RootCAs  *x509.CertPool // nil: the system's
	Resolver *net.Resolver  // nil: the system's
}

// Transport is the one way out of the process for connectors. It checks the
// resolved address when connecting, takes no proxy from the environment,
// follows no redirect, and records what passes through it.
type Transport struct {
	http     *http.Transport
	standins *Standins
}

var _ Doer = (*Transport)(nil)

// NewTransport makes the transport; an error if an entry of Allow is none.
func NewTransport(o TransportOptions) (*Transport, error) {
	g, err := newGuard(o.Allow)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, fmt.Errorf("connecting: %w", err)
		}
		d := net.Dialer{
			Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Resolver: o.Resolver,
			Control: func(_, address string, _ syscall.RawConn) error { return g.check(host, address) },
		}
		return d.DialContext(ctx, network, addr)
	}
	return &Transport{
		standins: o.Standins,
		http: &http.Transport{
			Proxy:       nil,
			DialContext: dial,
			TLSClientConfig: &tls.Config{
				MinVersion: tls.VersionTLS12,
				RootCAs:    o.RootCAs,
			},
			TLSHandshakeTimeout:    10 * time.Second,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        60 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			// Unpacked here, where size and ratio are capped.
			DisableCompression: true,
		},
	}, nil
}

// Close drops idle connections.
func (t *Transport) Close() { t.http.CloseIdleConnections() }

// Do sends one request. Errors are *TransportError, *GuardError wrapped in it,
// or *EncodeError; none contains the address's query or a secret.
func (t *Transport) Do(req *http.Request) (*http.Response, error) {
	f := flightOf(req.Context())
	if f.pay != nil {
		if err := f.pay(req.Context()); err != nil {
			return nil, err
		}
	}
	x, err := f.begin(req)
	if err != nil {
		return nil, err
	}
	var wrote atomic.Bool
	resp, err := t.send(req, &wrote)
	f.mu.Lock()
	defer f.mu.Unlock()
	x.MaybeReceived = wrote.Load() || err == nil
	if f.observe != nil {
		status := 0
		if err == nil {
			status = resp.StatusCode
		}
		f.observe(status, f.now().Sub(x.Started))
	}
	if err != nil {
		err = &TransportError{Wrote: wrote.Load(), Err: errors.New(f.redact.words(err.Error(), nil)), cause: err}
		x.Error, x.Took = err.Error(), f.now().Sub(x.Started)
		return nil, err
	}
	x.Status, x.AnswerHeader = resp.StatusCode, f.redact.header(resp.Header)
	x.Standin = resp.Header.Get(StandinHeader)
	x.Took = f.now().Sub(x.Started)
	resp.Body = &answerBody{src: resp.Body, f: f, x: x}
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		resp.Body = &unpacked{packed: resp.Body.(*answerBody), limit: f.answerBytes}
	}
	return resp, nil
}

func (t *Transport) send(req *http.Request, wrote *atomic.Bool) (*http.Response, error) {
	if req.URL.Scheme != "https" && req.URL.Scheme != "http" {
		return nil, &GuardError{Host: req.URL.Hostname(), Reason: "only http and https are open"}
	}
	if IsStandinHost(req.URL.Hostname()) {
		h := t.standins.handler(req.URL.Hostname())
		if h == nil {
			return nil, &GuardError{Host: req.URL.Hostname(), Reason: "no such stand-in runs in this process"}
		}
		return serveInProcess(req, h, wrote)
	}
	// The header callback comes before the connection's buffer is flushed, so
	// "not written" is certain; "written" may be too careful.
	trace := &httptrace.ClientTrace{
		WroteHeaderField: func(string, []string) { wrote.Store(true) },
		WroteHeaders:     func() { wrote.Store(true) },
	}
	return t.http.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
}

// unpacked is a gzip answer with a cap on size and ratio.
type unpacked struct {
	packed *answerBody
	gz     *gzip.Reader
	limit  int64
	out    int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.gz == nil {
		gz, err := gzip.NewReader(u.packed)
		if err != nil {
			return 0, &AnswerError{Reason: "the answer says gzip and isn't", Err: err}
		}
		u.gz = gz
	}
	n, err := u.gz.Read(p)
	u.out += int64(n)
	if u.out > u.limit || (u.out > 1<<20 && u.out > maxRatio*max(u.packed.read, 1)) {
		return 0, &AnswerError{Reason: "the answer unpacks to more than the limit"}
	}
	if err != nil && err != io.EOF {
		err = &AnswerError{Reason: "the packed answer is damaged", Err: err}
	}
	return n, err
}

func (u *unpacked) Close() error { return u.packed.Close() }
