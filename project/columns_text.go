package project

import (
	"strings"

	"github.com/tailrace/tailrace/sql/lex"
)

// selectedColumns reads the select list of the outermost SELECT: each item's
// name, as far as the text tells it (an alias, or the last part of a name), and
// the line comment behind the item. Of a UNION it is the first SELECT's.
func selectedColumns(tokens []lex.Token) []SelectedColumn {
	start, end := selectList(tokens)
	if start < 0 {
		return nil
	}
	var out []SelectedColumn
	depth, from := 0, start
	for i := start; i <= end; i++ {
		if i < end {
			switch {
			case tokens[i].Any("(", "[", "{"):
				depth++
			case tokens[i].Any(")", "]", "}"):
				depth--
			}
			if depth != 0 || !tokens[i].Is(",") {
				continue
			}
		}
		item := lex.Significant(tokens[from:i])
		if len(item) > 0 {
			out = append(out, SelectedColumn{
				Name:        itemName(item),
				Description: commentBehind(tokens, i, end),
				Position:    Position{item[0].Pos.Line, item[0].Pos.Column},
			})
		}
		from = i + 1
	}
	return out
}

// selectList finds the tokens between the outermost SELECT and its FROM.
func selectList(tokens []lex.Token) (start, end int) {
	depth, start := 0, -1
	for i, t := range tokens {
		switch {
		case t.Any("(", "[", "{"):
			depth++
		case t.Any(")", "]", "}"):
			depth--
		}
		if depth != 0 {
			continue
		}
		if start < 0 && t.Is("SELECT") {
			start = i + 1
			continue
		}
		if start >= 0 && t.Any("FROM", "WHERE", "GROUP", "ORDER", "LIMIT", "UNION", "HAVING", "SETTINGS", "PREWHERE", "QUALIFY", "EXCEPT", "INTERSECT") {
			// SELECT * EXCEPT (…) is part of an item.
			if t.Is("EXCEPT") && i > 0 && followsStar(tokens[:i]) {
				continue
			}
			return start, i
		}
	}
	return start, len(tokens)
}

func followsStar(tokens []lex.Token) bool {
	before := lex.Significant(tokens)
	return len(before) > 0 && before[len(before)-1].Is("*")
}

// itemName is an item's alias or the last part of a plain name; "" otherwise.
func itemName(item []lex.Token) string {
	if item[0].Is("DISTINCT") && len(item) > 1 {
		item = item[1:]
	}
	last := len(item) - 1
	name, ok := item[last].Identifier()
	if !ok {
		return ""
	}
	if last == 0 || (last > 1 && item[last-1].Is("AS")) {
		return name
	}
	if item[last-1].Any(")", "]") && !item[last].Is("END") {
		return name // an alias may do without AS
	}
	for i := last; i >= 0; i -= 2 { // a.b.c
		if _, isName := item[i].Identifier(); !isName || (i > 0 && !item[i-1].Is(".")) {
			return ""
		}
	}
	return name
}

// commentBehind returns the `-- text` on the line where an item ends; at is the
// comma behind the item, or the end of the list.
func commentBehind(tokens []lex.Token, at, end int) string {
	// Behind the comma on the same line, or, for the last item, before FROM.
	for i := at + 1; at < end && i < len(tokens); i++ {
		if tokens[i].Kind == lex.Comment {
			return lineComment(tokens[i].Text)
		}
		if tokens[i].Kind != lex.Space || strings.Contains(tokens[i].Text, "\n") {
			break
		}
	}
	for i := at - 1; i >= 0; i-- {
		switch tokens[i].Kind {
		case lex.Space:
			continue
		case lex.Comment:
			if text := lineComment(tokens[i].Text); text != "" && !beginsLine(tokens, i) {
				return text
			}
			continue
		}
		break
	}
	return ""
}

// beginsLine reports whether nothing but blanks stands before a comment on its
// line: then it belongs to no item.
func beginsLine(tokens []lex.Token, i int) bool {
	return i == 0 || (tokens[i-1].Kind == lex.Space && strings.Contains(tokens[i-1].Text, "\n"))
}

func lineComment(text string) string {
	body, ok := strings.CutPrefix(text, "--")
	if !ok {
		return ""
	}
	return strings.TrimSpace(body)
}
