package collector

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// maxBodyBytes is the limit of a body as sent, and again after gunzip.
const maxBodyBytes = 500 * 1024

const tooLargeBody = "The body is larger than 500 KB; send fewer events at once."

// body is a request's body, in a buffer that is used again.
type body struct {
	b   []byte
	buf *bytes.Buffer
}

var (
	bodyBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	gunzippers  sync.Pool
)

func (b *body) free() { bodyBuffers.Put(b.buf) }

// readBody reads a body and gunzips it when its first bytes or its header say
// so. It never holds more than the limit. status is 0 when all went well.
func readBody(r *http.Request) (b *body, status int, detail string) {
	if r.ContentLength > maxBodyBytes {
		return nil, http.StatusRequestEntityTooLarge, tooLargeBody
	}
	buf := bodyBuffers.Get().(*bytes.Buffer)
	if status, detail = fillBuffer(buf, r.Body); status != 0 {
		bodyBuffers.Put(buf)
		return nil, status, detail
	}
	if isGzip(buf.Bytes()) {
		plain := bodyBuffers.Get().(*bytes.Buffer)
		status, detail = gunzip(plain, buf)
		bodyBuffers.Put(buf)
		if buf = plain; status != 0 {
			bodyBuffers.Put(buf)
			return nil, status, detail
		}
	} else if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") && buf.Len() > 0 && !looksLikeJSON(buf.Bytes()) {
		bodyBuffers.Put(buf)
		return nil, http.StatusBadRequest, "The body says it is gzip, and is neither gzip nor JSON."
	}
	return &body{b: bytes.TrimPrefix(buf.Bytes(), []byte("\xEF\xBB\xBF")), buf: buf}, 0, ""
}

func isGzip(b []byte) bool { return len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b }

func looksLikeJSON(b []byte) bool {
	i := skipSpace(b, 0)
	return i < len(b) && (b[i] == '{' || b[i] == '[')
}

func fillBuffer(dst *bytes.Buffer, src io.Reader) (status int, detail string) {
	dst.Reset()
	_, err := dst.ReadFrom(io.LimitReader(src, maxBodyBytes+1))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, tooLargeBody
	case err != nil:
		return http.StatusBadRequest, "The body broke off."
	case dst.Len() > maxBodyBytes:
		return http.StatusRequestEntityTooLarge, tooLargeBody
	}
	return 0, ""
}

// gunzip unpacks at most the limit: a bomb is refused after that many bytes.
func gunzip(dst, src *bytes.Buffer) (status int, detail string) {
	zr, _ := gunzippers.Get().(*gzip.Reader)
	var err error
	if zr == nil {
		zr, err = gzip.NewReader(src)
	} else {
		err = zr.Reset(src)
	}
	if err != nil {
		return http.StatusBadRequest, "The body is not sound gzip."
	}
	defer gunzippers.Put(zr)
	dst.Reset()
	if _, err := dst.ReadFrom(io.LimitReader(zr, maxBodyBytes+1)); err != nil {
		return http.StatusBadRequest, "The body is not sound gzip."
	}
	if dst.Len() > maxBodyBytes {
		return http.StatusRequestEntityTooLarge, "The body unpacks to more than 500 KB; send fewer events at once."
	}
	return 0, ""
}
