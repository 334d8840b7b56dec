package api

import (
	"context"
	"net/http"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

// ExternalView is a table of another database that the project reads.
type ExternalView struct {
	Table       string             `json:"table" doc:"database.table"`
	Description string             `json:"description,omitempty"`
	Owner       string             `json:"owner,omitempty"`
	Key         string             `json:"key,omitempty"`
	Freshness   string             `json:"freshness,omitempty" doc:"The column whose highest value tells of changes"`
	Poll        string             `json:"poll,omitempty" doc:"How often it is looked at, or counts as changed"`
	Mark        string             `json:"mark,omitempty" doc:"Differs when the table has changed; absent while nothing tells"`
	Missing     bool               `json:"missing,omitempty" doc:"The warehouse shows no such table"`
	Columns     []audiences.Column `json:"columns"`
	Build       *audiences.Build   `json:"build,omitempty" doc:"What dbt's hook told last"`
	ReadBy      []project.Node     `json:"read_by" doc:"All that depends on it, what is read first"`
}

func (s *Server) registerExternal() {
	register(s, endpoint{id: "list-external", method: http.MethodGet, path: "/api/v1/external", summary: "Tables of other databases that the project reads", tag: "project", role: Viewer},
		func(ctx context.Context, _ *struct{}) (*body[page[ExternalView]], error) {
			views, err := s.externalViews(ctx)
			if err != nil {
				return nil, err
			}
			return pageOf(s, views, ""), nil
		})
}

func (s *Server) externalViews(ctx context.Context) ([]ExternalView, error) {
	p := s.opts.Project()
	tables := p.ExternalTables()
	columns, err := s.opts.Audiences.ExternalColumns(ctx, tables)
	if err != nil {
		return nil, err
	}
	marks, err := s.opts.Audiences.ExternalMarks(ctx)
	if err != nil {
		return nil, err
	}
	builds, err := s.opts.Audiences.Builds(ctx)
	if err != nil {
		return nil, err
	}
	var views []ExternalView
	for _, table := range tables {
		e := p.Config.External[table]
		v := ExternalView{Table: table, Description: e.Description, Owner: e.Owner, Key: e.Key, Freshness: e.Freshness, Mark: marks[table],
			Missing: len(columns[table]) == 0, Columns: []audiences.Column{}, ReadBy: dependants(p, table)}
		if e.Poll > 0 {
			v.Poll = e.Poll.Std().String()
		}
		b, told := builds[table]
		if told {
			v.Build = &b
			if v.Description == "" {
				v.Description = b.Description
			}
		}
		for _, c := range columns[table] {
			v.Columns = append(v.Columns, audiences.Column{Name: c.Name, Type: c.Type, Description: b.Columns[c.Name]})
		}
		views = append(views, v)
	}
	return views, nil
}

// dependants are all that depends on a table of another database, what is read first.
func dependants(p *project.Project, table string) []project.Node {
	return append([]project.Node{}, p.Graph().Downstream(project.Node{Kind: project.KindExternal, Name: table})...)
}
