package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

// MembersPage is a page of the rows of one version; values are in order of the columns.
type MembersPage struct {
	Version    uint64             `json:"version"`
	Columns    []audiences.Column `json:"columns"`
	Items      []audiences.Member `json:"items"`
	NextCursor string             `json:"next_cursor,omitempty" doc:"Pass as ?cursor= for the next page of the same version; absent on the last one"`
	AsOf       time.Time          `json:"as_of"`
}

func (s *Server) registerMembers(kind project.Kind, plural string) {
	one := string(kind)
	register(s, endpoint{id: "list-" + one + "-members", method: http.MethodGet, path: "/api/v1/" + plural + "/{name}/members", summary: "Rows of the published version; masked for viewers", tag: plural, role: Viewer},
		func(ctx context.Context, in *struct {
			Paging
			Name    string   `path:"name"`
			Columns []string `query:"columns" doc:"Only these, in this order"`
			Prefix  string   `query:"prefix" doc:"Only keys that begin so; needs operator"`
			Version uint64   `query:"version" doc:"An older version that is still there"`
		}) (*body[MembersPage], error) {
			if _, err := s.opts.Audiences.Definition(ctx, kind, in.Name); err != nil {
				return nil, err
			}
			if err := s.mayFilter(ctx, in.Prefix); err != nil {
				return nil, err
			}
			cursor, err := s.openCursor(ctx, in.Cursor)
			if err != nil {
				return nil, err
			}
			if err := s.auditRead(ctx, "read_members", one+"/"+in.Name); err != nil {
				return nil, err
			}
			found, err := s.opts.Audiences.Members(ctx, kind, in.Name, audiences.MembersOptions{Columns: in.Columns, Prefix: in.Prefix, Version: in.Version, Cursor: cursor, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			if masked(ctx) {
				for i := range found.Items {
					found.Items[i].Key = maskText(found.Items[i].Key)
					for j, v := range found.Items[i].Values {
						found.Items[i].Values[j] = maskCell(v, calledPersonal(s.opts.Project(), found.Columns[j].Name))
					}
				}
			}
			out := MembersPage{Version: found.Version, Columns: found.Columns, Items: found.Items, AsOf: s.opts.Now().UTC()}
			out.NextCursor, err = s.closeCursor(ctx, found.Next)
			return &body[MembersPage]{out}, err
		})
}

// registerHistory mounts who entered and left audiences, and why somebody is in one.
func (s *Server) registerHistory() {
	register(s, endpoint{id: "list-audience-changes", method: http.MethodGet, path: "/api/v1/audiences/{name}/changes", summary: "Who entered and left, newest version first; masked for viewers", tag: "audiences", role: Viewer},
		func(ctx context.Context, in *struct {
			Paging
			Name    string    `path:"name"`
			Change  string    `query:"change" enum:"enter,exit"`
			Key     string    `query:"key" doc:"Only one member; needs operator"`
			Version uint64    `query:"version"`
			Since   time.Time `query:"since" doc:"Logical time, included"`
			Until   time.Time `query:"until" doc:"Logical time, not included"`
		}) (*body[page[audiences.Change]], error) {
			if _, err := s.opts.Audiences.Definition(ctx, project.KindAudience, in.Name); err != nil {
				return nil, err
			}
			if err := s.mayFilter(ctx, in.Key); err != nil {
				return nil, err
			}
			cursor, err := s.openCursor(ctx, in.Cursor)
			if err != nil {
				return nil, err
			}
			if err := s.auditRead(ctx, "read_audience_changes", in.Name); err != nil {
				return nil, err
			}
			found, err := s.opts.Audiences.Changes(ctx, in.Name, audiences.ChangesOptions{Change: in.Change, Key: in.Key, Version: in.Version,
				Since: in.Since, Until: in.Until, Cursor: cursor, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			if masked(ctx) {
				for i := range found.Items {
					found.Items[i].Key = maskText(found.Items[i].Key)
				}
			}
			next, err := s.closeCursor(ctx, found.Next)
			return pageOf(s, found.Items, next), err
		})
	register(s, endpoint{id: "explain-member", method: http.MethodGet, path: "/api/v1/audiences/{name}/why", summary: "Why somebody is, or is not, in an audience", tag: "audiences", role: Operator},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Key  string `query:"key" required:"true" doc:"The member's key; of profiles the profile id"`
		}) (*body[audiences.Explanation], error) {
			if _, err := s.opts.Audiences.Definition(ctx, project.KindAudience, in.Name); err != nil {
				return nil, err
			}
			if err := s.auditRead(ctx, "read_explanation", in.Name+"/"+in.Key); err != nil {
				return nil, err
			}
			e, err := s.opts.Audiences.Why(ctx, in.Name, in.Key)
			return &body[audiences.Explanation]{e}, err
		})
}
