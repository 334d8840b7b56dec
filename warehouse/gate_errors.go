package warehouse

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/tailrace/tailrace/sql/lex"
)

// The codes of a GateError.
const (
	GateText          = "text"           // characters or tokens that can't stand in SQL
	GateSize          = "size"           // more text than the engine reads
	GateStatements    = "statements"     // none, or more than one
	GateNotSelect     = "not_select"     // a statement that is no query
	GateClause        = "clause"         // INTO, FORMAT, SETTINGS and other clauses that aren't for files
	GateParameter     = "parameter"      // {name:Type}, ?, @name
	GateShadow        = "shadow"         // a CTE named like a table
	GateFunction      = "function"       // a function that isn't allowed
	GateTableFunction = "table_function" // FROM f(…)
	GateTable         = "table"          // a table that isn't allowed, or isn't there
	GateUnknown       = "unknown"        // an unknown column or function
	GateSyntax        = "syntax"         // the engine can't read it
	GateUnnamed       = "unnamed"        // a column that needs a name
	GateLimit         = "limit"          // time, memory or rows ran out
	GateEngine        = "engine"         // what else the engine refuses
)

// GateError says why a user's SQL was refused, with the place in the user's
// text: the line from 1, the column from 1 in code points.
type GateError struct {
	Line, Column int
	Code         string // one of the Gate… constants
	Message      string // one clause
	Hint         string // the way out, or empty
}

func (e *GateError) Error() string {
	text := fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

func gateError(pos lex.Pos, code, message, hint string) *GateError {
	return &GateError{Line: max(1, pos.Line), Column: max(1, pos.Column), Code: code, Message: message, Hint: hint}
}

// Codes of ClickHouse's errors.
const (
	codeUnknownFunction   = 46
	codeUnknownIdentifier = 47
	codeUnknownTable      = 60
	codeSyntaxError       = 62
	codeUnknownDatabase   = 81
	codeTooManyRows       = 158
	codeTimeout           = 159
	codeMemory            = 241
	codeTooManyBytes      = 307
	codeTooManyRowsBytes  = 396
)

// notTheStatement are codes of errors that say nothing of the statement: too
// many queries, network, cancelled, no access, disk, shutdown.
var notTheStatement = map[int32]bool{
	32: true, 76: true, 193: true, 194: true, 202: true, 209: true, 210: true, 236: true, 243: true, 279: true, 290: true,
	373: true, 394: true, 516: true, 745: true, codeUnknownException: true,
}

var (
	errorPosition  = regexp.MustCompile(`failed at position (\d+)`)
	errorNear      = regexp.MustCompile(`failed at position \d+ \(((?s:.*?))\)(?: \(line \d+, col \d+\))?: `)
	errorExpected  = regexp.MustCompile(`Expected (?:one of: )?(.*?)\.?(?: \(SYNTAX_ERROR\))?$`)
	errorMaybe     = regexp.MustCompile(`Maybe you meant:? \[?'?([^'\]?]+)'?[\]?]?`)
	errorBackquote = regexp.MustCompile("[Ii]dentifier [`']([^`']+)[`']|with name [`']([^`']+)[`']|[Tt]able [`']?([\\w.]+)[`']? does|Function ([\\w]+)")
	errorScope     = regexp.MustCompile(`(?s)[:.]? In scope .*$`)
	errorTail      = regexp.MustCompile(`(?s)\.?\s*(\([A-Z_]+\))?\s*(\(version .*\))?\s*$`)
	errorInScope   = regexp.MustCompile(`(?s) in scope .*$`)
)

// engineError turns what the engine says of the statement into a GateError with
// a place in the user's text. prefix is how many bytes the gate had put before
// the statement. An error that isn't the statement's is passed on.
func (g *gate) engineError(err error, prefix int) error {
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) || notTheStatement[exception.Code] {
		return fmt.Errorf("checking SQL: %w", err)
	}
	text := g.plainNames(exception.Message)
	hint := ""
	if maybe := errorMaybe.FindStringSubmatch(text); maybe != nil {
		hint = "did you mean " + strings.TrimSpace(maybe[1]) + "?"
	}
	name := ""
	if named := errorBackquote.FindStringSubmatch(text); named != nil {
		name = named[1] + named[2] + named[3] + named[4]
	}
	pos, found := g.position(name)
	switch exception.Code {
	case codeSyntaxError:
		return g.syntaxError(text, prefix)
	case codeUnknownIdentifier:
		return gateError(pos, GateUnknown, "unknown column "+name, hint)
	case codeUnknownFunction:
		return gateError(pos, GateUnknown, "unknown function "+name, hint)
	case codeUnknownTable, codeUnknownDatabase:
		if name == "" {
			return gateError(pos, GateTable, clean(text), hint)
		}
		return gateError(pos, GateTable, "unknown table "+name, hint)
	case codeTimeout:
		return gateError(pos, GateLimit, "checking the statement took longer than its time limit", "a subquery with one value runs during the check; make it cheaper")
	case codeMemory:
		return gateError(pos, GateLimit, "checking the statement needed more than its memory limit", "a subquery with one value runs during the check; make it cheaper")
	case codeTooManyRows, codeTooManyBytes, codeTooManyRowsBytes:
		return gateError(pos, GateLimit, "checking the statement read more rows than its limit", "a subquery with one value runs during the check; make it cheaper")
	}
	if !found {
		pos = g.start()
	}
	return gateError(pos, GateEngine, clean(text), hint)
}

func (g *gate) syntaxError(text string, prefix int) error {
	at := errorPosition.FindStringSubmatch(text)
	if at == nil {
		return gateError(g.start(), GateSyntax, clean(text), "")
	}
	offset, err := strconv.Atoi(at[1])
	if err != nil {
		return gateError(g.start(), GateSyntax, clean(text), "")
	}
	pos := lex.PosAt(g.source, g.origin(offset-1-prefix))
	message := "syntax error"
	if near := errorNear.FindStringSubmatch(text); near != nil {
		message += " at " + shorten(near[1], 40)
	}
	hint := ""
	if expected := errorExpected.FindStringSubmatch(text); expected != nil {
		hint = "expected " + shorten(expected[1], 120)
	}
	return gateError(pos, GateSyntax, message, hint)
}

// origin leads an offset of sql back to the user's text.
func (g *gate) origin(offset int) int {
	for i := len(g.steps) - 1; i >= 0; i-- {
		offset = g.steps[i].Origin(offset)
	}
	return offset
}

func (g *gate) start() lex.Pos {
	if len(g.tokens) > 0 {
		return g.tokens[0].Pos
	}
	return lex.Pos{Line: 1, Column: 1}
}

// position finds a name, which may be qualified, in the user's text.
func (g *gate) position(name string) (lex.Pos, bool) {
	if name == "" {
		return g.start(), false
	}
	parts := strings.Split(strings.ReplaceAll(name, "`", ""), ".")
	for from := range parts {
		for i := range g.tokens {
			if g.matches(i, parts[from:]) {
				return g.tokens[i].Pos, true
			}
		}
	}
	return g.start(), false
}

// matches reports whether the dotted name stands at token i.
func (g *gate) matches(i int, parts []string) bool {
	for n, part := range parts {
		at := i + 2*n
		if at >= len(g.tokens) || n > 0 && !g.tokens[at-1].Is(".") {
			return false
		}
		if name, named := g.tokens[at].Identifier(); !named || name != part {
			return false
		}
	}
	return true
}

// plainNames takes our databases out of a message, where the user wrote none.
func (g *gate) plainNames(text string) string {
	project := g.views()
	for _, prefix := range []string{"`" + project + "`.", project + "."} {
		text = strings.ReplaceAll(text, prefix, "")
	}
	return text
}

// clean leaves of an exception's message what a user can act on.
func clean(text string) string {
	text = errorScope.ReplaceAllString(text, "")
	text = errorInScope.ReplaceAllString(text, "")
	text = errorTail.ReplaceAllString(text, "")
	return shorten(strings.TrimSpace(text), 400)
}

// shorten cuts a text to about n bytes of one line.
func shorten(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
