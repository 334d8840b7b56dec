package project

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Select returns the nodes of the project's own files that selectors name, in
// topological order; no selector means all. Selectors are dbt's:
//
//	name          what has this name; * and ? stand for letters
//	tag:x         what carries the tag
//	path/         files under a folder, or one file
//	+name name+   with everything it reads, with everything that reads it
//	a,b           what both select
//	a b           what either selects
//
// What exclude names is left out. A selector that names nothing is an error.
func (p *Project) Select(selectors, exclude []string) ([]Node, error) {
	chosen := map[Node]bool{}
	if len(selectors) == 0 {
		for n := range p.graph.paths {
			chosen[n] = true
		}
	}
	for _, s := range eitherOf(selectors) {
		found, err := p.selectBoth(s)
		if err != nil {
			return nil, err
		}
		for n := range found {
			chosen[n] = true
		}
	}
	for _, s := range eitherOf(exclude) {
		found, err := p.selectBoth(s)
		if err != nil {
			return nil, err
		}
		for n := range found {
			delete(chosen, n)
		}
	}
	return slices.DeleteFunc(p.graph.Nodes(), func(n Node) bool { return !chosen[n] }), nil
}

// eitherOf splits selectors at blanks, but for those beside a comma.
func eitherOf(selectors []string) []string {
	words := strings.Fields(strings.ReplaceAll(strings.Join(selectors, " "), ",", " , "))
	return strings.Fields(strings.ReplaceAll(strings.Join(words, " "), " , ", ","))
}

func (p *Project) selectBoth(selector string) (map[Node]bool, error) {
	var both map[Node]bool
	for _, part := range strings.Split(selector, ",") {
		found, err := p.selectOne(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if both == nil {
			both = found
			continue
		}
		for n := range both {
			if !found[n] {
				delete(both, n)
			}
		}
	}
	return both, nil
}

func (p *Project) selectOne(selector string) (map[Node]bool, error) {
	g := p.graph
	word, up := strings.CutPrefix(selector, "+")
	word, down := strings.CutSuffix(word, "+")
	found := map[Node]bool{}
	for n, file := range g.paths {
		if matches(word, n, file, g.tags[n]) {
			found[n] = true
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("selecting %q: nothing is called so%s", selector, suggest(word, p.selectable()))
	}
	for _, n := range slices.Collect(maps.Keys(found)) {
		var more []Node
		if up {
			more = append(more, g.Upstream(n)...)
		}
		if down {
			more = append(more, g.Downstream(n)...)
		}
		for _, m := range more {
			if _, ours := g.paths[m]; ours {
				found[m] = true
			}
		}
	}
	return found, nil
}

func matches(word string, n Node, file string, tags []string) bool {
	if tag, ok := strings.CutPrefix(word, "tag:"); ok {
		return slices.Contains(tags, tag)
	}
	if strings.Contains(word, "/") {
		word = strings.TrimPrefix(word, "./")
		return file == word || strings.HasPrefix(file, strings.TrimSuffix(word, "/")+"/")
	}
	ok, err := path.Match(word, n.Name)
	return ok && err == nil
}

// selectable are the words that a selector might have meant.
func (p *Project) selectable() []string {
	var out []string
	for n := range p.graph.paths {
		out = append(out, n.Name)
		for _, tag := range p.graph.tags[n] {
			out = append(out, "tag:"+tag)
		}
	}
	return out
}
