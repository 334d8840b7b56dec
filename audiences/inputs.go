package audiences

import (
	"context"
	"fmt"
	"strconv"

	"github.com/tailrace/tailrace/project"
)

// inputs are what a file reads, at one moment: names and watermarks for
// input_versions, and the published versions of traits and audiences.
type inputs struct {
	versions map[string]string
	results  map[project.Node]*Materialization
}

// readInputs looks up the watermarks of everything that the node reads,
// through models. A trait or audience without a result is not in results.
func (a *Audiences) readInputs(ctx context.Context, p *project.Project, n project.Node) (*inputs, error) {
	marks, err := a.watermarks(ctx, p)
	if err != nil {
		return nil, err
	}
	return marks.of(p, n), nil
}

// watermarks are the versions of all that the project reads, by node.
type watermarks struct {
	builtins map[string]string
	external map[string]string
	results  map[project.Node]*Materialization
}

// of gives the part that a node reads, through models.
func (w *watermarks) of(p *project.Project, n project.Node) *inputs {
	in := &inputs{versions: map[string]string{}, results: map[project.Node]*Materialization{}}
	if f := findFile(p, n.Kind, n.Name); f != nil {
		for _, name := range f.Header.Schedule.After {
			if key, version := w.afterVersion(p, name); key != "" {
				in.versions[key] = version
			}
		}
	}
	leaves, _ := reads(p, n)
	for _, leaf := range leaves {
		switch leaf.Kind {
		case project.KindBuiltin:
			if mark, ok := w.builtins[leaf.Name]; ok {
				in.versions[leaf.Name] = mark
			}
			if leaf.Name == "profiles" {
				w.addProfileTraits(p, n, in)
			}
		case project.KindExternal:
			if mark, ok := w.external[leaf.Name]; ok {
				in.versions[leaf.Name] = mark
			}
		default:
			m := w.results[leaf]
			in.results[leaf] = m
			in.versions[leaf.String()] = versionText(m)
		}
	}
	return in
}

// addProfileTraits adds what the view profiles shows beside events: each
// published trait, but for those that are made of this node themselves.
func (w *watermarks) addProfileTraits(p *project.Project, n project.Node, in *inputs) {
	own := map[project.Node]bool{n: true}
	for _, down := range p.Graph().Downstream(n) {
		own[down] = true
	}
	for _, t := range p.Traits {
		node := project.Node{Kind: project.KindTrait, Name: t.Name}
		if m := w.results[node]; m != nil && !own[node] {
			in.versions["profiles."+t.Name] = versionText(m)
		}
	}
}

func versionText(m *Materialization) string {
	if m == nil {
		return "0"
	}
	return strconv.FormatUint(m.Version, 10)
}

// reads lists what a node reads: the leaves (own tables, external ones, traits,
// audiences) and the models between, each after what it reads itself.
func reads(p *project.Project, n project.Node) (leaves, models []project.Node) {
	seen := map[project.Node]bool{}
	var visit func(n project.Node)
	visit = func(n project.Node) {
		for _, to := range p.Graph().Reads(n) {
			if seen[to] {
				continue
			}
			seen[to] = true
			if to.Kind == project.KindModel {
				visit(to)
				models = append(models, to)
			} else {
				leaves = append(leaves, to)
			}
		}
	}
	visit(n)
	return leaves, models
}

// watermarks reads, in a few statements, how far everything is.
func (a *Audiences) watermarks(ctx context.Context, p *project.Project) (*watermarks, error) {
	w := &watermarks{builtins: map[string]string{}, results: map[project.Node]*Materialization{}}
	sql, err := a.statement("watermarks", nil)
	if err != nil {
		return nil, err
	}
	var marks []struct {
		Name string `ch:"name"`
		Mark string `ch:"mark"`
	}
	if err := a.db.Select(ctx, &marks, sql); err != nil {
		return nil, fmt.Errorf("reading watermarks: %w", err)
	}
	of := map[string]string{}
	for _, m := range marks {
		of[m.Name] = m.Mark
	}
	events := of["events_raw"] + " identities " + of["identity_merges"]
	w.builtins = map[string]string{
		"events": events, "profiles": events + " of " + of["identities"], "events_raw": of["events_raw"],
		"events_rejected": of["events_rejected"], "identities": of["identities"], "identity_merges": of["identity_merges"],
		"consents": of["consents"], "suppressions": of["suppressions"], "audience_changes": of["audience_changes"],
	}
	published, err := a.records(ctx, a.newestWhere("(l.kind, l.name, l.version) IN (SELECT kind, name, max(version) FROM "+
		a.table("materialization_log")+" WHERE state = 'published' GROUP BY kind, name)"))
	if err != nil {
		return nil, err
	}
	for _, m := range published {
		w.results[project.Node{Kind: m.Kind, Name: m.Name}] = &m
	}
	w.external, err = a.externalMarks(ctx, p)
	return w, err
}
