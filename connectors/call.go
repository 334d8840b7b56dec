package connectors

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Request is one HTTP request as a Writer states it.
type Request struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
	Reads  bool // it changes nothing at the vendor
}

// Reply is a 2xx answer, read to its end.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	reads  bool
}

// Call sends a request and reads the answer. A status outside 2xx is an
// *HTTPError, no answer a *TransportError, an answer that ends early or is
// larger than the limit an *AnswerError. The general table (connectors.md
// §1.4) classifies all of them; a Writer only looks at what its vendor's own
// table treats otherwise.
func Call(ctx context.Context, d Doer, r Request) (*Reply, error) {
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, body)
	if err != nil {
		// The error would repeat the address.
		return nil, &EncodeError{Err: errors.New("the address or method can't be used")}
	}
	for k, vs := range r.Header {
		req.Header[http.CanonicalHeaderKey(k)] = vs
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "Tailrace")
	}
	resp, err := d.Do(req)
	if err != nil {
		var t *TransportError
		if errors.As(err, &t) {
			t.Reads = r.Reads
			return nil, t
		}
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end or given up; nothing to report
	content, readErr := io.ReadAll(resp.Body)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		// The status is evidence enough, whatever became of the body.
		return nil, &HTTPError{Status: resp.StatusCode, Header: resp.Header, Body: content[:min(len(content), MaxRecorded)], Reads: r.Reads}
	}
	if readErr != nil {
		var a *AnswerError
		if errors.As(readErr, &a) {
			a.Reads = r.Reads
			return nil, a
		}
		return nil, &AnswerError{Reason: "the answer ended early", Reads: r.Reads, Err: readErr}
	}
	return &Reply{Status: resp.StatusCode, Header: resp.Header, Body: content, reads: r.Reads}, nil
}

// JSON decodes the answer; an *AnswerError if it isn't the JSON expected.
func (r *Reply) JSON(into any) error {
	if len(bytes.TrimSpace(r.Body)) == 0 {
		return &AnswerError{Reason: "the answer is empty", Reads: r.reads}
	}
	if LooksLikeHTML(r.Body) {
		return &AnswerError{Reason: "the answer is an HTML page", Reads: r.reads}
	}
	if err := json.Unmarshal(r.Body, into); err != nil {
		// The decoder's error may quote the answer.
		return &AnswerError{Reason: "the answer is not the JSON expected", Reads: r.reads}
	}
	return nil
}

// LooksLikeHTML reports whether a body is a page, as a captive portal or a
// proxy sends in the vendor's place.
func LooksLikeHTML(body []byte) bool {
	b := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	return len(b) > 0 && b[0] == '<'
}

// EncodeJSON encodes a request's body: keys in order, no HTML escaping, so
// that the same batch gives the same bytes.
func EncodeJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, &EncodeError{Err: err}
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}
