package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	sq "github.com/Masterminds/squirrel"
	"github.com/danielgtaylor/huma/v2"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

var queryFormats = []string{"JSONEachRow", "JSONCompactEachRowWithNamesAndTypes", "CSVWithNames", "TSVWithNames", "PrettyCompact", "Markdown", "Parquet", "Arrow", "Native"}

func (s *Server) registerQuery() {
	register(s, endpoint{id: "query", method: http.MethodPost, path: "/api/v1/query", summary: "Run read-only SQL; viewers read personal columns masked", tag: "query", role: Viewer, streams: "application/x-ndjson"},
		func(ctx context.Context, in *struct {
			Body struct {
				SQL    string `json:"sql" minLength:"1" maxLength:"100000" example:"SELECT event, count() FROM events GROUP BY event"`
				Format string `json:"format,omitempty" default:"JSONEachRow" example:"JSONEachRow"`
			}
		}) (*huma.StreamResponse, error) {
			format := in.Body.Format
			if format == "" {
				format = "JSONEachRow"
			}
			if !slices.Contains(queryFormats, format) {
				return nil, problem(Invalid, "Use one of JSONEachRow, CSVWithNames, TSVWithNames, PrettyCompact, Markdown, Parquet, Arrow, Native.", "format %q isn't offered", format)
			}
			allowed, err := s.readable(ctx)
			if err != nil {
				return nil, err
			}
			limits := warehouse.GateOptions{AllowedTables: allowed, Now: s.opts.Now().UTC(), MaxTime: time.Minute, MaxMemory: 2 << 30, MaxRows: 10_000_000}
			check := s.opts.DB.Check
			if masked(ctx) {
				check = s.maskedQuery
			}
			checked, err := check(ctx, in.Body.SQL, limits)
			if err != nil {
				return nil, sqlProblem(err)
			}
			if err := s.audit(ctx, "query", "warehouse", in.Body.SQL); err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(out huma.Context) {
				w := &countingWriter{w: out.BodyWriter()}
				out.SetHeader("Content-Type", formatType(format))
				out.SetHeader("X-Content-Type-Options", "nosniff")
				if err := s.opts.DB.StreamFormat(ctx, w, checked.Wrap(0), format, limits.Limits()); err != nil {
					s.streamFailed(out, w, err)
				}
			}}, nil
		})
}

// streamFailed reports an error of a stream: as a problem document when nothing was sent, else by breaking the
// connection off, so that a short answer can't pass for a whole one.
func (s *Server) streamFailed(out huma.Context, w *countingWriter, err error) {
	if w.n > 0 {
		s.log.Warn("a query broke off in mid-stream", "error", err)
		panic(http.ErrAbortHandler)
	}
	p := sqlProblem(err)
	var known *Problem
	if !errors.As(p, &known) {
		known = problem(Internal, "The server's log has more.", "%s", err)
	}
	s.refuse(out, known)
}

// sqlProblem turns a fault of the caller's SQL into a problem that names the place. Whatever the engine says about a
// statement that passed the gate (a division by zero, a limit that was reached) is the statement's fault too.
func sqlProblem(err error) error {
	var gate *warehouse.GateError
	if errors.As(err, &gate) {
		return sqlFlaw(gate)
	}
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		next := "Mend the statement."
		switch exception.Code {
		case 158, 159, 241, 307, 396:
			next = "It reached a limit (a minute, 2 GiB of memory, 10 million rows): ask for less, or LIMIT it."
		}
		return problem(Invalid, next, "the warehouse says: %s (code %d)", exception.Message, exception.Code)
	}
	return err
}

func sqlFlaw(gate *warehouse.GateError) *Problem {
	next := gate.Hint
	if next == "" {
		next = "Mend the statement; GET /api/v1/project lists what it may read."
	}
	p := problem(Invalid, next, "%d:%d: %s", gate.Line, gate.Column, gate.Message)
	p.Errors = []Flaw{{Location: "body.sql", Message: gate.Message}}
	return p
}

// readable is the list of tables that users' SQL may name: public tables, the project's own files, and the databases
// under warehouse.read.
func (s *Server) readable(ctx context.Context) (map[string]bool, error) {
	allowed := map[string]bool{}
	for _, name := range project.PublicTables {
		allowed[name] = true
	}
	p := s.opts.Project()
	for _, f := range p.SQLFiles() {
		allowed[f.Name] = true
	}
	foreign := slices.DeleteFunc(slices.Clone(p.Config.Warehouse.Read), func(name string) bool {
		return name == s.opts.DB.Database() || name == s.opts.DB.ProjectDatabase()
	})
	if len(foreign) == 0 {
		return allowed, nil
	}
	text, args, err := sq.Select("concat(database, '.', name)").From("system.tables").Where(sq.Eq{"database": foreign}).ToSql()
	if err != nil {
		return nil, fmt.Errorf("building a list: %w", err)
	}
	var names []string
	if err := s.opts.DB.Select(ctx, &names, text, args...); err != nil {
		return nil, fmt.Errorf("listing the tables of warehouse.read: %w", err)
	}
	for _, name := range names {
		allowed[name] = true
	}
	return allowed, nil
}

func formatType(format string) string {
	switch format {
	case "JSONEachRow", "JSONCompactEachRowWithNamesAndTypes":
		return "application/x-ndjson"
	case "CSVWithNames":
		return "text/csv; charset=utf-8"
	case "TSVWithNames", "PrettyCompact", "Markdown":
		return "text/plain; charset=utf-8"
	default:
		return "application/octet-stream"
	}
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
