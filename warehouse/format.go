package warehouse

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// httpEndpoint is the engine's HTTP interface without the driver: for results
// in a format that the engine writes.
type httpEndpoint struct {
	client  *http.Client
	options *clickhouse.Options
	base    url.URL
}

func newHTTPEndpoint(o *clickhouse.Options, transport func(http.RoundTripper) http.RoundTripper) *httpEndpoint {
	scheme := "http"
	if o.TLS != nil {
		scheme = "https"
	}
	plain := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, DisableCompression: true, IdleConnTimeout: time.Minute}
	return &httpEndpoint{
		client:  &http.Client{Transport: transport(plain)},
		options: o,
		base:    url.URL{Scheme: scheme, Host: o.Addr[0], Path: o.HttpUrlPath},
	}
}

var formatName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// StreamFormat runs one statement and copies its result to w as the engine
// writes it in the ClickHouse format: JSONEachRow, CSVWithNames and so on. args
// are as for Exec; the lane is LaneUser unless one is given. An error in
// mid-stream is returned, after the part that was already written.
func (db *DB) StreamFormat(ctx context.Context, w io.Writer, sql, format string, args ...any) error {
	if !formatName.MatchString(format) {
		return fmt.Errorf("streaming a result: %q is no format", format)
	}
	call, err := newCall(sql, append([]any{LaneUser}, args...))
	if err != nil {
		return fmt.Errorf("streaming a result: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	finish := db.watch(ctx, call)
	defer finish()
	if db.http == nil {
		err = db.streamNative(ctx, w, call, format)
	} else {
		err = db.http.stream(ctx, w, call, format)
	}
	if err != nil {
		return fmt.Errorf("streaming a result: %w", callError(ctx, err))
	}
	return nil
}

func (h *httpEndpoint) stream(ctx context.Context, w io.Writer, call *statementCall, format string) error {
	query := url.Values{}
	for name, value := range h.options.Settings {
		query.Set(name, fmt.Sprint(value))
	}
	for name, value := range call.settings {
		query.Set(name, fmt.Sprint(value))
	}
	for name, value := range call.params {
		query.Set("param_"+name, value)
	}
	if call.queryID != "" {
		query.Set("query_id", call.queryID)
	}
	if deadline, ok := ctx.Deadline(); ok {
		if seconds := time.Until(deadline).Seconds(); seconds > 1 && !query.Has("max_execution_time") {
			query.Set("max_execution_time", strconv.Itoa(int(seconds)+5))
		}
	}
	query.Set("default_format", format)
	query.Set("database", h.options.Auth.Database)
	target := h.base
	target.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(call.sql))
	if err != nil {
		return err
	}
	if h.options.Auth.Username != "" {
		req.Header.Set("X-ClickHouse-User", h.options.Auth.Username)
		req.Header.Set("X-ClickHouse-Key", h.options.Auth.Password)
	}
	res, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
		if err != nil {
			return fmt.Errorf("reading the error: %w", err)
		}
		return engineError(string(text))
	}
	return copyResult(w, res.Body)
}
