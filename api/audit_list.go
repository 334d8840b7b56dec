package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/tailrace/tailrace/syncs/audit"
	"github.com/tailrace/tailrace/syncs/erasure"
)

func (s *Server) registerAudit() {
	register(s, endpoint{id: "list-audit", method: http.MethodGet, path: "/api/v1/audit", summary: "What persons and tokens did, newest first", tag: "audit", role: Admin},
		func(ctx context.Context, in *struct {
			Paging
			Actor  string `query:"actor"`
			Action string `query:"action"`
			Object string `query:"object"`
			Of     string `query:"of" doc:"What was done to one person: kind:value, such as email:ada@example.com" example:"user_id:42"`
		}) (*body[page[AuditEntry]], error) {
			q := sq.Select("toString(a.id) AS id", "at", "actor", "toString(a.role) AS role", "toString(a.action) AS action", "object", "detail", "remote_ip").
				From(s.opts.DB.Database()+".audit_log AS a").OrderBy("a.at DESC", "a.id DESC")
			for _, f := range []struct{ column, value string }{{"a.actor", in.Actor}, {"a.action", in.Action}, {"a.object", in.Object}} {
				if f.value != "" {
					q = q.Where(sq.Eq{f.column: f.value})
				}
			}
			if in.Of != "" {
				theirs, err := s.auditOf(ctx, in.Of)
				if err != nil {
					return nil, err
				}
				q = q.Where(theirs)
			}
			return list(ctx, s, q, in.Paging, "(a.at, a.id) < (parseDateTime64BestEffort(?, 3, 'UTC'), toUUID(?))", func(e AuditEntry) []string {
				return []string{e.At.UTC().Format(time.RFC3339Nano), e.ID}
			})
		})
	register(s, endpoint{id: "verify-audit", method: http.MethodGet, path: "/api/v1/audit/verify", summary: "Whether the audit log is as it was written: finds rows that were changed, deleted or inserted", tag: "audit", role: Admin},
		func(ctx context.Context, _ *struct{}) (*body[audit.Report], error) {
			found, err := s.auditLog.Verify(ctx)
			return &body[audit.Report]{found}, err
		})
}

// auditOf finds entries about one person: by the marks of all that the person is known by, and by name where an entry says it.
func (s *Server) auditOf(ctx context.Context, of string) (sq.Or, error) {
	kind, value, _ := strings.Cut(of, ":")
	marks, err := s.opts.Erasures.MarksOf(ctx, erasure.Identifier{Kind: kind, Value: value})
	if err != nil {
		return nil, erasureProblem(err)
	}
	theirs := sq.Or{sq.Eq{"a.object": []string{of, value}}}
	for _, mark := range marks {
		theirs = append(theirs, sq.Expr("has(splitByChar(' ', a.detail), ?)", mark))
	}
	return theirs, nil
}
