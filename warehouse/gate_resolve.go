package warehouse

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/sql/lex"
)

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

func (g *gate) treeTableError(label string) error {
	name := strings.TrimPrefix(label, "TableIdentifier ")
	ref := lex.Ref{Name: name}
	if database, table, qualified := strings.Cut(name, "."); qualified {
		ref.Database, ref.Name = database, table
	}
	if ref.Database == g.views() {
		ref.Database = ""
	}
	ref.Pos, _ = g.position(ref.Name)
	return g.tableError(ref)
}
