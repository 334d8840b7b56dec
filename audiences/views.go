package audiences

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/project"
)

// reveal makes what people query follow a published version: the view by the
// file's name, and profiles when it is a trait.
func (a *Audiences) reveal(ctx context.Context, m *Materialization) error {
	a.viewing.Lock()
	defer a.viewing.Unlock()
	newest, err := a.published(ctx, m.Kind, m.Name)
	if err != nil || newest == nil {
		return err
	}
	if err := a.resultView(ctx, newest); err != nil {
		return err
	}
	node := project.Node{Kind: m.Kind, Name: m.Name}
	if m.Kind == project.KindTrait {
		if err := a.profilesView(ctx); err != nil {
			return err
		}
		return a.waitingModels(ctx, node, project.Node{Kind: project.KindBuiltin, Name: "profiles"})
	}
	return a.waitingModels(ctx, node)
}

// waitingModels makes the views of models that had none while something that
// they read had no version yet. Each version asks: the one before may have died
// in between.
func (a *Audiences) waitingModels(ctx context.Context, appeared ...project.Node) error {
	p := a.project()
	if p == nil {
		return nil
	}
	var below []project.Node
	for _, n := range appeared {
		below = append(below, p.Graph().Downstream(n)...)
	}
	if !slices.ContainsFunc(below, func(n project.Node) bool { return n.Kind == project.KindModel }) {
		return nil
	}
	views, err := a.viewNames(ctx)
	if err != nil {
		return err
	}
	for _, n := range p.Graph().Nodes() {
		if n.Kind != project.KindModel || views[n.Name] || !slices.Contains(below, n) || waits(p, n, views) {
			continue
		}
		if _, err := a.modelView(ctx, p, p.Model(n.Name)); err != nil {
			return err
		}
	}
	return nil
}

// waits says whether a model reads a result that has no version yet.
func waits(p *project.Project, n project.Node, views map[string]bool) bool {
	return slices.ContainsFunc(p.Graph().Upstream(n), func(up project.Node) bool {
		return (up.Kind == project.KindTrait || up.Kind == project.KindAudience) && !views[up.Name]
	})
}

// viewNames are the names of the views in the project's database.
func (a *Audiences) viewNames(ctx context.Context) (map[string]bool, error) {
	var names []string
	err := a.db.Select(ctx, &names, "SELECT name FROM system.tables WHERE database = ? AND engine = 'View' ORDER BY name", a.db.ProjectDatabase())
	if err != nil {
		return nil, fmt.Errorf("listing the project's views: %w", err)
	}
	views := make(map[string]bool, len(names))
	for _, name := range names {
		views[name] = true
	}
	return views, nil
}

// resultView makes the view by the file's name. It reads the highest published
// version of its own table only: so the view of a former shape goes on showing
// the former result until it is replaced.
func (a *Audiences) resultView(ctx context.Context, m *Materialization) error {
	sql, err := a.statement("result_view", map[string]string{
		"view": a.view(m.Name), "columns": selectColumns(m.Columns), "table": a.table(m.Table),
		"kind": quoteText(string(m.Kind)), "name": quoteText(m.Name), "table_name": quoteText(m.Table),
	})
	if err != nil {
		return err
	}
	if err := a.db.Exec(ctx, sql); err != nil {
		return fmt.Errorf("making the view %s: %w", m.Name, err)
	}
	return nil
}

// quoteText writes a string literal; DDL takes no parameters.
func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// Apply makes the views of the warehouse follow the project: models in order
// of what reads what, results, profiles; views of files that are gone are
// dropped. Models that the gate refuses keep their last good view, and are
// named in the diagnostics; those that read a trait or audience without a
// version get theirs when it is published. Call it whenever another project is published.
func (a *Audiences) Apply(ctx context.Context) (project.Diagnostics, error) {
	p := a.project()
	if p == nil {
		return nil, nil
	}
	a.viewing.Lock()
	defer a.viewing.Unlock()
	for _, f := range slices.Concat(p.Traits, p.Audiences) {
		if err := a.carryOver(ctx, f); err != nil {
			return nil, err
		}
	}
	published, err := a.watermarks(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, m := range published.results {
		if findFile(p, m.Kind, m.Name) != nil {
			if err := a.resultView(ctx, m); err != nil {
				return nil, err
			}
		}
	}
	if err := a.profilesView(ctx); err != nil {
		return nil, err
	}
	views, err := a.viewNames(ctx)
	if err != nil {
		return nil, err
	}
	var found project.Diagnostics
	for _, n := range p.Graph().Nodes() {
		if n.Kind != project.KindModel || waits(p, n, views) {
			continue
		}
		mistakes, err := a.modelView(ctx, p, p.Model(n.Name))
		if err != nil {
			return found, err
		}
		found = append(found, mistakes...)
	}
	return found, a.dropViews(ctx, p)
}

// modelView makes the view of a model. Its now() stays the moment of asking,
// for people; materializations are given their own, at their logical time.
func (a *Audiences) modelView(ctx context.Context, p *project.Project, f *project.SQLFile) (project.Diagnostics, error) {
	checked, err := a.gate(ctx, p, f, time.Time{})
	if err == nil {
		err = asFailure(f, a.db.Exec(ctx, "CREATE OR REPLACE VIEW "+a.view(f.Name)+" AS\n"+checked.SQL))
	}
	var mistake *failure
	if errors.As(err, &mistake) {
		a.log.WarnContext(ctx, "a model can't become a view", "model", f.Name)
		return mistake.diagnostics, nil
	}
	if err != nil {
		return nil, fmt.Errorf("making the view of model %s: %w", f.Name, err)
	}
	return nil, nil
}

// dropViews drops views of the project's database that belong to no file.
func (a *Audiences) dropViews(ctx context.Context, p *project.Project) error {
	views, err := a.viewNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(views)) {
		if p.SQL(name) != nil || slices.Contains(project.PublicTables, name) {
			continue
		}
		if err := a.db.Exec(ctx, "DROP VIEW IF EXISTS "+a.view(name)); err != nil {
			return fmt.Errorf("dropping the view of %s, whose file is gone: %w", name, err)
		}
		a.log.InfoContext(ctx, "dropped the view of a file that is gone", "name", name)
	}
	return nil
}
