package warehouse

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// embeddedTransport executes ClickHouse HTTP requests in the engine instead of
// sending them: the driver above it sees a server.
type embeddedTransport struct {
	engine *engine
}

var _ http.RoundTripper = (*embeddedTransport)(nil)

// maxStatementBytes caps a statement's text, as a server's max_query_size and
// buffers would.
const maxStatementBytes = 64 << 20

// call is one request, taken apart.
type call struct {
	ctx    context.Context
	sql    string
	insert io.Reader // the body of an INSERT whose statement came in the URL
	// insertFormat is the format of insert; Native if empty, as the driver sends it.
	insertFormat string
	format       string
	queryID      string
	database     string
	params       map[string]string
	settings     map[string]string
	revision     uint64
}

// RoundTrip implements http.RoundTripper. Errors of the engine are answers with
// status 500, as from a server; a context that ended and a request body that
// broke off are errors of the transport.
func (t *embeddedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	c, err := parseCall(req)
	if err != nil {
		return nil, err
	}
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	if c.sql == handshakeQuery {
		return t.handshake(req, c)
	}
	res, err := t.run(req, c)
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		if ctxErr := c.ctx.Err(); ctxErr != nil && exception.Code == codeQueryWasCancelled {
			return nil, ctxErr
		}
		return exceptionResponse(req, exception), nil
	}
	return res, err
}

const codeQueryWasCancelled = 394

// notSettings are URL parameters of ClickHouse's HTTP interface that are no
// settings.
var notSettings = map[string]bool{
	"query": true, "database": true, "default_format": true, "query_id": true,
	"client_protocol_version": true, "quota_key": true, "user": true, "password": true,
	"wait_end_of_query": true, "buffer_size": true, "compress": true, "decompress": true,
	// Of the server's HTTP handler; the engine is killed by context anyway.
	"cancel_http_readonly_queries_on_client_close": true,
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

func parseCall(req *http.Request) (*call, error) {
	query := req.URL.Query()
	if strings.HasPrefix(req.Header.Get("Content-Type"), "multipart/") {
		return nil, errors.New("external tables are not supported by the embedded warehouse")
	}
	if query.Get("compress") == "1" || query.Get("decompress") == "1" || req.Header.Get("Content-Encoding") != "" {
		return nil, errors.New("compression is not supported by the embedded warehouse: nothing crosses a network")
	}
	c := &call{
		ctx:      req.Context(),
		sql:      query.Get("query"),
		format:   query.Get("default_format"),
		queryID:  query.Get("query_id"),
		database: query.Get("database"),
		params:   map[string]string{},
		settings: maps.Clone(baseSettings),
	}
	if c.format == "" {
		c.format = "TabSeparated"
	}
	if version := query.Get("client_protocol_version"); version != "" {
		revision, err := strconv.ParseUint(version, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("reading client_protocol_version: %w", err)
		}
		c.revision = revision
	}
	for name, values := range query {
		switch param, isParam := strings.CutPrefix(name, "param_"); {
		case isParam:
			c.params[param] = values[len(values)-1]
		case notSettings[name]:
		case settingName.MatchString(name):
			c.settings[name] = values[len(values)-1]
		default:
			return nil, fmt.Errorf("%q is no name of a setting", name)
		}
	}
	return c, c.readBody(req, query)
}

// readBody finds the statement: in the body, or in the URL with rows in the
// body.
func (c *call) readBody(req *http.Request, query url.Values) error {
	if req.Body == nil {
		return nil
	}
	if query.Has("query") {
		c.insert = req.Body
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(req.Body, maxStatementBytes+1))
	if err != nil {
		return fmt.Errorf("reading the statement: %w", err)
	}
	if len(text) > maxStatementBytes {
		return fmt.Errorf("the statement is longer than %d bytes", maxStatementBytes)
	}
	c.sql = string(text)
	return nil
}

// run executes the call on a connection of its own.
func (t *embeddedTransport) run(req *http.Request, c *call) (*http.Response, error) {
	if count := countStatements(c.sql); count > 1 {
		return nil, engineError("Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)")
	}
	conn, err := t.engine.acquire(c.database, c.settings)
	if err != nil {
		return nil, err
	}
	statement, err := t.engine.begin(c.ctx, conn, c.queryID)
	if err != nil {
		t.engine.giveBack(conn)
		return nil, err
	}
	finish := func() {
		statement.end()
		t.engine.giveBack(conn)
	}
	if err := conn.prepare(c.database, c.settings); err != nil {
		finish()
		return nil, err
	}
	if c.insert != nil {
		defer finish()
		written, err := conn.insert(c.ctx, stripFormat(c.sql), cmp.Or(c.insertFormat, "Native"), c.params, c.insert)
		if err != nil {
			return nil, err
		}
		return emptyResponse(req, written), nil
	}
	count, class := conn.classify(c.sql)
	if count > 1 {
		finish()
		return nil, engineError("Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)")
	}
	if class >= classControl || temporary.MatchString(c.sql) {
		// SET, USE and kin change the session; so may what isn't known.
		conn.tainted = true
	}
	stream, err := conn.run(c.ctx, c.sql, c.format, class, c.params)
	if err != nil {
		finish()
		return nil, err
	}
	if stream.err == io.EOF && len(stream.rest) == 0 {
		written := stream.written
		stream.close()
		finish()
		return emptyResponse(req, written), nil
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{},
		Body:          &resultBody{stream: stream, finish: finish},
		ContentLength: -1,
		Request:       req,
	}, nil
}

// temporary finds statements that leave a table in the session (or only talk of
// one, which costs a connection).
var temporary = regexp.MustCompile(`(?i)\bTEMPORARY\b`)

var formatClause = regexp.MustCompile(`(?i)\s+FORMAT\s+Native\s*;?\s*$`)

// stripFormat removes the FORMAT clause that the driver appends: libchdb takes
// the format apart from the statement.
func stripFormat(sql string) string { return formatClause.ReplaceAllString(sql, "") }

// resultBody is a response's body: closing it ends the statement and gives the
// connection back.
type resultBody struct {
	stream *resultStream
	finish func()
}

func (b *resultBody) Read(p []byte) (int, error) {
	if b.finish == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.stream.Read(p)
	if err != nil {
		err = describe(err)
	}
	return n, err
}

func (b *resultBody) Close() error {
	if b.finish != nil {
		b.stream.close()
		b.finish()
		b.finish = nil
	}
	return nil
}

// describe keeps io.EOF bare, as readers compare it.
func describe(err error) error {
	if err == io.EOF {
		return err
	}
	return fmt.Errorf("reading the result: %w", err)
}

func emptyResponse(req *http.Request, written uint64) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:  http.Header{summaryHeader: {`{"written_rows":"` + strconv.FormatUint(written, 10) + `"}`}},
		Body:    http.NoBody,
		Request: req,
	}
}

// summaryHeader is where a server says, among other things, how many rows a
// statement wrote.
const summaryHeader = "X-Clickhouse-Summary"

func exceptionResponse(req *http.Request, exception *clickhouse.Exception) *http.Response {
	text := fmt.Sprintf("Code: %d. DB::Exception: %s", exception.Code, exception.Message)
	return &http.Response{
		StatusCode: http.StatusInternalServerError, Status: "500 Internal Server Error",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"X-Clickhouse-Exception-Code": {strconv.Itoa(int(exception.Code))}},
		Body:          io.NopCloser(bytes.NewReader([]byte(text))),
		ContentLength: int64(len(text)),
		Request:       req,
	}
}
