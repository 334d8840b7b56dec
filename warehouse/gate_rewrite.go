package warehouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/sql/lex"
)

// rewrite makes of the user's text the one that the engine is given: plain
// first, then with the logical time, then with qualified tables.
func (g *gate) rewrite(ctx context.Context) error {
	g.sql = g.source
	g.step(lex.Replace(g.sql, plain(lex.Tokens(g.sql))))
	if !g.options.Now.IsZero() {
		timed, err := lex.RewriteTimeMapped(g.sql, g.options.Now)
		if err != nil {
			return g.textError(err)
		}
		g.step(timed)
		for _, e := range timed.Edits {
			g.literal = append(g.literal, strings.TrimRight(timed.SQL[e.NewFrom:e.NewTo], "\n"))
		}
	}
	var edits []lex.Replacement
	var unknown []lex.Ref
	for _, ref := range lex.Tables(lex.Tokens(g.sql)) {
		if ref.Kind != lex.RefTable && ref.Kind != lex.RefIn {
			continue
		}
		database, ok := g.resolve(ref)
		if !ok {
			unknown = append(unknown, ref)
			continue
		}
		edits = append(edits, lex.Replacement{From: ref.Pos.Offset, To: ref.End,
			Text: quoteIdentifier(database) + "." + quoteIdentifier(ref.Name)})
	}
	if err := g.notTables(ctx, unknown); err != nil {
		return err
	}
	g.step(lex.Replace(g.sql, edits))
	return nil
}

func (g *gate) step(r *lex.Rewritten) {
	g.steps = append(g.steps, r)
	g.sql = r.SQL
}

// plain drops comments and the semicolon at the end, and writes uncommon
// quotes as the common ones: whoever reads the statement afterwards, however
// simply, sees the same strings, names and brackets.
func plain(tokens []lex.Token) []lex.Replacement {
	var edits []lex.Replacement
	for _, t := range tokens {
		text := ""
		switch {
		case t.Kind == lex.Comment:
			text = " " + strings.Repeat("\n", strings.Count(t.Text, "\n"))
		case t.Is(";"):
			text = " "
		case t.Is("−"):
			text = "-"
		case t.Kind == lex.Heredoc, t.Kind == lex.String && !strings.HasSuffix(t.Text, "'"):
			value, _ := t.Value()
			text = quoteString(value)
		case t.Kind == lex.Quoted && !strings.HasPrefix(t.Text, "`"):
			name, _ := t.Identifier()
			text = quoteIdentifier(name)
		case t.Kind == lex.Space && strings.ContainsFunc(t.Text, func(r rune) bool { return r >= 0x80 }):
			text = " " + strings.Repeat("\n", strings.Count(t.Text, "\n"))
		default:
			continue
		}
		edits = append(edits, lex.Replacement{From: t.Pos.Offset, To: t.End(), Text: text})
	}
	return edits
}

// notTables refuses names behind IN that are no allowed table but would be read
// as one; where no table has the name, it is a column.
func (g *gate) notTables(ctx context.Context, refs []lex.Ref) error {
	if len(refs) == 0 {
		return nil
	}
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = ref.Name
	}
	var tables []string
	err := g.db.Select(ctx, &tables, "SELECT DISTINCT name FROM system.tables WHERE database IN ({databases:Array(String)}) AND name IN ({names:Array(String)})",
		P{"databases": []string{g.db.Database(), g.views(), "default"}, "names": names})
	if err != nil {
		return fmt.Errorf("checking SQL: %w", err)
	}
	for _, ref := range refs {
		for _, table := range tables {
			if table == ref.Name {
				ref.Pos = lex.PosAt(g.source, g.origin(ref.Pos.Offset))
				return g.tableError(ref)
			}
		}
	}
	return nil
}

// tableError refuses a table and names the nearest one that is allowed.
func (g *gate) tableError(ref lex.Ref) *GateError {
	name := ref.Name
	if ref.Database != "" {
		name = ref.Database + "." + name
	}
	hint := ""
	if near := g.nearestTable(ref.Name); near != "" {
		hint = "did you mean " + near + "?"
	}
	switch strings.ToLower(ref.Database) {
	case "system", "information_schema":
		hint = "users' SQL reads the public tables and the project's own views"
	}
	return gateError(ref.Pos, GateTable, "unknown table "+name, hint)
}

// nearestTable is the allowed table whose name differs least, by a third of its
// letters at most.
func (g *gate) nearestTable(name string) string {
	best, bestDistance := "", 1+len(name)/3
	for full := range g.allowed {
		candidate, inProject := strings.CutPrefix(full, g.views()+".")
		_, bare, _ := strings.Cut(full, ".")
		if inProject {
			bare = candidate
		}
		d := distance(strings.ToLower(name), strings.ToLower(bare))
		if d < bestDistance || d == bestDistance && best != "" && candidate < best {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// textError gives a mistake that the tokens showed its place in the user's text.
func (g *gate) textError(err error) error {
	e, ok := err.(*lex.Error)
	if !ok {
		return err
	}
	return gateError(lex.PosAt(g.source, g.origin(e.Pos.Offset)), GateFunction, e.Message, e.Hint)
}
