package connectors

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// MaxRecorded caps what is kept of one body, in bytes.
const MaxRecorded = 64 << 10

// Exchange is one request and its answer, for people. Secrets are redacted,
// bodies capped; personal data in bodies is what was sent and is masked by
// whoever shows it.
type Exchange struct {
	Method        string
	URL           string // values of the query hidden
	Header        http.Header
	Body          []byte
	BodyBytes     int // before the cap
	Status        int // 0: no answer
	AnswerHeader  http.Header
	Answer        []byte
	AnswerBytes   int
	Started       time.Time
	Took          time.Duration
	Error         string
	Standin       string // "hubspot/v3" if a stand-in answered
	MaybeReceived bool   // at least one byte may have left
}

// flight is what a Destination gives to the transport along a context: where
// to record, what to hide, how much to read, whose budget to charge.
type flight struct {
	redact      *redactor
	answerBytes int64
	now         func() time.Time
	pay         func(context.Context) error // before each request; nil = free
	observe     func(status int, took time.Duration)

	mu        sync.Mutex
	exchanges []*Exchange
}

type flightKey struct{}

func withFlight(ctx context.Context, f *flight) context.Context {
	return context.WithValue(ctx, flightKey{}, f)
}

func flightOf(ctx context.Context) *flight {
	if f, ok := ctx.Value(flightKey{}).(*flight); ok {
		return f
	}
	return &flight{redact: &redactor{}, answerBytes: defaultAnswerBytes, now: time.Now}
}

func (f *flight) record(x *Exchange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.exchanges = append(f.exchanges, x)
}

func (f *flight) recorded() []Exchange {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Exchange, 0, len(f.exchanges))
	for _, x := range f.exchanges {
		out = append(out, *x)
	}
	return out
}

// begin records a request before it leaves.
func (f *flight) begin(req *http.Request) (*Exchange, error) {
	x := &Exchange{
		Method: req.Method, URL: f.redact.address(req.URL), Header: f.redact.header(req.Header), Started: f.now(),
	}
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, &EncodeError{Err: err}
		}
		kept, err := io.ReadAll(io.LimitReader(body, int64(MaxRecorded+f.redact.longest)))
		if err != nil {
			return nil, &EncodeError{Err: err}
		}
		x.Body = f.kept(kept)
		x.BodyBytes = int(req.ContentLength)
	}
	f.record(x)
	return x, nil
}

// kept redacts and then caps, so that no secret survives cut in two by the cap.
func (f *flight) kept(b []byte) []byte {
	out := []byte(f.redact.text(string(b)))
	return out[:min(len(out), MaxRecorded)]
}

// answerBody reads an answer up to the cap and keeps what is recorded of it.
type answerBody struct {
	src    io.ReadCloser
	f      *flight
	x      *Exchange
	keep   bytes.Buffer
	read   int64
	closed bool
}

func (b *answerBody) Read(p []byte) (int, error) {
	if room := b.f.answerBytes - b.read; int64(len(p)) > room+1 {
		p = p[:room+1]
	}
	n, err := b.src.Read(p)
	b.read += int64(n)
	if room := MaxRecorded + b.f.redact.longest - b.keep.Len(); room > 0 {
		b.keep.Write(p[:min(n, room)])
	}
	if b.read > b.f.answerBytes {
		return n, &AnswerError{Reason: "the answer is larger than the limit"}
	}
	return n, err
}

func (b *answerBody) Close() error {
	err := b.src.Close()
	if b.closed {
		return err
	}
	b.closed = true
	b.f.mu.Lock()
	defer b.f.mu.Unlock()
	b.x.Answer = b.f.kept(b.keep.Bytes())
	b.x.AnswerBytes = int(b.read)
	b.x.Took = b.f.now().Sub(b.x.Started)
	return err
}
