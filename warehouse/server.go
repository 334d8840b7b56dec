package warehouse

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
)

// Server answers ClickHouse's HTTP interface from the embedded engine, so that
// other processes, and any client that speaks it, share one warehouse: the
// statement in ?query= or in the body, rows of an INSERT in the body, settings
// and param_… in the URL, formats, exceptions, gzip and the native compression.
// It has one user, who may do everything that the engine can; there are no
// sessions, roles or external tables.
//
// Source: https://clickhouse.com/docs/interfaces/http
type Server struct {
	engine         *embeddedTransport
	user, password [sha256.Size]byte
	log            *slog.Logger
}

// ServerOptions say who may use a Server.
type ServerOptions struct {
	User     string // "default" if empty
	Password string // must not be empty
	Log      *slog.Logger
}

// NewServer serves the engine of db, which must be embedded and stay open.
func NewServer(db *DB, o ServerOptions) (*Server, error) {
	if db.engine == nil {
		return nil, errors.New("serving the warehouse: only an embedded one can be served; a server serves itself")
	}
	if o.Password == "" {
		return nil, errors.New("serving the warehouse: a password is needed")
	}
	if o.User == "" {
		o.User = "default"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{engine: &embeddedTransport{engine: db.engine}, log: o.Log,
		user: sha256.Sum256([]byte(o.User)), password: sha256.Sum256([]byte(o.Password))}, nil
}

// ServeHTTP implements http.Handler. Statements that fail are answered with
// status 500, or 400 where the request itself can't be understood.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/ping":
		_, _ = io.WriteString(w, "Ok.\n") // the client is gone if this fails
		return
	case r.URL.Path != "/":
		http.Error(w, "There is no handle "+strconv.Quote(r.URL.Path)+"; use / or /ping.", http.StatusNotFound)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		http.Error(w, "Use GET or POST.", http.StatusMethodNotAllowed)
		return
	}
	if !s.known(r) {
		writeException(w, http.StatusUnauthorized, codeAuthenticationFailed, "Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)")
		return
	}
	if r.Method != http.MethodPost && !r.URL.Query().Has("query") {
		_, _ = io.WriteString(w, "Ok.\n") // the client is gone if this fails
		return
	}
	s.answer(w, r)
}

const (
	codeBadArguments         = 36
	codeAuthenticationFailed = 516
)

// known compares the name and password that the request carries, in the order
// in which ClickHouse looks for them.
func (s *Server) known(r *http.Request) bool {
	name, password := "default", ""
	query := r.URL.Query()
	switch basicName, basicPassword, basic := r.BasicAuth(); {
	case r.Header.Get("X-ClickHouse-User") != "" || r.Header.Get("X-ClickHouse-Key") != "":
		name, password = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key")
	case basic:
		name, password = basicName, basicPassword
	default:
		password = query.Get("password")
		if query.Has("user") {
			name = query.Get("user")
		}
	}
	gotName, gotPassword := sha256.Sum256([]byte(name)), sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(gotName[:], s.user[:])&subtle.ConstantTimeCompare(gotPassword[:], s.password[:]) == 1
}

var killByQueryID = regexp.MustCompile(`^\s*KILL\s+QUERY\s+WHERE\s+query_id\s*=\s*'([^'\\]+)'\s*(?:SYNC|ASYNC)?\s*;?\s*$`)

// answer runs the request's statement and writes what it yields.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	c, err := s.call(r)
	if err != nil {
		writeException(w, http.StatusBadRequest, codeBadArguments, err.Error()+" (BAD_ARGUMENTS)")
		return
	}
	head := w.Header()
	head.Set("X-ClickHouse-Query-Id", c.queryID)
	head.Set("X-ClickHouse-Timezone", "UTC")
	head.Set("X-ClickHouse-Server-Display-Name", "tailrace")
	if kill := killByQueryID.FindStringSubmatch(c.sql); kill != nil {
		// The engine gives statements ids of its own; ours are known here.
		s.engine.engine.killQuery(c.ctx, kill[1])
		return
	}
	var res *http.Response
	if c.sql == handshakeQuery && c.format == "Native" {
		res, err = s.engine.handshake(r, c)
	} else {
		res, err = s.engine.run(r, c)
	}
	var exception *clickhouse.Exception
	switch {
	case errors.As(err, &exception):
		writeException(w, http.StatusInternalServerError, exception.Code, exception.Message)
		return
	case err != nil && c.ctx.Err() != nil:
		panic(http.ErrAbortHandler) // nobody listens any more
	case err != nil:
		writeException(w, http.StatusBadRequest, codeBadArguments, err.Error()+" (BAD_ARGUMENTS)")
		return
	}
	defer res.Body.Close()
	for name, values := range res.Header {
		head[name] = values
	}
	head.Set("X-ClickHouse-Format", c.format)
	head.Set("Content-Type", contentType(c.format))
	s.stream(w, r, res.Body, c)
}

// stream copies a result. An error after the first byte is told as ClickHouse
// does: a marked block, and a body that breaks off.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, body io.Reader, c *call) {
	tag := strings.ReplaceAll(uuid.NewString(), "-", "")[:16]
	w.Header().Set("X-ClickHouse-Exception-Tag", tag)
	out, finish := compressed(w, r)
	w.WriteHeader(http.StatusOK)
	_, err := io.Copy(out, body)
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		message := fmt.Sprintf("Code: %d. DB::Exception: %s", exception.Code, exception.Message)
		_, _ = fmt.Fprintf(out, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", tag, message, len(message)+1, tag) // breaks off anyway
	}
	if finished := finish(); err == nil {
		err = finished
	}
	if err != nil {
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		s.log.Warn("a result broke off", "query_id", c.queryID, "error", err)
		panic(http.ErrAbortHandler)
	}
}

func writeException(w http.ResponseWriter, status int, code int32, message string) {
	w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(int(code)))
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "Code: %d. DB::Exception: %s\n", code, message) // the client is gone if this fails
}

// contentType is the media type of a format, by ClickHouse's own table.
func contentType(format string) string {
	switch {
	case strings.HasPrefix(format, "JSON") || format == "NDJSON":
		if strings.Contains(format, "EachRow") || format == "NDJSON" || format == "JSONLines" {
			return "application/x-ndjson; charset=UTF-8"
		}
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(format, "CSV"):
		return "text/csv; charset=UTF-8; header=" + map[bool]string{true: "present", false: "absent"}[strings.Contains(format, "WithNames")]
	case strings.HasPrefix(format, "TabSeparated") || strings.HasPrefix(format, "TSV"):
		return "text/tab-separated-values; charset=UTF-8"
	case format == "Native" || format == "Parquet" || strings.HasPrefix(format, "RowBinary") || strings.HasPrefix(format, "Arrow"):
		return "application/octet-stream"
	}
	return "text/plain; charset=UTF-8"
}

// plainURL is the request's address without what only says how it travels.
func plainURL(query url.Values) *url.URL {
	rest := url.Values{}
	for name, values := range query {
		switch name {
		case "compress", "decompress", "enable_http_compression", "http_zlib_compression_level", "user", "password", "role", "session_timeout":
		default:
			rest[name] = values
		}
	}
	return &url.URL{Scheme: "http", Host: "embedded", RawQuery: rest.Encode()}
}
