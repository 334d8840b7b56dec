package project

import (
	"fmt"
	"slices"
	"strings"
)

// Priority makes audiences of a group exclusive: of those that a person is in,
// syncs send only the one with the lowest rank.
type Priority struct {
	// Group of audiences of which a person counts for one.
	Group string `yaml:"group" json:"group" validate:"required"`
	// Rank in the group: the lowest wins. No two audiences share one.
	Rank int `yaml:"rank" json:"rank" validate:"required"`
}

// Outranking returns the audiences of the named audience's group that win
// against it, the first rank first.
func (p *Project) Outranking(audience string) []string {
	f := p.Audience(audience)
	if f == nil || f.Header.Priority == nil {
		return nil
	}
	own := f.Header.Priority
	var above []*SQLFile
	for _, other := range p.Audiences {
		if o := other.Header.Priority; o != nil && o.Group == own.Group && o.Rank < own.Rank {
			above = append(above, other)
		}
	}
	slices.SortFunc(above, func(a, b *SQLFile) int { return a.Header.Priority.Rank - b.Header.Priority.Rank })
	return names(above)
}

// checkPriorities sees that ranks of a group differ, and that its audiences are
// about the same kind of entity.
func (l *loader) checkPriorities() {
	type place struct {
		group string
		rank  int
	}
	holders, first := map[place]string{}, map[string]*SQLFile{}
	for _, f := range l.p.Audiences {
		p := f.Header.Priority
		if p == nil || p.Group == "" {
			continue
		}
		l.checkWord(CodePriority, f.Path, f.Positions.At("priority", "group"), "group", p.Group)
		at := place{p.Group, p.Rank}
		if other, taken := holders[at]; taken {
			l.fail(CodePriority, f.Path, f.Positions.At("priority", "rank"), "give one of them another rank",
				"%s is the rank of %s too: of group %s one of them has to win", fmt.Sprint(p.Rank), other, p.Group)
		}
		holders[at] = f.Name
		if one := first[p.Group]; one == nil {
			first[p.Group] = f
		} else if one.Header.Entity != f.Header.Entity {
			l.fail(CodePriority, f.Path, f.Positions.At("priority", "group"), "",
				"the members of %s are %s, those of %s are %s: one group can't hold both", f.Name, entityWord(f), one.Name, entityWord(one))
		}
	}
}

// entityWord says what the rows of a file are.
func entityWord(f *SQLFile) string {
	switch f.Header.Entity {
	case "group":
		return "groups"
	case "none":
		return "rows with keys of their own"
	}
	return "profiles"
}

// checkExclusions sees that a sync excludes audiences, of the entity of what it
// sends.
func (l *loader) checkExclusions(s *Sync) {
	kind, name := s.Reads()
	source := l.p.SQL(name)
	for i, excluded := range s.Exclude {
		at := s.Positions.At("exclude", fmt.Sprint(i))
		f := l.p.Audience(excluded)
		switch {
		case f == nil:
			l.fail(CodeUnknownName, s.Path, at, "", "unknown audience %s%s", excluded, suggest(excluded, names(l.p.Audiences)))
		case excluded == s.Audience:
			l.fail(CodeExclude, s.Path, at, "", "a sync can't exclude what it sends")
		case slices.Index(s.Exclude, excluded) < i:
			l.fail(CodeExclude, s.Path, at, "", "%s is excluded twice", excluded)
		case source != nil && source.Kind == kind && source.Header.Entity != f.Header.Entity:
			l.fail(CodeExclude, s.Path, at, "", "the members of %s are %s, the rows of %s are %s: they can't be told apart by key",
				excluded, entityWord(f), name, entityWord(source))
		}
	}
}

// Exclusion is an audience whose members a sync leaves out.
type Exclusion struct {
	Audience string
	// ByPriority says that it is left out because the audience outranks what is
	// sent, not because the sync's file excludes it.
	ByPriority bool
}

// Exclusions returns the audiences whose members a sync leaves out: those that
// its file names, and those that outrank the audience it sends.
func (p *Project) Exclusions(s *Sync) []Exclusion {
	var out []Exclusion
	for _, name := range s.Exclude {
		out = append(out, Exclusion{Audience: name})
	}
	if s.Audience == "" {
		return out
	}
	for _, name := range p.Outranking(s.Audience) {
		if !slices.Contains(s.Exclude, name) {
			out = append(out, Exclusion{Audience: name, ByPriority: true})
		}
	}
	return out
}

// SettleFirst returns the audiences that should have their new versions before
// n has its own, though n doesn't read them: those that outrank it, and those
// that syncs of it exclude. Otherwise somebody who enters both would be sent,
// and be taken out a moment later. What waits for n, or reads it, is left out.
func (p *Project) SettleFirst(n Node) []Node {
	before := func(n Node) []Node {
		var out []Node
		for _, s := range p.Syncs {
			if kind, name := s.Reads(); kind != n.Kind || name != n.Name {
				continue
			}
			for _, e := range p.Exclusions(s) {
				out = append(out, Node{KindAudience, e.Audience})
			}
		}
		return out
	}
	reach := func(from Node) map[Node]bool {
		seen := map[Node]bool{}
		queue := []Node{from}
		for ; len(queue) > 0; queue = queue[1:] {
			for _, next := range append(before(queue[0]), p.graph.Upstream(queue[0])...) {
				if !seen[next] {
					seen[next] = true
					queue = append(queue, next)
				}
			}
		}
		return seen
	}
	var out []Node
	for _, first := range before(n) {
		if first != n && !slices.Contains(out, first) && !reach(first)[n] {
			out = append(out, first)
		}
	}
	slices.SortFunc(out, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return out
}
