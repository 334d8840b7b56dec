package warehouse

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

// guardTransport stands between the driver and any engine that it reaches over
// HTTP. It refuses an INSERT with an empty body (the driver sends one after an
// encoding error, and would report success), and notes how many rows the
// engine says it wrote, which the driver doesn't pass on.
type guardTransport struct{ next http.RoundTripper }

// writtenKey is where Insert finds the rows written: an *atomic.Uint64.
type writtenKey struct{}

var errEmptyInsert = errors.New("refused an INSERT with an empty body: the rows were lost before they were sent")

func (g *guardTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.URL.Query().Has("query") {
		body := bufio.NewReaderSize(req.Body, 64<<10)
		if _, err := body.Peek(1); err == io.EOF {
			req.Body.Close()
			return nil, errEmptyInsert
		}
		guarded := *req
		guarded.Body = struct {
			io.Reader
			io.Closer
		}{body, req.Body}
		req = &guarded
	}
	res, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if written, ok := req.Context().Value(writtenKey{}).(*atomic.Uint64); ok {
		if err := noteWritten(res, written); err != nil {
			res.Body.Close()
			return nil, err
		}
	}
	return res, nil
}

func noteWritten(res *http.Response, written *atomic.Uint64) error {
	header := res.Header.Get(summaryHeader)
	if res.StatusCode != http.StatusOK || header == "" {
		return nil
	}
	var summary struct {
		WrittenRows string `json:"written_rows"`
	}
	if err := json.Unmarshal([]byte(header), &summary); err != nil {
		return fmt.Errorf("reading %s: %w", summaryHeader, err)
	}
	rows, err := strconv.ParseUint(summary.WrittenRows, 10, 64)
	if err != nil {
		return fmt.Errorf("reading %s: %w", summaryHeader, err)
	}
	written.Store(rows)
	return nil
}

// CloseIdleConnections lets the driver close what net/http keeps open.
func (g *guardTransport) CloseIdleConnections() {
	if closer, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
