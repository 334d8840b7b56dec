package project

import "github.com/tailrace/tailrace/sql/lex"

// expression sees that what is computed of a row looks at no rows of other
// profiles. Functions that look at other rows of a block are refused in every file.
func (k *keyed) expression(s *selection, tokens []lex.Token) *notKeyed {
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t.Is("SELECT"):
			return &notKeyed{t, "a subquery may look at other profiles: only " + keyName + " IN (SELECT " + keyName + " …) is followed"}
		case t.Is("AS") && i+1 < len(tokens) && is(tokens[i+1], keyName):
			return &notKeyed{t, "another value is called " + keyName}
		case t.Is("OVER"):
			if bad := overKey(tokens, i); bad != nil {
				return bad
			}
		case t.Is("IN") && i+1 < len(tokens):
			end, bad := k.in(s, tokens, i)
			if bad != nil {
				return bad
			}
			i = end
		}
	}
	return nil
}

// in proves x IN y at i, and gives the index from which to go on.
func (k *keyed) in(s *selection, tokens []lex.Token, i int) (end int, bad *notKeyed) {
	next := tokens[i+1]
	if _, name := next.Identifier(); name && !(i+2 < len(tokens) && tokens[i+2].Is("(")) {
		return 0, &notKeyed{next, "IN with a name may read a table: write a list, or has(array, value)"}
	}
	if !next.Is("(") || i+2 >= len(tokens) || !tokens[i+2].Any("SELECT", "WITH", "(") {
		return i, nil
	}
	if !tokens[i+2].Any("SELECT", "WITH") {
		return i, nil // a list, whose subqueries are met later
	}
	none := &notKeyed{next, "a subquery may look at other profiles: only " + keyName + " IN (SELECT " + keyName + " …) is followed"}
	if !s.comparesKey(tokens[:i]) {
		return 0, none
	}
	end = closing(tokens, i+1)
	inner, bad := k.query(tokens[i+2 : end])
	if bad == nil && (inner == nil || len(inner.items) != 1 || inner.items[0][0].Is("*")) {
		bad = none
	}
	return end, bad
}

// comparesKey tells whether what stands before IN, and nothing around it, is
// the key. s is nil where nothing is read yet.
func (s *selection) comparesKey(before []lex.Token) bool {
	n := len(before)
	if n > 0 && before[n-1].Is("NOT") {
		n--
	}
	from := n - 1
	if from >= 2 && before[from-1].Is(".") {
		from -= 2
	}
	if s == nil || from < 0 || !s.isKey(before[from:n]) {
		return false
	}
	return from == 0 || before[from-1].Any("(", ",", "AND", "OR", "NOT")
}

// overKey sees that a window is within a profile.
func overKey(tokens []lex.Token, i int) *notKeyed {
	bad := &notKeyed{tokens[i], "a window spans several profiles: write OVER (PARTITION BY " + keyName + " …)"}
	if i+3 >= len(tokens) || !tokens[i+1].Is("(") || !tokens[i+2].Is("PARTITION") || !tokens[i+3].Is("BY") {
		return bad
	}
	list := tokens[i+4 : closing(tokens, i+1)]
	if end := indexAtDepth(list, func(i int) bool { return list[i].Any("ORDER", "ROWS", "RANGE", "GROUPS") }); end >= 0 {
		list = list[:end]
	}
	for _, item := range split(list, ",") {
		if n := len(item); (n == 1 || (n == 3 && item[1].Is("."))) && is(item[n-1], keyName) {
			return nil
		}
	}
	return bad
}
