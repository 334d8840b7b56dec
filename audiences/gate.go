package audiences

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// gate lets a file's statement through, or says what is wrong with it at its
// place. A zero time leaves the time functions as they are.
func (a *Audiences) gate(ctx context.Context, p *project.Project, f *project.SQLFile, at time.Time) (*warehouse.Checked, error) {
	checked, err := a.db.Check(ctx, f.SQL, a.gateOptions(p, f, at))
	if err != nil {
		return nil, asFailure(f, err)
	}
	return checked, nil
}

func (a *Audiences) gateOptions(p *project.Project, f *project.SQLFile, at time.Time) warehouse.GateOptions {
	limits := queryLimits(p, f)
	o := warehouse.GateOptions{
		AllowedTables: map[string]bool{}, Now: at,
		MaxTime: limits.Time.Std(), MaxMemory: uint64(limits.Memory),
	}
	for _, n := range p.Graph().Reads(project.Node{Kind: f.Kind, Name: f.Name}) {
		if n.Kind == project.KindExternal {
			o.AllowedTables[n.Name] = true
			continue
		}
		o.AllowedTables[a.db.ProjectDatabase()+"."+n.Name] = true
		if n.Kind == project.KindBuiltin {
			o.AllowedTables[a.db.Database()+"."+n.Name] = true
		}
	}
	return o
}

// sources are the common table expressions that give a statement what it
// reads, and the names that stand for tables in it.
type sources struct {
	expressions []string
	names       map[string]string
}

// sourcesOf gives a file's statement what it reads: Tailrace's own tables,
// results at exactly the versions of in, and models at the logical time. So it
// reads what input_versions says, and a model's now() is the logical time too.
func (a *Audiences) sourcesOf(ctx context.Context, p *project.Project, f *project.SQLFile, in *inputs, at time.Time) (*sources, error) {
	return a.sourcesWith(ctx, p, f, in, at, "")
}

// sourcesWith is sourcesOf with a statement in the place of events; none leaves them as they are.
func (a *Audiences) sourcesWith(ctx context.Context, p *project.Project, f *project.SQLFile, in *inputs, at time.Time, events string) (*sources, error) {
	leaves, models := reads(p, project.Node{Kind: f.Kind, Name: f.Name})
	s := &sources{names: map[string]string{}}
	if events != "" {
		a.add(s, "events", events)
	}
	for _, leaf := range leaves {
		if leaf.Kind != project.KindTrait && leaf.Kind != project.KindAudience {
			continue // a table that is read where it is
		}
		m := in.results[leaf]
		if m == nil {
			return nil, failStart(f, fmt.Sprintf("it reads the %s, which has no result yet", leaf), "")
		}
		a.add(s, leaf.Name, a.versionRows(m))
	}
	for _, model := range models {
		file := p.Model(model.Name)
		checked, err := a.gate(ctx, p, file, at)
		if err != nil {
			return nil, fmt.Errorf("%s reads the %s: %w", f.Path, model, err)
		}
		a.add(s, model.Name, checked.Rename(s.names))
	}
	return s, nil
}

// add gives the project's name to a statement.
func (a *Audiences) add(s *sources, name, sql string) {
	s.expressions = append(s.expressions, expression(name, sql))
	s.names[a.db.ProjectDatabase()+"."+name] = name
}

func expression(name, sql string) string {
	return warehouse.QuoteIdentifier(name) + " AS (\n" + sql + "\n)"
}

// versionRows selects the rows of one version, as its view shows them.
func (a *Audiences) versionRows(m *Materialization) string {
	return fmt.Sprintf("SELECT %s FROM %s WHERE version = %d", selectColumns(m.Columns), a.table(m.Table), m.Version)
}

func withClause(expressions []string) string {
	if len(expressions) == 0 {
		return ""
	}
	return "WITH\n" + strings.Join(expressions, ",\n") + "\n"
}
