package sandbox

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// around answers a request through the vendor, or through the next fault.
func (f *Faults) around(w http.ResponseWriter, r *http.Request, body []byte, v vendor) {
	x, ok := f.take(r)
	if !ok {
		v.handle(w, r, body)
		return
	}
	answer := &captured{header: http.Header{}}
	if x.Applied || x.Kind == ResetAfter || x.Kind == Twice {
		v.handle(answer, r, body)
	}
	f.hit()
	if x.Kind == Twice {
		again := &captured{header: http.Header{}}
		v.handle(again, r, body)
		again.replay(w)
		return
	}
	f.play(w, r, x, answer, v)
}

func (f *Faults) play(w http.ResponseWriter, r *http.Request, x Fault, answer *captured, v vendor) {
	seconds := max(x.Seconds, 1)
	switch x.Kind {
	case TooManySeconds:
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		w.WriteHeader(http.StatusTooManyRequests)
	case TooManyDate:
		// HTTP dates have whole seconds: round up, so that the wait is never short.
		at := f.now().Add(time.Duration(seconds)*time.Second + 999*time.Millisecond)
		w.Header().Set("Retry-After", at.UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	case TooManyVendor, ErrorInside:
		v.refuse(w, x.Kind)
	case Unauthorized:
		writeJSON(w, http.StatusUnauthorized, map[string]string{"message": "the credential expired"})
	case Forbidden:
		writeJSON(w, http.StatusForbidden, map[string]string{"message": "rights are missing", "category": "MISSING_SCOPES"})
	case ServerError:
		status := x.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
	case Unavailable:
		if x.Seconds > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(x.Seconds))
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	case ResetBefore, ResetAfter:
		panic(http.ErrAbortHandler)
	case Hang:
		<-r.Context().Done()
	case Drip:
		drip(w, r)
	case Redirect:
		w.Header().Set("Location", x.Location)
		w.WriteHeader(http.StatusTemporaryRedirect)
	default:
		spoil(w, x, answer)
	}
}

// spoil answers 200 with a body that can't be right.
func spoil(w http.ResponseWriter, x Fault, answer *captured) {
	write := func(b []byte) {
		_, _ = w.Write(b) // a failed write means that nobody reads
	}
	switch x.Kind {
	case Truncated:
		content := answer.body.Bytes()
		if len(content) < 2 {
			content = []byte(`{"results":[`)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(content)+10))
		w.WriteHeader(http.StatusOK)
		write(content[:len(content)/2])
		if fl, ok := w.(http.Flusher); ok {
			fl.Flush()
		}
		panic(http.ErrAbortHandler)
	case Garbage:
		w.Header().Set("Content-Type", "application/json")
		write([]byte{0xff, 0xfe, 0x00, 0x9c, 'r', '{', 0x01})
	case HTMLPage:
		w.Header().Set("Content-Type", "text/html")
		write([]byte("<!doctype html><title>Sign in to the network</title>"))
	case EmptyAnswer:
		w.WriteHeader(http.StatusOK)
	case Oversize:
		w.Header().Set("Content-Type", "application/json")
		write([]byte(`{"x":"`))
		left := x.Bytes
		if left == 0 {
			left = 9 << 20
		}
		chunk := bytes.Repeat([]byte("x"), min(left, 1<<20))
		for ; left > 0; left -= len(chunk) {
			write(chunk)
		}
		write([]byte(`"}`))
	case GzipBomb:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		packed := bomb
		if x.Bytes > 0 {
			packed = func() []byte { return pack(x.Bytes) }
		}
		write(packed())
	}
}

// bomb is 16 MB of zeros, packed; made once.
var bomb = sync.OnceValue(func() []byte { return pack(16 << 20) })

// pack packs so many zeros, or a few more.
func pack(size int) []byte {
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	zeros := make([]byte, min(size, 1<<20))
	for ; size > 0; size -= len(zeros) {
		_, _ = gz.Write(zeros) // into memory
	}
	_ = gz.Close()
	return packed.Bytes()
}

// drip sends a byte now and then until the caller gives up.
func drip(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(" ")); err != nil {
			return
		}
		if fl, ok := w.(http.Flusher); ok {
			fl.Flush()
		}
		wait(r, 20*time.Millisecond)
	}
}

// captured keeps an answer that is lost, or sent later.
type captured struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *captured) Header() http.Header { return c.header }

func (c *captured) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *captured) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(b)
}

func (c *captured) replay(w http.ResponseWriter) {
	for k, v := range c.header {
		w.Header()[k] = v
	}
	c.WriteHeader(http.StatusOK)
	w.WriteHeader(c.status)
	_, _ = w.Write(c.body.Bytes()) // a failed write means that nobody reads
}
