package warehouse

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tailrace/tailrace/sql/lex"
)

// maxUserSQL stays below the engine's max_query_size with room for what the
// gate adds.
const maxUserSQL = 200 << 10

// maxBrackets stays below the engine's limits on depth.
const maxBrackets = 250

// lexical refuses what needs no engine to be refused, and what the engine's
// trees would not show.
func (g *gate) lexical() error {
	if len(g.source) > maxUserSQL {
		return gateError(lex.Pos{}, GateSize, "the statement is longer than 200 KB", "read the values from a table instead")
	}
	if !utf8.ValidString(g.source) {
		bad := strings.IndexFunc(strings.ToValidUTF8(g.source, "\uFFFD"), func(r rune) bool { return r == '\uFFFD' })
		return gateError(lex.PosAt(g.source, bad), GateText, "the text is not UTF-8 here", "save the file as UTF-8")
	}
	all := lex.Tokens(g.source)
	g.tokens = lex.Significant(all)
	if bad := lex.FirstInvalid(all); bad != nil {
		return gateError(bad.Pos, GateText, bad.Message, bad.Hint)
	}
	for _, check := range []func() error{g.quotedNames, g.oneQuery, g.brackets, g.clauses, g.calls, g.names} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

var callableName = regexp.MustCompile(`^\w+$`)

// quotedNames refuses names that could write lines of their own into the
// engine's trees, or pass there for something else.
func (g *gate) quotedNames() error {
	for i, t := range g.tokens {
		name, named := t.Identifier()
		if !named || t.Kind != lex.Quoted {
			continue
		}
		odd := func(r rune) bool {
			return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
		}
		if strings.ContainsFunc(name, odd) {
			return gateError(t.Pos, GateText, "this quoted name holds a control character", "name it with letters, digits, blanks and signs")
		}
		if i+1 < len(g.tokens) && g.tokens[i+1].Is("(") && !callableName.MatchString(name) {
			return gateError(t.Pos, GateFunction, "this quoted name can't be called", "")
		}
	}
	return nil
}

// oneQuery asks for one statement that begins as a query does. The engine would
// take leading words such as optimize=1 as options of EXPLAIN.
func (g *gate) oneQuery() error {
	statements := lex.Statements(g.source)
	if len(statements) == 0 {
		return gateError(lex.Pos{}, GateStatements, "there is no statement", "write a SELECT")
	}
	if len(statements) > 1 {
		return gateError(statements[1].Pos, GateStatements, "a second statement begins here", "keep one SELECT in a file")
	}
	if first := g.tokens[0]; !first.Any("SELECT", "WITH", "FROM", "(") {
		return gateError(first.Pos, GateNotSelect, "only a SELECT can stand here, not "+shorten(first.Text, 30), "begin with SELECT, WITH or FROM")
	}
	return nil
}

func (g *gate) brackets() error {
	closing := map[string]string{"(": ")", "[": "]", "{": "}"}
	var open []lex.Token
	for _, t := range g.tokens {
		switch {
		case t.Any("(", "[", "{"):
			open = append(open, t)
			if len(open) > maxBrackets {
				return gateError(t.Pos, GateSize, "brackets nest too deep here", "use WITH name AS (…)")
			}
		case t.Any(")", "]", "}"):
			if len(open) == 0 || closing[open[len(open)-1].Text] != t.Text {
				return gateError(t.Pos, GateSyntax, "this "+t.Text+" closes nothing", "")
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return gateError(open[len(open)-1].Pos, GateSyntax, "this "+open[len(open)-1].Text+" is never closed", "")
	}
	return nil
}

// clauses refuses clauses that the engine takes out of the tree before it shows
// it, and values that nobody gives.
func (g *gate) clauses() error {
	for i, t := range g.tokens {
		before, next, after := g.token(i-1), g.token(i+1), g.token(i+2)
		switch {
		case t.Kind == lex.Word && (before.Is(".") || before.Is("AS") && !next.Is("OUTFILE")):
		case t.Is("INTO"):
			return gateError(t.Pos, GateClause, "INTO writes files, which users' SQL can't", "remove it, or quote the name: `into`")
		case t.Is("FORMAT") && next.Kind == lex.Word && !next.Any(followsOperand...):
			return gateError(t.Pos, GateClause, "FORMAT can't stand here, since the reader chooses the format", "remove it, or quote the name: `format`")
		case t.Is("SETTINGS") && (next.Kind == lex.Word || next.Kind == lex.Quoted) && after.Is("="):
			return gateError(t.Pos, GateClause, "SETTINGS can't stand in users' SQL", "remove it; limits are in tailrace.yml")
		case t.Is("EXPLAIN") && (i == 0 || before.Is("(")):
			return gateError(t.Pos, GateClause, "EXPLAIN can't stand in users' SQL", "remove it")
		case t.Is("PARALLEL") && next.Is("WITH"):
			return gateError(t.Pos, GateStatements, "PARALLEL WITH begins a second statement", "keep one SELECT in a file")
		case t.Is("{") && next.Kind == lex.Word && after.Is(":"):
			return gateError(t.Pos, GateParameter, "nobody gives a value to the parameter "+next.Text, "write the value, or a table's name, itself")
		case t.Is("?"):
			return gateError(t.Pos, GateParameter, "a question mark can't stand in users' SQL", "write if(condition, then, else)")
		case t.Is("@"), t.Is("@@"):
			return gateError(t.Pos, GateParameter, "users' SQL has no variables", "write the value itself")
		}
	}
	return nil
}

// followsOperand are words that may follow a column.
var followsOperand = []string{"FROM", "AS", "IN", "NOT", "IS", "LIKE", "ILIKE", "BETWEEN", "AND", "OR", "ASC", "DESC", "NULLS",
	"THEN", "ELSE", "END", "WHEN", "GROUP", "ORDER", "HAVING", "LIMIT", "WHERE", "WITH", "UNION", "EXCEPT", "DIV", "MOD", "REGEXP"}

func (g *gate) token(i int) lex.Token {
	if i < 0 || i >= len(g.tokens) {
		return lex.Token{Kind: lex.Space}
	}
	return g.tokens[i]
}

// calls refuses functions early, with their places.
func (g *gate) calls() error {
	for _, c := range lex.Functions(g.tokens) {
		if why, forbidden := lex.Forbidden(c.Name); forbidden {
			return gateError(c.Pos, GateFunction, c.Name+" can't be used: it "+why, "")
		}
	}
	for i, t := range g.tokens {
		if !t.Is("APPLY") {
			continue
		}
		at := i + 1
		for g.token(at).Is("(") {
			at++
		}
		if name, named := g.token(at).Identifier(); named && !g.token(at+1).Is("->") && !allowedFunction(name) {
			return gateError(g.token(at).Pos, GateFunction, "the function "+name+" can't be used here", "")
		}
	}
	return nil
}

// names refuses tables that aren't allowed and names that would hide one.
func (g *gate) names() error {
	tableNames := map[string]bool{}
	for full := range g.allowed {
		_, name, _ := strings.Cut(full, ".")
		tableNames[name] = true
	}
	for _, cte := range lex.CTEs(g.tokens) {
		if tableNames[cte.Name] {
			return gateError(cte.Pos, GateShadow, "WITH "+cte.Name+" hides the table of that name", "give it another name")
		}
		g.ctes[cte.Name] = true
	}
	for _, ref := range lex.Tables(g.tokens) {
		switch ref.Kind {
		case lex.RefFunction:
			if ref.Database != "" || !gateTableFunctions[strings.ToLower(ref.Name)] {
				return gateError(ref.Pos, GateTableFunction, "the table function "+ref.Name+" can't be used", "read a table or view by its name")
			}
		case lex.RefParam:
			return gateError(ref.Pos, GateParameter, "a table's name can't be a parameter", "write the name itself")
		case lex.RefText:
			return gateError(ref.Pos, GateTable, "a text can't stand for a table", "write the table's name without quotes")
		case lex.RefIn:
			if ref.Database == "" {
				continue // a column of arrays, unless it is a table: rewrite asks
			}
			fallthrough
		default:
			if _, ok := g.resolve(ref); !ok {
				return g.tableError(ref)
			}
		}
	}
	return nil
}
