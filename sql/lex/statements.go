package lex

import "strings"

// Statement is one of several statements in a text.
type Statement struct {
	Text string // without the semicolon and without blanks at both ends
	Pos  Pos    // of its first byte
}

// Statements cuts a text at its semicolons, those in strings, names and
// comments excepted. Pieces without any token but blanks and comments are
// left out. Data behind INSERT … FORMAT is not understood.
func Statements(sql string) []Statement {
	var out []Statement
	start, empty := 0, true
	flush := func(end int) {
		if !empty {
			text := sql[start:end]
			trimmed := strings.TrimLeft(text, " \t\r\n\v\f")
			out = append(out, Statement{
				Text: strings.TrimRight(trimmed, " \t\r\n\v\f"),
				Pos:  PosAt(sql, start+len(text)-len(trimmed)),
			})
		}
		empty = true
	}
	for _, t := range Tokens(sql) {
		switch {
		case t.Is(";") || t.Is(`\G`):
			flush(t.Pos.Offset)
			start = t.End()
		case t.Kind != Space && t.Kind != Comment:
			empty = false
		}
	}
	flush(len(sql))
	return out
}
