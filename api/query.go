package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

var queryFormats = []string{"JSONEachRow", "JSONCompactEachRowWithNamesAndTypes", "CSVWithNames", "TSVWithNames", "PrettyCompact", "Markdown", "Parquet", "Arrow", "Native"}

func (s *Server) registerQuery() {
	register(s, endpoint{id: "query", method: http.MethodPost, path: "/api/v1/query", summary: "Run read-only SQL; the answer streams in the format asked for", tag: "query", role: Operator},
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
			limits := warehouse.GateOptions{AllowedTables: s.readable(), Now: s.opts.Now().UTC(), MaxTime: time.Minute, MaxMemory: 2 << 30, MaxRows: 10_000_000}
			checked, err := s.opts.DB.Check(ctx, in.Body.SQL, limits)
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
				if err := s.opts.DB.StreamFormat(ctx, w, checked.Wrap(0), format, checked.Limits(limits)); err != nil {
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

// sqlProblem turns a fault of the caller's SQL into a problem that names the place.
func sqlProblem(err error) error {
	var gate *warehouse.GateError
	if errors.As(err, &gate) {
		p := problem(Invalid, gate.Hint, "%d:%d: %s", gate.Line, gate.Column, gate.Message)
		p.Errors = []Flaw{{Location: "body.sql", Message: gate.Message}}
		return p
	}
	return err
}

// readable is the list of tables that users' SQL may name.
func (s *Server) readable() map[string]bool {
	allowed := map[string]bool{}
	for _, name := range project.PublicTables {
		allowed[name] = true
	}
	p := s.opts.Project()
	for _, files := range [][]*project.SQLFile{p.Models, p.Traits, p.Audiences} {
		for _, f := range files {
			allowed[f.Name] = true
		}
	}
	return allowed
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
