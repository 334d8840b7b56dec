package lex

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
	var piece []Token
	flush := func() {
		from, to := 0, len(piece)
		for from < to && piece[from].Kind == Space {
			from++
		}
		for to > from && piece[to-1].Kind == Space {
			to--
		}
		if len(Significant(piece)) > 0 {
			out = append(out, Statement{Text: sql[piece[from].Pos.Offset:piece[to-1].End()], Pos: piece[from].Pos})
		}
		piece = piece[:0]
	}
	for _, t := range Tokens(sql) {
		if t.Is(";") || t.Is(`\G`) {
			flush()
			continue
		}
		piece = append(piece, t)
	}
	flush()
	return out
}
