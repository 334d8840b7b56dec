package warehouse

import (
	"context"
	"fmt"
	"regexp"
	"slices"
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

var (
	treeFunction      = regexp.MustCompile(`^FUNCTION id: \d+.*?, function_name: (\w+), function_type: `)
	treeTableFunction = regexp.MustCompile(`^TABLE_FUNCTION id: \d+.*, table_function_name: (\w+)(, [a-z_]+: .*)?$`)
	treeIdentifier    = regexp.MustCompile(`^IDENTIFIER id: \d+, (?:.*, )?identifier: (.*)$`)
	treeTable         = regexp.MustCompile(`^TABLE id: \d+, (?:.*, )?table_name: (.*?)(?:, (?:final|sample_size|sample_offset): .*)?$`)
	treeTemporary     = regexp.MustCompile(`^_temporary_and_external_tables\._tmp_[0-9a-f-]+, temporary_table_name: (.*)$`)
)

// plainTree checks the query tree before its names are resolved. It shows what
// EXPLAIN AST leaves out (functions given to APPLY, settings), and still runs
// nothing.
func (g *gate) plainTree(ctx context.Context) error {
	lines, err := g.lines(ctx, "EXPLAIN QUERY TREE run_passes = 0\n")
	if err != nil {
		return err
	}
	nodes := parseTree(lines)
	var named []string // bare names where a function may be given by its name
	for _, n := range nodes {
		switch n.kind {
		case "SETTINGS":
			return gateError(g.start(), GateClause, "SETTINGS can't stand in users' SQL", "remove it; limits are in tailrace.yml")
		case "FUNCTION":
			match := treeFunction.FindStringSubmatch(n.label)
			if match == nil {
				return gateError(g.start(), GateFunction, "this statement calls something that can't be a function: "+shorten(n.label, 60), "")
			}
			if !g.mayCall(match[1]) {
				return g.functionError(GateFunction, "the function ", match[1])
			}
		case "TABLE_FUNCTION":
			if match := treeTableFunction.FindStringSubmatch(n.label); match == nil || !gateTableFunctions[strings.ToLower(match[1])] {
				return gateError(g.start(), GateTableFunction, "this statement uses a table function that can't be used", "")
			}
		case "IDENTIFIER":
			match := treeIdentifier.FindStringSubmatch(n.label)
			if match != nil && n.givesFunction() && !allowedFunction(match[1]) {
				named = append(named, match[1])
			}
		}
	}
	taken, err := g.engineFunctions(ctx, named)
	if err != nil {
		return err
	}
	for _, name := range named {
		if taken[strings.ToLower(name)] {
			return g.functionError(GateFunction, "the function ", name)
		}
	}
	return nil
}

// givesFunction reports whether the name is an argument of a function that
// takes functions.
func (n *node) givesFunction() bool {
	at := n.parent
	for at != nil && at.kind != "FUNCTION" && (at.kind == "LIST" || at.kind == "ARGUMENTS") {
		at = at.parent
	}
	if at == nil || at.kind != "FUNCTION" {
		return false
	}
	match := treeFunction.FindStringSubmatch(at.label)
	return match != nil && functionTakers[strings.ToLower(match[1])]
}

// resolvedTree checks what the names came to mean, and gives the tables. The
// engine runs scalar subqueries for it.
func (g *gate) resolvedTree(ctx context.Context) ([]string, error) {
	lines, err := g.lines(ctx, "EXPLAIN QUERY TREE\n")
	if err != nil {
		return nil, err
	}
	var tables []string
	for _, n := range parseTree(lines) {
		switch n.kind {
		case "TABLE":
			match := treeTable.FindStringSubmatch(n.label)
			if match == nil {
				continue // the heading TABLE EXPRESSION
			}
			if match[1] == "system.one" {
				continue // what a SELECT without FROM reads
			}
			if own := treeTemporary.FindStringSubmatch(match[1]); own != nil && g.ctes[own[1]] {
				continue // what a recursive CTE reads of itself
			}
			if !g.allowed[match[1]] {
				return nil, g.treeTableError("TableIdentifier " + match[1])
			}
			tables = append(tables, match[1])
		case "TABLE_FUNCTION":
			if match := treeTableFunction.FindStringSubmatch(n.label); match == nil || !gateTableFunctions[strings.ToLower(match[1])] {
				return nil, gateError(g.start(), GateTableFunction, "this statement uses a table function that can't be used", "")
			}
		case "FUNCTION":
			if err := g.resolvedFunction(n); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables), nil
}

// resolvedFunction refuses what a bare word turned out to be: now, user.
func (g *gate) resolvedFunction(n *node) error {
	match := treeFunction.FindStringSubmatch(n.label)
	if match == nil {
		return nil
	}
	name := match[1]
	if lex.ReadsClock(name) {
		if g.options.Now.IsZero() {
			return nil
		}
		pos, _ := g.position(name)
		return gateError(pos, GateFunction, name+" reads the clock without being called", "write "+name+"()")
	}
	if _, forbidden := lex.Forbidden(name); forbidden || bareWords[strings.ToLower(name)] {
		return g.functionError(GateFunction, "the function ", name)
	}
	return nil
}

// bareWords are functions that the engine calls for a bare word.
var bareWords = lowerSet("currentUser currentDatabase currentSchemas localtime authenticatedUser timezone serverTimezone version file")

func (g *gate) functionError(code, what, name string) *GateError {
	pos, found := g.position(name)
	if !found {
		pos = g.start()
		for _, t := range g.tokens {
			if word, named := t.Identifier(); named && strings.EqualFold(word, name) {
				pos = t.Pos
				break
			}
		}
	}
	return gateError(pos, code, what+name+" can't be used", functionHint(name))
}

// functionHint says what to do instead of a refused function.
func functionHint(name string) string {
	lower := strings.ToLower(name)
	switch {
	case strings.HasPrefix(lower, "dict"), strings.HasPrefix(lower, "joinget"), strings.HasPrefix(lower, "region"):
		return "join the table that holds the values instead"
	case strings.HasPrefix(lower, "current"), lower == "user", lower == "version", lower == "hostname", lower == "timezone":
		return "users' SQL answers the same wherever it runs"
	}
	return "see docs for the functions that users' SQL may call"
}

func (g *gate) treeTableError(label string) error {
	name := strings.TrimPrefix(label, "TableIdentifier ")
	ref := lex.Ref{Name: name}
	if database, table, qualified := strings.Cut(name, "."); qualified {
		ref.Database, ref.Name = database, table
	}
	if ref.Database == g.db.ProjectDatabase() {
		ref.Database = ""
	}
	ref.Pos, _ = g.position(ref.Name)
	return g.tableError(ref)
}
