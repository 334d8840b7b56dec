package lex

import "strings"

// clause is what the words of a query stand for at this moment.
type clause uint8

const (
	clauseOther  clause = iota // select list, WHERE, GROUP BY …: no tables, commas mean nothing
	clauseWith                 // between WITH and SELECT
	clauseTable                // a table is due
	clauseJoined               // behind a table: a comma brings another one
)

// frame is one pair of brackets, or the whole statement.
type frame struct {
	query  bool // it holds a SELECT
	clause clause
	ctes   []string
}

type scanner struct {
	tokens  []Token
	closing []int  // by the index of an opening bracket: the index behind its closing one
	queries []bool // by index: a query begins here, brackets around it or not
	frames  []frame
	scope   map[string]int // how many frames define a common table expression of that name
	refs    []Ref
	ctes    []CTE
}

// scanTables works in time linear in the tokens, however deep they nest.
func scanTables(tokens []Token) *scanner {
	s := &scanner{tokens: Significant(tokens), scope: map[string]int{}}
	s.closing = make([]int, len(s.tokens))
	s.queries = make([]bool, len(s.tokens))
	var open []int
	for i, t := range s.tokens {
		switch bracket(t) {
		case 1:
			open = append(open, i)
			s.closing[i] = len(s.tokens)
		case -1:
			if len(open) > 0 {
				s.closing[open[len(open)-1]] = i + 1
				open = open[:len(open)-1]
			}
		}
	}
	for i := len(s.tokens) - 1; i >= 0; i-- {
		t := s.tokens[i]
		s.queries[i] = t.Any("SELECT", "FROM", "EXPLAIN", "WITH") || t.Is("(") && i+1 < len(s.tokens) && s.queries[i+1]
	}
	s.scan()
	return s
}

func (s *scanner) top() *frame { return &s.frames[len(s.frames)-1] }

func (s *scanner) tok(i int) Token {
	if i < 0 || i >= len(s.tokens) {
		return Token{Kind: Space}
	}
	return s.tokens[i]
}

func (s *scanner) push(i int) {
	s.frames = append(s.frames, frame{query: s.startsQuery(i)})
}

// startsQuery reports whether a query begins at i, brackets around it or not.
func (s *scanner) startsQuery(i int) bool { return i < len(s.queries) && s.queries[i] }

func (s *scanner) pop() {
	for _, name := range s.top().ctes {
		s.scope[name]--
	}
	s.frames = s.frames[:len(s.frames)-1]
}

func (s *scanner) scan() {
	s.push(0)
	s.top().query = true
	for i := 0; i < len(s.tokens); {
		i = s.step(i)
	}
}

// step reads what begins at i and gives the index to go on from.
func (s *scanner) step(i int) int {
	t, f := s.tokens[i], s.top()
	switch {
	case t.Any("(", "[", "{"):
		if f.query && f.clause == clauseTable && t.Is("{") {
			return s.parameter(i)
		}
		if f.clause == clauseTable {
			f.clause = clauseJoined
		}
		s.push(i + 1)
		return i + 1
	case t.Any(")", "]", "}"):
		if len(s.frames) > 1 {
			s.pop()
		}
		return i + 1
	case t.Is(";"):
		for len(s.frames) > 0 {
			s.pop()
		}
		s.push(i + 1)
		s.top().query = true
		return i + 1
	case t.Is("IN") && !s.tok(i-1).Is("."):
		return s.in(i + 1)
	case !f.query:
		return i + 1
	case f.clause == clauseTable:
		return s.table(i)
	}
	return s.keyword(i)
}

func (s *scanner) keyword(i int) int {
	t, f := s.tokens[i], s.top()
	if s.tok(i-1).Is(".") || s.tok(i-1).Is("AS") {
		return i + 1
	}
	switch {
	case t.Is(",") && f.clause == clauseJoined:
		f.clause = clauseTable
	case t.Is("FROM"):
		compares := s.tok(i-1).Is("DISTINCT") && s.tok(i-2).Any("IS", "NOT")
		if !compares && !s.tok(i-1).Is("FILL") {
			f.clause = clauseTable
		}
	case t.Is("JOIN"):
		f.clause = clauseTable
		if s.tok(i - 1).Is("ARRAY") {
			f.clause = clauseOther
		}
	case t.Is("WITH") && (i == 0 || s.opens(i-1)):
		f.clause = clauseWith
		return s.with(i + 1)
	case t.Is("WITH") && f.clause == clauseOther && s.tok(i+1).Any("TOTALS", "ROLLUP", "CUBE", "FILL", "TIES"):
		return i + 2
	case t.Is("SELECT"):
		f.clause = clauseOther
	case t.Is(",") && f.clause == clauseWith:
		return s.with(i + 1)
	case f.clause == clauseJoined && t.Any("WHERE", "PREWHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "WINDOW",
		"QUALIFY", "SETTINGS", "FORMAT", "UNION", "EXCEPT", "INTERSECT", "USING"):
		f.clause = clauseOther
	}
	return i + 1
}

// opens reports whether a query may begin behind the token at i.
func (s *scanner) opens(i int) bool {
	return s.tok(i).Any("(", ";", "ALL", "DISTINCT", "UNION", "EXCEPT", "INTERSECT", "EXPLAIN", "AS", "TREE", "AST")
}

// with reads one item of a WITH clause: name [(columns)] AS [MATERIALIZED]
// (query), or else an expression, which is left to the caller.
func (s *scanner) with(i int) int {
	if s.tok(i).Is("RECURSIVE") {
		i++
	}
	name, named := s.tok(i).Identifier()
	if !named {
		return i
	}
	as := i + 1
	if s.tok(as).Is("(") {
		as = s.closing[as]
	}
	if !s.tok(as).Is("AS") {
		return i
	}
	body := as + 1
	for s.tok(body).Any("NOT", "MATERIALIZED") {
		body++
	}
	if !s.tok(body).Is("(") || !s.startsQuery(body+1) {
		return i
	}
	s.ctes = append(s.ctes, CTE{Name: name, Pos: s.tok(i).Pos})
	s.top().ctes = append(s.top().ctes, name)
	s.scope[name]++
	return body
}

// table reads what stands where a table is due.
func (s *scanner) table(i int) int {
	t := s.tokens[i]
	s.top().clause = clauseJoined
	if t.Kind == String || t.Kind == Heredoc {
		text, _ := t.Value()
		s.refs = append(s.refs, Ref{Kind: RefText, Name: text, Pos: t.Pos, End: t.End()})
		return i + 1
	}
	if t.Is("SELECT") {
		return i
	}
	return s.named(i, RefTable)
}

// in reads what stands behind IN: a bracket is left to step, a name is a table
// unless it is called.
func (s *scanner) in(i int) int {
	if s.tok(i).Is("(") && s.loneName(i+1) {
		s.push(i + 1)
		return s.named(i+1, RefIn)
	}
	if s.tok(i + 1).Is("(") {
		return i
	}
	switch s.tok(i).Kind {
	case Word, Quoted:
		if s.tok(i).Any("NULL", "TRUE", "FALSE", "INTERVAL", "CASE", "NOT", "DATE", "TIMESTAMP") && !s.tok(i+1).Is(".") {
			return i + 1
		}
		return s.named(i, RefIn)
	}
	if s.tok(i).Is("{") {
		return s.parameter(i)
	}
	return i
}

// loneName reports whether a name, qualified or not, and nothing else stands
// before a closing bracket: IN (t) reads the table t, as IN t does.
func (s *scanner) loneName(i int) bool {
	for {
		if _, named := s.tok(i).Identifier(); !named {
			return false
		}
		if !s.tok(i + 1).Is(".") {
			return s.tok(i + 1).Is(")")
		}
		i += 2
	}
}

func (s *scanner) named(i int, kind RefKind) int {
	name, named := s.tok(i).Identifier()
	if !named {
		return i + 1
	}
	ref := Ref{Kind: kind, Name: name, Pos: s.tok(i).Pos, End: s.tok(i).End()}
	for s.tok(i + 1).Is(".") {
		next, more := s.tok(i + 2).Identifier()
		if !more {
			break
		}
		if ref.Database != "" {
			ref.Database += "."
		}
		ref.Database += ref.Name
		ref.Name, ref.End = next, s.tok(i+2).End()
		i += 2
	}
	if s.tok(i+1).Is("(") && kind != RefIn {
		ref.Kind = RefFunction
		s.refs = append(s.refs, ref)
		return i + 1
	}
	if ref.Database != "" || s.scope[ref.Name] == 0 {
		s.refs = append(s.refs, ref)
	}
	return i + 1
}

func (s *scanner) parameter(i int) int {
	to := s.closing[i]
	text := make([]string, 0, to-i)
	for _, t := range s.tokens[i:to] {
		text = append(text, t.Text)
	}
	if s.top().clause == clauseTable {
		s.top().clause = clauseJoined
	}
	if strings.EqualFold(s.tok(to-2).Text, "Identifier") {
		s.refs = append(s.refs, Ref{Kind: RefParam, Name: strings.Join(text, ""), Pos: s.tok(i).Pos, End: s.tok(to - 1).End()})
	}
	return to
}
