package audiences

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tailrace/tailrace/project"
)

// Validate holds a project that isn't in force against the warehouse, as far as
// before, what reading it found, lets it: a file with errors, and what is made of
// one, is left out. Each
// statement goes through the gate, and headers and mappings are held against
// the columns that it gives. Errors are mistakes of the project's as
// diagnostics, and those of the machinery.
//
// A statement is resolved against the views that are there. So a file is left
// out, and looked at when it is materialized, where something that it reads is
// new, changed, or without a result of its present text.
func (a *Audiences) Validate(ctx context.Context, p *project.Project, before project.Diagnostics) (project.Diagnostics, error) {
	broken := map[string]bool{}
	for _, d := range before.Errors() {
		broken[d.Path] = true
	}
	if broken[project.ConfigFile] {
		return nil, nil // nothing is sure: not even which databases may be read
	}
	columns, found, err := a.columnsOf(ctx, p, broken)
	if err != nil {
		return nil, err
	}
	found = append(found, project.CheckColumns(p, columns)...)
	found.Sort()
	return found, nil
}

// columnsOf asks for the columns of every file that can be looked at, and of profiles.
func (a *Audiences) columnsOf(ctx context.Context, p *project.Project, broken map[string]bool) (map[string][]project.ResultColumn, project.Diagnostics, error) {
	marks, err := a.watermarks(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	profiles, err := a.profileColumns(ctx)
	if err != nil {
		return nil, nil, err
	}
	known := columnNames(profiles)
	for _, t := range p.Traits {
		if !slices.Contains(known, t.Name) {
			profiles = append(profiles, project.ResultColumn{Name: t.Name}) // it comes with the trait's first result
		}
	}
	columns, err := a.ExternalColumns(ctx, slices.Sorted(maps.Keys(p.Config.External)))
	if err != nil {
		return nil, nil, err
	}
	columns["profiles"] = profiles
	var found project.Diagnostics
	for _, f := range p.SQLFiles() {
		if broken[f.Path] || !a.canBeChecked(p, f, marks, known, broken) {
			continue
		}
		checked, err := a.gate(ctx, p, f, a.clock().Truncate(time.Second))
		var mistake *failure
		if errors.As(err, &mistake) {
			found = append(found, mistake.diagnostics...)
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("checking %s: %w", f.Path, err)
		}
		results := resultColumns(checked)
		if s, err := shapeOf(p, f, checked); err == nil && s.resolve != "" && f.Kind == project.KindAudience {
			results = append(results, project.ResultColumn{Name: columnProfile, Type: "UUID"})
		}
		if f.Header.Experiment != nil {
			results = append(results, project.ResultColumn{Name: project.HoldoutColumn, Type: "Bool"})
		}
		columns[f.Name] = results
	}
	return columns, found, nil
}

func columnNames(columns []project.ResultColumn) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

func (a *Audiences) profileColumns(ctx context.Context) ([]project.ResultColumn, error) {
	var rows []struct {
		Name string `ch:"name"`
		Type string `ch:"type"`
	}
	sql := "SELECT name, type FROM system.columns WHERE database = ? AND table = 'profiles' ORDER BY position"
	if err := a.db.Select(ctx, &rows, sql, a.db.ProjectDatabase()); err != nil {
		return nil, fmt.Errorf("reading the columns of profiles: %w", err)
	}
	out := make([]project.ResultColumn, len(rows))
	for i, r := range rows {
		out[i] = project.ResultColumn{Name: r.Name, Type: r.Type}
	}
	return out, nil
}

// canBeChecked tells whether all that a file reads is in the warehouse as the
// project has it.
func (a *Audiences) canBeChecked(p *project.Project, f *project.SQLFile, marks *watermarks, profiles []string, broken map[string]bool) bool {
	current := a.project()
	for _, n := range p.Graph().Upstream(project.Node{Kind: f.Kind, Name: f.Name}) {
		if n.Kind == project.KindBuiltin && n.Name == "profiles" {
			for _, t := range p.Traits {
				if !slices.Contains(profiles, t.Name) {
					return false
				}
			}
		}
		file := p.SQL(n.Name)
		if file != nil && file.Kind == n.Kind && broken[file.Path] {
			return false
		}
		if file == nil || file.Kind != n.Kind {
			continue
		}
		print := file.RowFingerprint()
		if n.Kind == project.KindModel {
			if current == nil || current.Model(n.Name) == nil || current.Model(n.Name).RowFingerprint() != print {
				return false
			}
		} else if m := marks.results[n]; m == nil || m.RowFingerprint != print {
			return false
		}
	}
	return true
}
