package lex

import "strings"

// ColumnComment is what a line comment says of one item of the select list.
type ColumnComment struct {
	Index int    // of the item, from 0
	Name  string // the item's alias or last identifier; empty for an expression without an alias
	Text  string // without the comment's signs and outer blanks
	Pos   Pos    // of the comment
}

// ColumnComments finds the line comments that trail an item of the outermost
// select list, the first one of a UNION: those that stand on the line on which
// the item, or the comma behind it, ends.
func ColumnComments(tokens []Token) []ColumnComment {
	var out []ColumnComment
	for index, item := range selectItems(tokens) {
		if text, pos := item.comment(); text != "" {
			out = append(out, ColumnComment{Index: index, Name: itemName(Significant(item.tokens)), Text: text, Pos: pos})
		}
	}
	return out
}

// SelectItems gives the output names of the outermost select list, in order,
// each with its place; a name is empty where an expression has no alias, and
// "*" for a star.
func SelectItems(tokens []Token) []SelectItem {
	var out []SelectItem
	for _, item := range selectItems(tokens) {
		significant := Significant(item.tokens)
		if len(significant) == 0 {
			continue
		}
		out = append(out, SelectItem{Name: itemName(significant), Pos: significant[0].Pos})
	}
	return out
}

// SelectItem is one item of a select list.
type SelectItem struct {
	Name string
	Pos  Pos
}

// item is one piece of a select list, and what trails it up to the next line.
type item struct {
	tokens []Token
	behind []Token
}

func (it item) comment() (string, Pos) {
	for _, tokens := range [][]Token{it.trailing(), it.behind} {
		for _, t := range tokens {
			switch {
			case t.Kind == Comment && !strings.HasPrefix(t.Text, "/*"):
				return strings.TrimSpace(strings.TrimLeft(t.Text, "-/#!")), t.Pos
			case t.Kind == Space && !strings.Contains(t.Text, "\n"), t.Is(","), t.Kind == Comment:
			default:
				return "", Pos{}
			}
		}
	}
	return "", Pos{}
}

// trailing gives the blanks and comments at the end of the item.
func (it item) trailing() []Token {
	for i := len(it.tokens); i > 0; i-- {
		if k := it.tokens[i-1].Kind; k != Space && k != Comment {
			return it.tokens[i:]
		}
	}
	return nil
}

// selectItems cuts the select list that begins with the first SELECT outside
// brackets.
func selectItems(tokens []Token) []item {
	i, depth := 0, 0
	for ; i < len(tokens); i++ {
		depth += bracket(tokens[i])
		if depth == 0 && tokens[i].Is("SELECT") {
			break
		}
	}
	i++
	for i < len(tokens) && (tokens[i].Kind == Space || tokens[i].Is("DISTINCT")) {
		i++
	}
	var items []item
	for start := i; i < len(tokens); i++ {
		depth += bracket(tokens[i])
		switch {
		case depth < 0 || depth == 0 && endsSelectList(tokens, i):
			return append(items, item{tokens: tokens[start:i]})
		case depth == 0 && tokens[i].Is(","):
			items = append(items, item{tokens: tokens[start:i], behind: tokens[i:]})
			start = i + 1
		case i == len(tokens)-1:
			return append(items, item{tokens: tokens[start:]})
		}
	}
	return items
}

func bracket(t Token) int {
	switch {
	case t.Any("(", "[", "{"):
		return 1
	case t.Any(")", "]", "}"):
		return -1
	}
	return 0
}

func endsSelectList(tokens []Token, i int) bool {
	if !tokens[i].Any("FROM", "WHERE", "PREWHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT",
		"SETTINGS", "FORMAT", "INTO", "WINDOW", "QUALIFY", ";") {
		return false
	}
	before := lastSignificant(tokens[:i])
	if tokens[i].Is("EXCEPT") && before.Is("*") {
		return false
	}
	return !before.Is(".") && !before.Is("AS") && !(tokens[i].Is("FROM") && before.Is("DISTINCT"))
}

func lastSignificant(tokens []Token) Token {
	for i := len(tokens) - 1; i >= 0; i-- {
		if tokens[i].Kind != Space && tokens[i].Kind != Comment {
			return tokens[i]
		}
	}
	return Token{Kind: Space}
}

// itemName is the name under which the item's value comes out.
func itemName(tokens []Token) string {
	if len(tokens) == 0 {
		return ""
	}
	last := tokens[len(tokens)-1]
	if last.Is("*") {
		return "*"
	}
	name, named := last.Identifier()
	if !named {
		return ""
	}
	if len(tokens) == 1 {
		return name
	}
	before := tokens[len(tokens)-2]
	switch {
	case before.Is("AS"), before.Any(")", "]", "}"):
		return name
	case before.Is("."):
		if dotted(tokens) {
			return name
		}
		return ""
	case before.Kind == Punct, before.Is("AND"), before.Is("OR"), before.Is("NOT"), before.Is("IN"), before.Is("IS"),
		before.Is("LIKE"), before.Is("ILIKE"), before.Is("BETWEEN"), before.Is("DIV"), before.Is("MOD"), last.Kind == Word && last.Any("END", "NULL"):
		return ""
	}
	return name
}

// dotted reports whether the tokens are names joined by dots.
func dotted(tokens []Token) bool {
	for i, t := range tokens {
		_, named := t.Identifier()
		if i%2 == 0 && !named || i%2 == 1 && !t.Is(".") {
			return false
		}
	}
	return len(tokens)%2 == 1
}
