package project

import (
	"slices"
	"strings"
)

// PublicTables are the tables of Tailrace's own that a project's SQL may read.
var PublicTables = []string{
	"audience_changes", "consents", "events", "events_raw", "events_rejected", "identities",
	"identity_merges", "materializations", "profiles", "suppressions",
}

func isBuiltin(name string) bool { return slices.Contains(PublicTables, name) }

// defaultDatabase is where data is kept unless tailrace.yml says otherwise.
const defaultDatabase = "tailrace"

// Further kinds of nodes in the graph.
const (
	KindBuiltin  Kind = "builtin"  // a table of Tailrace's own
	KindExternal Kind = "external" // a table of a database under warehouse.read
)

// Node is something that reads or is read. Name is database.table for external
// tables. Nodes are compared by value.
type Node struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}

// String writes kind and name.
func (n Node) String() string { return string(n.Kind) + " " + n.Name }

// Graph says what reads what.
type Graph struct {
	nodes    []Node // in topological order: what is read comes first
	up, down map[Node][]Node
	sends    map[Node][]Node // of a sync: what its rows are made of, without what it only excludes
	paths    map[Node]string
	tags     map[Node][]string
}

// Graph returns the project's graph. Edges to tables that don't exist are left
// out, and so are those that would close a cycle.
func (p *Project) Graph() *Graph { return p.graph }

// Nodes returns all nodes in topological order: what is read comes first, and
// names in alphabetic order where the graph leaves it open.
func (g *Graph) Nodes() []Node { return slices.Clone(g.nodes) }

// Reads returns what n reads itself, in order of the text.
func (g *Graph) Reads(n Node) []Node { return slices.Clone(g.up[n]) }

// ReadBy returns what reads n itself.
func (g *Graph) ReadBy(n Node) []Node { return slices.Clone(g.down[n]) }

// Upstream returns everything that n depends on, in topological order.
func (g *Graph) Upstream(n Node) []Node { return g.reach(n, g.up) }

// Downstream returns everything that depends on n, in topological order.
func (g *Graph) Downstream(n Node) []Node { return g.reach(n, g.down) }

func (g *Graph) reach(from Node, edges map[Node][]Node) []Node {
	seen := map[Node]bool{from: true}
	queue := []Node{from}
	for len(queue) > 0 {
		for _, next := range edges[queue[0]] {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
		queue = queue[1:]
	}
	delete(seen, from)
	return slices.DeleteFunc(g.Nodes(), func(n Node) bool { return !seen[n] })
}

// Purposes returns the purposes that a sync's rows are bound to: those of the
// sync's own consent key, of its destination, and of every file that its rows
// come from. A profile must have consented to all of them. Sorted.
func (p *Project) Purposes(s *Sync) []string {
	all := slices.Clone(s.Consent)
	if d := p.Destination(s.Destination); d != nil {
		all = append(all, d.Purpose...)
	}
	for _, direct := range p.graph.sends[Node{KindSync, s.Name}] {
		for _, n := range append(p.graph.Upstream(direct), direct) {
			if f := p.SQL(n.Name); f != nil && f.Kind == n.Kind {
				all = append(all, f.Header.Purpose...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Categories are all purposes that the project's files name, sorted: what people
// may have consented to. Each is one word in consents too.
func (p *Project) Categories() []string {
	var all []string
	for _, s := range p.Syncs {
		all = append(all, s.Consent...)
	}
	for _, d := range p.Destinations {
		all = append(all, d.Purpose...)
	}
	for _, f := range p.SQLFiles() {
		all = append(all, f.Header.Purpose...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// checkGraph draws the graph and names unknown tables and cycles.
func (l *loader) checkGraph() {
	g := &Graph{up: map[Node][]Node{}, down: map[Node][]Node{}, sends: map[Node][]Node{}, paths: map[Node]string{}, tags: map[Node][]string{}}
	l.p.graph = g
	nodes := map[Node]bool{}
	for _, f := range l.p.SQLFiles() {
		n := Node{f.Kind, f.Name}
		nodes[n], g.paths[n], g.tags[n] = true, f.Path, f.Header.Tags
		for _, r := range f.Refs {
			if to, ok := l.resolveTable(f, r); ok {
				nodes[to] = true
				g.up[n] = append(g.up[n], to)
			}
		}
	}
	for _, s := range l.p.Syncs {
		n := Node{KindSync, s.Name}
		nodes[n], g.paths[n], g.tags[n] = true, s.Path, s.Tags
		kind, name := s.Reads()
		if f := l.p.SQL(name); f != nil && f.Kind == kind {
			g.up[n] = append(g.up[n], Node{kind, name})
		}
		if kind == KindBuiltin {
			nodes[Node{kind, name}] = true
			g.up[n] = append(g.up[n], Node{kind, name})
		}
		for _, trait := range s.profileTraits(l.p) {
			g.up[n] = append(g.up[n], Node{KindTrait, trait})
		}
		if s.readsProfiles() {
			nodes[Node{KindBuiltin, "profiles"}] = true
			g.up[n] = append(g.up[n], Node{KindBuiltin, "profiles"})
		}
		g.sends[n] = slices.Clone(g.up[n])
		for _, e := range l.p.Exclusions(s) {
			if excluded := (Node{KindAudience, e.Audience}); l.p.Audience(e.Audience) != nil && !slices.Contains(g.up[n], excluded) {
				g.up[n] = append(g.up[n], excluded)
			}
		}
	}
	g.arrange(nodes, l)
	for n, reads := range g.up {
		for _, to := range reads {
			g.down[to] = append(g.down[to], n)
		}
	}
	for _, readers := range g.down {
		sortNodes(readers)
	}
}

func (s *Sync) readsProfiles() bool {
	for _, c := range s.Match {
		if c.Profile {
			return true
		}
	}
	return slices.ContainsFunc(s.Fields, func(f Field) bool { return f.Column.Profile })
}

// profileTraits are the traits that a sync reads as columns of profiles.
func (s *Sync) profileTraits(p *Project) []string {
	var out []string
	note := func(c Column) {
		if c.Profile && p.Trait(c.Name) != nil && c.Name != s.Trait && !slices.Contains(out, c.Name) {
			out = append(out, c.Name)
		}
	}
	for _, c := range s.Match {
		note(c)
	}
	for _, f := range s.Fields {
		note(f.Column)
	}
	slices.Sort(out)
	return out
}

func sortNodes(nodes []Node) {
	slices.SortFunc(nodes, func(a, b Node) int {
		if a.Kind != b.Kind {
			return strings.Compare(string(a.Kind), string(b.Kind))
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// resolveTable finds what a name in SQL stands for, or says that it is unknown.
func (l *loader) resolveTable(f *SQLFile, r Ref) (Node, bool) {
	database := l.p.ownDatabase()
	switch {
	case r.Database == "" || r.Database == database || r.Database == database+"_project":
		if file := l.p.SQL(r.Name); file != nil && r.Database != database {
			return Node{file.Kind, file.Name}, true
		}
		if isBuiltin(r.Name) && r.Database != database+"_project" {
			return Node{KindBuiltin, r.Name}, true
		}
	case slices.Contains(l.p.Config.Warehouse.Read, r.Database) && !slices.Contains(engineDatabases, r.Database):
		return Node{KindExternal, r.String()}, true
	default:
		if !r.maybe {
			l.fail(CodeReadsExternal, f.Path, r.Position, "list it under warehouse.read in tailrace.yml", "%s is of a database that the project may not read", r)
		}
		return Node{}, false
	}
	if !r.maybe {
		l.fail(CodeUnknownTable, f.Path, r.Position, "", "unknown table %s%s", r, suggest(r.Name, append(names(l.p.SQLFiles()), PublicTables...)))
	}
	return Node{}, false
}

// arrange puts nodes in topological order, and names and cuts cycles.
func (g *Graph) arrange(nodes map[Node]bool, l *loader) {
	const (
		unseen = iota
		open
		done
	)
	state := map[Node]int{}
	var stack []Node
	var visit func(n Node)
	visit = func(n Node) {
		state[n] = open
		stack = append(stack, n)
		kept := g.up[n][:0:0]
		for _, to := range g.up[n] {
			switch state[to] {
			case open:
				l.cycle(append(slices.Clone(stack[slices.Index(stack, to):]), to))
				continue
			case unseen:
				visit(to)
			}
			kept = append(kept, to)
		}
		if len(kept) > 0 {
			g.up[n] = kept
		} else {
			delete(g.up, n)
		}
		stack = stack[:len(stack)-1]
		state[n] = done
		g.nodes = append(g.nodes, n)
	}
	all := make([]Node, 0, len(nodes))
	for n := range nodes {
		all = append(all, n)
	}
	sortNodes(all)
	for _, n := range all {
		if state[n] == unseen {
			visit(n)
		}
	}
}

// cycle points at the place where the last file of a circle reads the first.
func (l *loader) cycle(circle []Node) {
	names := make([]string, len(circle))
	for i, n := range circle {
		names[i] = n.Name
	}
	f := l.p.SQL(circle[len(circle)-2].Name)
	at := Position{}
	for _, r := range f.Refs {
		if r.Name == names[len(names)-1] {
			at = r.Position
		}
	}
	l.fail(CodeCycle, f.Path, at, "", "files read each other in a circle: %s", strings.Join(names, " → "))
}
