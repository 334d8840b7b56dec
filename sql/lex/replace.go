package lex

import "strings"

// Replacement puts Text in the place of source[From:To].
type Replacement struct {
	From, To int
	Text     string
}

// Rewritten is a text with pieces replaced, and the way back from its offsets
// to those of the source.
type Rewritten struct {
	SQL   string
	Edits []Edit // in order
}

// Edit is one replacement: source[From:To] became SQL[NewFrom:NewTo].
type Edit struct{ From, To, NewFrom, NewTo int }

// Replace applies replacements, which are in order and don't overlap.
func Replace(source string, replacements []Replacement) *Rewritten {
	out := &Rewritten{}
	var text strings.Builder
	done := 0
	for _, r := range replacements {
		text.WriteString(source[done:r.From])
		from := text.Len()
		text.WriteString(r.Text)
		out.Edits = append(out.Edits, Edit{From: r.From, To: r.To, NewFrom: from, NewTo: text.Len()})
		done = r.To
	}
	text.WriteString(source[done:])
	out.SQL = text.String()
	return out
}

// Origin gives the source's offset for an offset of SQL; a place inside a
// replacement is the beginning of what was replaced.
func (r *Rewritten) Origin(offset int) int {
	shift := 0
	for _, e := range r.Edits {
		if offset < e.NewFrom {
			break
		}
		if offset < e.NewTo {
			return e.From
		}
		shift = e.To - e.NewTo
	}
	return offset + shift
}
