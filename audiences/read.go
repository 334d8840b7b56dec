package audiences

import (
	"context"
	"fmt"
	"slices"

	"github.com/Masterminds/squirrel"

	"github.com/tailrace/tailrace/project"
)

// Definition is a trait or an audience: its file, and how it stands.
type Definition struct {
	Kind        project.Kind `json:"kind"`
	Name        string       `json:"name"`
	Path        string       `json:"path"`
	Description string       `json:"description,omitempty"`
	Owner       string       `json:"owner,omitempty"`
	Tags        []string     `json:"tags,omitempty"`
	Purpose     []string     `json:"purpose,omitempty"`
	Schedule    string       `json:"schedule"`
	Entity      string       `json:"entity"`
	Because     []string     `json:"because,omitempty"`
	// Experiment and Priority as the file says; HeldOut are members that syncs leave out by the experiment, not in lists.
	Experiment *project.Experiment `json:"experiment,omitempty"`
	Priority   *project.Priority   `json:"priority,omitempty"`
	HeldOut    uint64              `json:"held_out,omitempty"`
	SQL        string              `json:"sql,omitempty"` // not in lists
	Reads      []string            `json:"reads"`         // "kind name", as the file names them
	ReadBy     []string            `json:"read_by"`
	Columns    []Column            `json:"columns"` // of the published version; the first is the key
	Members    uint64              `json:"members"` // of the published version
	// Published is the version that readers see, Last the newest attempt, whatever became of it.
	Published *Materialization `json:"published,omitempty"`
	Last      *Materialization `json:"last,omitempty"`
	// Stale says that the published version isn't what the file would give now; StaleCause says why.
	Stale      bool   `json:"stale"`
	StaleCause string `json:"stale_cause,omitempty"`
}

// Materialization returns the newest version that an id stands for.
// Errors: ErrNotFound.
func (a *Audiences) Materialization(ctx context.Context, id string) (Materialization, error) {
	return a.latest(ctx, id)
}

// Definitions lists the traits or audiences of the project, by name.
func (a *Audiences) Definitions(ctx context.Context, kind project.Kind) ([]Definition, error) {
	p := a.project()
	if p == nil {
		return []Definition{}, nil
	}
	s, err := a.look(ctx, p)
	if err != nil {
		return nil, err
	}
	out := []Definition{}
	for _, f := range p.SQLFiles() {
		if f.Kind == kind {
			d := a.definition(p, f, s)
			d.SQL = ""
			out = append(out, d)
		}
	}
	return out, nil
}

// Definition returns one trait or audience. Errors: ErrNotFound.
func (a *Audiences) Definition(ctx context.Context, kind project.Kind, name string) (Definition, error) {
	p := a.project()
	if p == nil || findFile(p, kind, name) == nil {
		return Definition{}, fmt.Errorf("%s %s: %w", kind, name, ErrNotFound)
	}
	s, err := a.look(ctx, p)
	if err != nil {
		return Definition{}, err
	}
	d := a.definition(p, findFile(p, kind, name), s)
	if m := d.Published; m != nil && d.Experiment != nil && hasColumn(m.Columns, project.HoldoutColumn) {
		sql := "SELECT countIf(" + project.HoldoutColumn + ") FROM " + a.table(m.Table) + " WHERE version = ?"
		if err := a.db.Get(ctx, &d.HeldOut, sql, m.Version); err != nil {
			return Definition{}, fmt.Errorf("counting who of %s is held out: %w", name, err)
		}
	}
	return d, nil
}

func (a *Audiences) definition(p *project.Project, f *project.SQLFile, s *situation) Definition {
	n := project.Node{Kind: f.Kind, Name: f.Name}
	d := Definition{
		Kind: f.Kind, Name: f.Name, Path: f.Path, Description: f.Header.Description, Owner: f.Header.Owner, Tags: f.Header.Tags,
		Purpose: f.Header.Purpose, Schedule: f.Header.Schedule.String(), Entity: f.Header.Entity, Because: f.Header.Because,
		Experiment: f.Header.Experiment, Priority: f.Header.Priority,
		SQL: f.SQL, Reads: nodeNames(p.Graph().Reads(n)), ReadBy: nodeNames(p.Graph().ReadBy(n)), Columns: []Column{},
		Published: s.marks.results[n], Last: s.last[n],
	}
	if d.Published != nil {
		d.Members = d.Published.Rows
		descriptions := f.ColumnDescriptions()
		for _, c := range d.Published.Columns {
			c.Description = descriptions[c.Name]
			d.Columns = append(d.Columns, c)
		}
	}
	d.StaleCause = a.staleCause(p, f, s)
	d.Stale = d.StaleCause != ""
	return d
}

func nodeNames(nodes []project.Node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.String()
	}
	return out
}

// staleCause says why a published version is older than it should be: its own
// last attempt went wrong or waits for a person, or one upstream did. That
// something is merely about to run is no staleness.
func (a *Audiences) staleCause(p *project.Project, f *project.SQLFile, s *situation) string {
	n := project.Node{Kind: f.Kind, Name: f.Name}
	if m := s.last[n]; m != nil {
		switch m.State {
		case StateFailed:
			return fmt.Sprintf("version %d failed: %s", m.Version, m.Error)
		case StateHeld:
			return fmt.Sprintf("version %d is held: %s", m.Version, m.Reason)
		}
	}
	for _, up := range p.Graph().Upstream(n) {
		if findFile(p, up.Kind, up.Name) == nil {
			continue
		}
		m := s.last[up]
		switch {
		case m != nil && m.State == StateFailed:
			return fmt.Sprintf("it reads the %s, whose version %d failed: %s", up, m.Version, m.Error)
		case m != nil && m.State == StateHeld:
			return fmt.Sprintf("it reads the %s, whose version %d is held: %s", up, m.Version, m.Reason)
		case s.marks.results[up] == nil:
			return fmt.Sprintf("it reads the %s, which has no result yet", up)
		}
	}
	return ""
}

// VersionsOptions filter and page a list of versions.
type VersionsOptions struct {
	States []State // all when empty
	Cursor string
	Limit  int
}

// Versions lists the versions of a trait or audience, the newest first.
// Errors: ErrInvalid for a bad cursor.
func (a *Audiences) Versions(ctx context.Context, kind project.Kind, name string, o VersionsOptions) (Page[Materialization], error) {
	var at struct {
		Version uint64 `json:"v"`
	}
	if err := readCursor(o.Cursor, &at); err != nil {
		return Page[Materialization]{}, err
	}
	where := squirrel.And{squirrel.Eq{"l.kind": string(kind)}, squirrel.Eq{"l.name": name}}
	if at.Version > 0 {
		where = append(where, squirrel.Lt{"l.version": at.Version})
	}
	condition, args, err := where.ToSql()
	if err != nil {
		return Page[Materialization]{}, fmt.Errorf("listing versions of %s: %w", name, err)
	}
	limit := pageSize(o.Limit)
	sql := a.newestWhere(condition)
	if len(o.States) > 0 {
		having, more, err := squirrel.Eq{"state": stateTexts(o.States)}.ToSql()
		if err != nil {
			return Page[Materialization]{}, fmt.Errorf("listing versions of %s: %w", name, err)
		}
		sql, args = sql+" HAVING "+having, append(args, more...)
	}
	all, err := a.records(ctx, fmt.Sprintf("%s ORDER BY version DESC LIMIT %d", sql, limit+1), args...)
	if err != nil {
		return Page[Materialization]{}, err
	}
	return page(all, limit, func(m Materialization) any { at.Version = m.Version; return at })
}

func stateTexts(states []State) []string {
	out := make([]string, len(states))
	for i, s := range states {
		out[i] = string(s)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
