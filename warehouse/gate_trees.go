package warehouse

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/tailrace/tailrace/sql/lex"
)

// node is one line of a tree that the engine prints.
type node struct {
	depth  int
	label  string // the line without its indentation
	kind   string // the label's first word
	parent *node
}

// parseTree reads lines indented by their depth. Control characters can't be in
// names (quotedNames), and the engine escapes those of values, so that each
// line is one node.
func parseTree(lines []string) []*node {
	var nodes, path []*node
	for _, line := range lines {
		label := strings.TrimLeft(line, " ")
		if label == "" {
			continue
		}
		n := &node{depth: len(line) - len(label), label: label}
		n.kind, _, _ = strings.Cut(label, " ")
		n.kind = strings.TrimSuffix(n.kind, ",")
		for len(path) > 0 && path[len(path)-1].depth >= n.depth {
			path = path[:len(path)-1]
		}
		if len(path) > 0 {
			n.parent = path[len(path)-1]
		}
		path = append(path, n)
		nodes = append(nodes, n)
	}
	return nodes
}

// syntaxKinds are the nodes of EXPLAIN AST that a query may have.
var syntaxKinds = func() map[string]bool {
	set := map[string]bool{}
	for _, kind := range strings.Fields(`SelectWithUnionQuery SelectIntersectExceptQuery SelectQuery ExpressionList Function Identifier
		Literal TablesInSelectQuery TablesInSelectQueryElement TableExpression TableIdentifier TableJoin ArrayJoin Subquery
		WithElement OrderByElement InterpolateElement WindowDefinition WindowListElement SampleRatio Asterisk QualifiedAsterisk
		ColumnsRegexpMatcher ColumnsListMatcher QualifiedColumnsRegexpMatcher QualifiedColumnsListMatcher ColumnsTransformerList
		ColumnsExceptTransformer ColumnsReplaceTransformer ColumnsReplaceTransformer::Replacement ColumnsApplyTransformer`) {
		set[kind] = true
	}
	return set
}()

var (
	syntaxFunction = regexp.MustCompile(`^Function (\w+)( \(alias .*\))?( \(children \d+\))?$`)
	syntaxTable    = regexp.MustCompile(`^TableIdentifier (.*?)( \(alias .*\))?( \(children \d+\))?$`)
	lambdaAlias    = regexp.MustCompile(`^Function lambda \(alias (\w+)\)`)
)

// syntaxTree checks what the parser made of the text; nothing is looked up and
// nothing runs.
func (g *gate) syntaxTree(ctx context.Context) error {
	lines, err := g.lines(ctx, "EXPLAIN AST\n")
	if err != nil {
		return err
	}
	nodes := parseTree(lines)
	if err := g.findLambdas(ctx, nodes); err != nil {
		return err
	}
	for i, n := range nodes {
		switch {
		case i == 0 && n.kind != "SelectWithUnionQuery":
			return gateError(g.start(), GateNotSelect, "only a SELECT can stand here", "")
		case n.kind == "Set":
			return gateError(g.start(), GateClause, "SETTINGS can't stand in users' SQL", "remove it; limits are in tailrace.yml")
		case !syntaxKinds[n.kind]:
			return gateError(g.start(), GateClause, "this statement uses a clause that isn't for users' SQL ("+n.kind+")", "")
		case n.parent != nil && n.parent.kind == "SelectWithUnionQuery" && n.kind != "ExpressionList":
			return gateError(g.start(), GateClause, "INTO and FORMAT can't stand in users' SQL", "remove them")
		case n.kind == "Function":
			if err := g.syntaxFunction(n); err != nil {
				return err
			}
		case n.kind == "TableIdentifier":
			table := syntaxTable.FindStringSubmatch(n.label)
			if table == nil || !g.allowed[table[1]] && !g.ctes[table[1]] {
				return g.treeTableError(n.label)
			}
		}
	}
	return nil
}

func (g *gate) syntaxFunction(n *node) error {
	match := syntaxFunction.FindStringSubmatch(n.label)
	if match == nil {
		return gateError(g.start(), GateFunction, "this statement calls something that can't be a function: "+shorten(n.label, 60), "")
	}
	name := match[1]
	if n.parent != nil && n.parent.kind == "TableExpression" {
		if !gateTableFunctions[strings.ToLower(name)] {
			return g.functionError(GateTableFunction, "the table function ", name)
		}
		return nil
	}
	if !g.mayCall(name) {
		return g.functionError(GateFunction, "the function ", name)
	}
	return nil
}

// mayCall reports whether the statement may call the function: a harmless one,
// one of its own, or one that reads the clock where the clock isn't replaced.
func (g *gate) mayCall(name string) bool {
	return allowedFunction(name) || g.lambdas[name] || g.options.Now.IsZero() && lex.ReadsClock(name)
}

// findLambdas notes the functions that the statement itself names: (x -> …) AS
// f. One with the name of an engine's function stays refused, since where the
// alias is out of scope the engine's is meant.
func (g *gate) findLambdas(ctx context.Context, nodes []*node) error {
	var names []string
	for _, n := range nodes {
		if match := lambdaAlias.FindStringSubmatch(n.label); match != nil {
			names = append(names, match[1])
		}
	}
	taken, err := g.engineFunctions(ctx, names)
	if err != nil {
		return err
	}
	g.lambdas = map[string]bool{}
	for _, name := range names {
		g.lambdas[name] = !taken[strings.ToLower(name)]
	}
	return nil
}

// engineFunctions says which of the names are functions of the engine, whatever
// their case; the answer is in lower case.
func (g *gate) engineFunctions(ctx context.Context, names []string) (map[string]bool, error) {
	set := map[string]bool{}
	if len(names) == 0 {
		return set, nil
	}
	lower := make([]string, len(names))
	for i, name := range names {
		lower[i] = strings.ToLower(name)
	}
	var found []string
	err := g.db.Select(ctx, &found, "SELECT DISTINCT lower(name) FROM system.functions WHERE lower(name) IN ({names:Array(String)})", P{"names": lower})
	if err != nil {
		return nil, fmt.Errorf("checking SQL: %w", err)
	}
	for _, name := range found {
		set[name] = true
	}
	return set, nil
}
