package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs/erasure"
	"github.com/tailrace/tailrace/warehouse"
)

// Identifier names a person by one of their identifiers.
type Identifier struct {
	Kind  string `json:"kind" ch:"kind" enum:"profile_id,user_id,anonymous_id,email"`
	Value string `json:"value" ch:"value" minLength:"1" maxLength:"1024"`
}

// Consent is the latest word on one category from one person.
type Consent struct {
	Identifier
	Category string    `json:"category" ch:"category" minLength:"1" maxLength:"100" example:"marketing"`
	Status   string    `json:"status" ch:"status" enum:"granted,denied"`
	Source   string    `json:"source,omitempty" ch:"source" maxLength:"200" doc:"Where it was given, such as signup_form"`
	At       time.Time `json:"at,omitempty" ch:"at" doc:"When it was given; default now"`
}

// Suppression is a person who must never be sent to any destination.
type Suppression struct {
	Identifier
	Reason     string    `json:"reason,omitempty" ch:"reason" maxLength:"500"`
	Active     *bool     `json:"active,omitempty" ch:"-" doc:"false lifts the suppression; default true"`
	RecordedAt time.Time `json:"recorded_at,omitempty" ch:"recorded_at" readOnly:"true"`
}

func (s *Server) registerConsents() {
	register(s, endpoint{id: "list-consents", method: http.MethodGet, path: "/api/v1/consents", summary: "List consents, by identifier", tag: "privacy", role: Operator},
		func(ctx context.Context, in *struct {
			Paging
			Kind     string `query:"kind" enum:"profile_id,user_id,anonymous_id,email"`
			Value    string `query:"value"`
			Category string `query:"category"`
		}) (*body[page[Consent]], error) {
			q := sq.Select("toString(kind) AS kind", "value", "toString(category) AS category", "toString(status) AS status", "toString(source) AS source", "at").
				From(s.opts.DB.Database()+".consents FINAL").OrderBy("kind", "value", "category")
			for column, value := range map[string]string{"kind": in.Kind, "value": in.Value, "category": in.Category} {
				if value != "" {
					q = q.Where(sq.Eq{column: value})
				}
			}
			if err := s.audit(ctx, "read_consents", in.Kind, ""); err != nil {
				return nil, err
			}
			return list[Consent](ctx, s, q, in.Paging, "(kind, value, category) > (?, ?, ?)", func(c Consent) []string { return []string{c.Kind, c.Value, c.Category} })
		})
	register(s, endpoint{id: "put-consents", method: http.MethodPut, path: "/api/v1/consents", summary: "Record consents", tag: "privacy", role: Operator, maxBody: 10 << 20},
		func(ctx context.Context, in *struct {
			Body struct {
				Items    []Consent `json:"items" minItems:"1" maxItems:"10000"`
				AllowNew bool      `json:"allow_new,omitempty" doc:"Record categories that neither the project nor an earlier consent names"`
			}
		}) (*body[Written], error) {
			now := s.opts.Now().UTC()
			rows, whom := make([][]any, len(in.Body.Items)), make([]erasure.Identifier, len(in.Body.Items))
			for i, c := range in.Body.Items {
				if c.At.IsZero() {
					c.At = now
				}
				if c.At.Year() < 2000 || c.At.After(now.Add(time.Hour)) {
					// The latest word wins, so one from the future would silence every later one.
					p := problem(Invalid, "Give the moment at which it was given, or leave at out for now.", "item %d: at %s is not between 2000 and now", i, c.At.UTC().Format(time.RFC3339))
					p.Errors = []Flaw{{Location: fmt.Sprintf("body.items[%d].at", i), Message: "not between 2000 and now"}}
					return nil, p
				}
				if c.Source == "" {
					c.Source = "api"
				}
				whom[i] = erasure.Identifier(c.Identifier)
				rows[i] = []any{c.Kind, whom[i].Stored(), c.Category, c.Status, c.Source, who(ctx).actor(), c.At.UTC(), uint64(c.At.UnixMicro())}
			}
			if !in.Body.AllowNew {
				if err := s.knownCategories(ctx, in.Body.Items); err != nil {
					return nil, err
				}
			}
			return s.write(ctx, "consents", []string{"kind", "value", "category", "status", "source", "actor", "at", "version"}, rows, whom)
		})
	register(s, endpoint{id: "list-suppressions", method: http.MethodGet, path: "/api/v1/suppressions", summary: "List suppressions, by identifier", tag: "privacy", role: Operator},
		func(ctx context.Context, in *struct {
			Paging
			Kind  string `query:"kind" enum:"profile_id,user_id,anonymous_id,email"`
			Value string `query:"value"`
		}) (*body[page[Suppression]], error) {
			q := sq.Select("toString(kind) AS kind", "value", "reason", "recorded_at").
				From(s.opts.DB.Database()+".suppressions FINAL").Where("active").OrderBy("kind", "value")
			for column, value := range map[string]string{"kind": in.Kind, "value": in.Value} {
				if value != "" {
					q = q.Where(sq.Eq{column: value})
				}
			}
			if err := s.audit(ctx, "read_suppressions", in.Kind, ""); err != nil {
				return nil, err
			}
			return list[Suppression](ctx, s, q, in.Paging, "(kind, value) > (?, ?)", func(c Suppression) []string { return []string{c.Kind, c.Value} })
		})
	register(s, endpoint{id: "put-suppressions", method: http.MethodPut, path: "/api/v1/suppressions", summary: "Suppress people, or lift a suppression", tag: "privacy", role: Operator, maxBody: 10 << 20},
		func(ctx context.Context, in *struct {
			Body struct {
				Items []Suppression `json:"items" minItems:"1" maxItems:"10000"`
			}
		}) (*body[Written], error) {
			version := uint64(s.opts.Now().UnixMicro())
			rows, whom := make([][]any, len(in.Body.Items)), make([]erasure.Identifier, len(in.Body.Items))
			for i, p := range in.Body.Items {
				whom[i] = erasure.Identifier(p.Identifier)
				rows[i] = []any{p.Kind, whom[i].Stored(), p.Reason, p.Active == nil || *p.Active, who(ctx).actor(), version}
			}
			return s.write(ctx, "suppressions", []string{"kind", "value", "reason", "active", "actor", "version"}, rows, whom)
		})
}

// knownCategories refuses categories that neither the project's files nor earlier consents name: who agrees to
// "marketting" would be left out of what "marketing" allows, without a word. Where nothing is known yet, all pass.
func (s *Server) knownCategories(ctx context.Context, items []Consent) error {
	known := s.opts.Project().Categories()
	unknown := func(c Consent) bool { return !slices.Contains(known, c.Category) }
	if !slices.ContainsFunc(items, unknown) {
		return nil
	}
	var earlier []string
	if err := s.opts.DB.Select(ctx, &earlier, "SELECT DISTINCT toString(category) FROM "+s.opts.DB.Database()+".consents"); err != nil {
		return fmt.Errorf("reading which categories there are: %w", err)
	}
	known = append(known, earlier...)
	i := slices.IndexFunc(items, unknown)
	if len(known) == 0 || i < 0 {
		return nil
	}
	slices.Sort(known)
	p := problem(Invalid, "Mend the word, or say that it is new: allow_new, with the command line --force. Known are "+strings.Join(slices.Compact(known), ", ")+".",
		"item %d: no file and no earlier consent names the category %q%s", i, items[i].Category, project.Suggest(items[i].Category, known))
	p.Errors = []Flaw{{Location: fmt.Sprintf("body.items[%d].category", i), Message: "unknown category"}}
	return p
}

// Written is how many rows a write recorded.
type Written struct {
	Written int `json:"written"`
}

// write audits and inserts; when it returns, the send path sees the rows.
func (s *Server) write(ctx context.Context, table string, columns []string, rows [][]any, whom []erasure.Identifier) (*body[Written], error) {
	if err := s.auditPeople(ctx, "write_"+table, fmt.Sprintf("%d rows", len(rows)), whom); err != nil {
		return nil, err
	}
	if err := s.opts.DB.Insert(ctx, s.opts.DB.Database()+"."+table, columns, rows, warehouse.InsertOptions{}); err != nil {
		return nil, fmt.Errorf("writing %s: %w", table, err)
	}
	return &body[Written]{Written{len(rows)}}, nil
}
