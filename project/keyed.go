package project

import (
	"slices"
	"strconv"

	"github.com/tailrace/tailrace/sql/lex"
)

// keyName is the column by which rows belong to a profile.
const keyName = "profile_id"

// notKeyed says where a statement stops being one whose rows of a profile are
// made of the rows of that profile alone.
type notKeyed struct {
	at  lex.Token
	why string
}

// keyed proves that each row a statement returns has the profile_id of the rows
// that it is made of, and of no other profile's. So the rows of some profiles
// can be computed from their rows alone. It knows clauses, not the engine's
// whole grammar: what it doesn't know, it refuses.
type keyed struct {
	// relation tells whether a table, or a model, is keyed in the same sense.
	relation func(database, name string) (why string, ok bool)
	common   map[string]bool // names of common table expressions that are
}

// selection is one SELECT, by its clauses.
type selection struct {
	items   [][]lex.Token
	clauses map[string][]lex.Token
	begins  map[string]lex.Token
	aliases []string // of what it reads, in order
	joined  bool
}

// query proves a statement, a subquery or a common table expression. last is
// the SELECT at its end, nil for a union.
func (k *keyed) query(tokens []lex.Token) (last *selection, bad *notKeyed) {
	for len(tokens) > 1 && tokens[0].Is("(") && closing(tokens, 0) == len(tokens)-1 {
		tokens = tokens[1 : len(tokens)-1]
	}
	if len(tokens) == 0 {
		return nil, &notKeyed{why: "there is no SELECT"}
	}
	if tokens[0].Is("WITH") {
		rest, bad := k.with(tokens)
		if bad != nil {
			return nil, bad
		}
		return k.query(rest)
	}
	parts, bad := unionParts(tokens)
	if bad != nil {
		return nil, bad
	}
	if len(parts) > 1 {
		for _, part := range parts {
			if _, bad := k.query(part); bad != nil {
				return nil, bad
			}
		}
		return nil, nil
	}
	return k.selectOne(tokens)
}

// with proves the common table expressions before a statement.
func (k *keyed) with(tokens []lex.Token) (rest []lex.Token, bad *notKeyed) {
	end := indexAtDepth(tokens, func(i int) bool { return tokens[i].Is("SELECT") })
	if end < 0 || tokens[1].Is("RECURSIVE") {
		return nil, &notKeyed{tokens[0], "this WITH isn't followed"}
	}
	for _, item := range split(tokens[1:end], ",") {
		name, named := "", false
		if len(item) > 3 {
			name, named = item[0].Identifier()
		}
		if named && item[1].Is("AS") && item[2].Is("(") && closing(item, 2) == len(item)-1 && item[3].Any("SELECT", "WITH", "(") {
			if _, bad := k.query(item[3 : len(item)-1]); bad != nil {
				return nil, bad
			}
			k.common[name] = true
			continue
		}
		if bad := k.expression(nil, item); bad != nil {
			return nil, bad
		}
	}
	return tokens[end:], nil
}

// unionParts cuts a statement at its unions.
func unionParts(tokens []lex.Token) (parts [][]lex.Token, bad *notKeyed) {
	from := 0
	for i := 0; i < len(tokens); i++ {
		switch t := tokens[i]; {
		case t.Is("("):
			i = closing(tokens, i)
		case t.Any("INTERSECT", "EXCEPT"):
			return nil, &notKeyed{t, "only UNION is followed"}
		case t.Is("UNION"):
			parts = append(parts, tokens[from:i])
			if i+1 < len(tokens) && tokens[i+1].Any("ALL", "DISTINCT") {
				i++
			}
			from = i + 1
		}
	}
	return append(parts, tokens[from:]), nil
}

// clauseWords begin a clause, where they stand outside of brackets.
var clauseWords = []string{"FROM", "PREWHERE", "WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT"}

// selectOne proves one SELECT.
func (k *keyed) selectOne(tokens []lex.Token) (*selection, *notKeyed) {
	s, bad := clausesOf(tokens)
	if bad != nil {
		return nil, bad
	}
	if len(s.clauses["FROM"]) == 0 {
		return nil, &notKeyed{tokens[0], "it reads no table"}
	}
	if bad := k.from(s); bad != nil {
		return nil, bad
	}
	at := s.keyItem()
	if at < 0 {
		return nil, &notKeyed{tokens[0], "its columns don't include " + keyName + " as it is"}
	}
	for i, item := range s.items {
		if i != at && namesKey(item) {
			return nil, &notKeyed{item[len(item)-1], "another column is called " + keyName}
		}
		if i == at {
			continue
		}
		if bad := k.expression(s, item); bad != nil {
			return nil, bad
		}
	}
	for _, word := range clauseWords[1:] {
		if bad := k.expression(s, s.clauses[word]); bad != nil {
			return nil, bad
		}
	}
	return s, s.grouping(at)
}

// clausesOf cuts a SELECT into its items and clauses.
func clausesOf(tokens []lex.Token) (*selection, *notKeyed) {
	s := &selection{clauses: map[string][]lex.Token{}, begins: map[string]lex.Token{}}
	if !tokens[0].Is("SELECT") {
		return nil, &notKeyed{tokens[0], "it doesn't begin with SELECT"}
	}
	word, from := "SELECT", 1
	end := func(i int) {
		if word == "SELECT" {
			s.items = split(tokens[from:i], ",")
		} else {
			s.clauses[word] = tokens[from:i]
		}
	}
	for i := 1; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t.Any("(", "["):
			i = closing(tokens, i)
			continue
		case t.Any("WITH", "WINDOW", "OFFSET", "FETCH", "SETTINGS", "FORMAT", "INTO", "SAMPLE", "TOP", "INTERPOLATE") && !(i+1 < len(tokens) && tokens[i+1].Is("(")):
			return nil, &notKeyed{t, t.Text + " isn't followed"}
		}
		next := slices.IndexFunc(clauseWords, t.Is)
		if next < 0 || (i > 0 && tokens[i-1].Is(".")) {
			continue
		}
		if _, twice := s.begins[clauseWords[next]]; twice || (t.Is("FROM") && tokens[i-1].Is("DISTINCT")) {
			return nil, &notKeyed{t, "this " + t.Text + " isn't followed"}
		}
		end(i)
		word, from = clauseWords[next], i+1
		s.begins[word] = t
	}
	end(len(tokens))
	if len(s.items) > 0 && len(s.items[0]) > 0 && s.items[0][0].Is("DISTINCT") {
		if s.items[0] = s.items[0][1:]; len(s.items[0]) > 0 && s.items[0][0].Is("ON") {
			return nil, &notKeyed{s.items[0][0], "DISTINCT ON isn't followed"}
		}
	}
	if slices.ContainsFunc(s.items, func(item []lex.Token) bool { return len(item) == 0 }) {
		return nil, &notKeyed{tokens[0], "its columns can't be told apart"}
	}
	return s, nil
}

// isKey tells whether tokens are profile_id of what is read first.
func (s *selection) isKey(tokens []lex.Token) bool {
	switch len(tokens) {
	case 1:
		return is(tokens[0], keyName)
	case 3:
		return len(s.aliases) > 0 && is(tokens[0], s.aliases[0]) && tokens[1].Is(".") && is(tokens[2], keyName)
	}
	return false
}

// keyItem is the item that is profile_id as it is read; -1 where there is none.
func (s *selection) keyItem() int {
	return slices.IndexFunc(s.items, func(item []lex.Token) bool {
		if len(item) == 1 && item[0].Is("*") {
			return !s.joined
		}
		if n := len(item); n > 2 && item[n-2].Is("AS") && is(item[n-1], keyName) {
			item = item[:n-2]
		}
		return s.isKey(item)
	})
}

// namesKey tells whether an item gives its value the key's name.
func namesKey(item []lex.Token) bool {
	n := len(item)
	return n > 1 && is(item[n-1], keyName) && !(item[n-2].Kind == lex.Punct && !item[n-2].Any(")", "]"))
}

// grouping sees that rows of two profiles never become one, nor are cut off
// together.
func (s *selection) grouping(key int) *notKeyed {
	if by, grouped := s.clauses["GROUP"]; grouped {
		if len(by) < 2 || !by[0].Is("BY") || slices.ContainsFunc(by, func(t lex.Token) bool { return t.Any("ROLLUP", "CUBE", "GROUPING", "TOTALS") }) {
			return &notKeyed{s.begins["GROUP"], "this GROUP BY isn't followed"}
		}
		if !(len(by) == 2 && by[1].Is("ALL")) && !s.listsKey(by[1:], key) {
			return &notKeyed{s.begins["GROUP"], "it groups rows of several profiles: GROUP BY lacks " + keyName}
		}
	}
	if limit, cut := s.clauses["LIMIT"]; cut {
		by := slices.IndexFunc(limit, func(t lex.Token) bool { return t.Is("BY") })
		if by < 0 || !s.listsKey(limit[by+1:], -1) {
			return &notKeyed{s.begins["LIMIT"], "a LIMIT keeps rows of some profiles: only LIMIT … BY " + keyName + " is followed"}
		}
	}
	return nil
}

// listsKey tells whether a list names the key, or its position.
func (s *selection) listsKey(list []lex.Token, position int) bool {
	return slices.ContainsFunc(split(list, ","), func(item []lex.Token) bool {
		return s.isKey(item) || (position >= 0 && len(item) == 1 && item[0].Text == strconv.Itoa(position+1))
	})
}

// is compares an identifier as the engine does: with its case.
func is(t lex.Token, name string) bool {
	got, ok := t.Identifier()
	return ok && got == name
}

// closing is the index of the bracket that closes the one at i.
func closing(tokens []lex.Token, i int) int {
	depth := 0
	for ; i < len(tokens); i++ {
		switch {
		case tokens[i].Any("(", "[", "{"):
			depth++
		case tokens[i].Any(")", "]", "}"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(tokens) - 1
}

// indexAtDepth finds the first index outside of brackets; -1 if there is none.
func indexAtDepth(tokens []lex.Token, found func(i int) bool) int {
	for i := 0; i < len(tokens); i++ {
		if tokens[i].Any("(", "[") {
			i = closing(tokens, i)
		} else if found(i) {
			return i
		}
	}
	return -1
}

// split cuts tokens at a separator outside of brackets.
func split(tokens []lex.Token, separator string) [][]lex.Token {
	var out [][]lex.Token
	for {
		at := indexAtDepth(tokens, func(i int) bool { return tokens[i].Is(separator) })
		if at < 0 {
			return append(out, tokens)
		}
		out, tokens = append(out, tokens[:at]), tokens[at+1:]
	}
}
