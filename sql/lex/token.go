package lex

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind says what a token is.
type Kind uint8

// The kinds of tokens. Everything that is not named here is punctuation.
const (
	Space   Kind = iota // blanks, Unicode blanks and byte order marks included
	Comment             // --, //, "# ", #! up to the end of the line, or /* … */, which nests
	Word                // a keyword or an unquoted identifier
	Quoted              // `identifier`, "identifier" or “identifier”
	Number              // never with a sign
	String              // 'text', ‘text’, x'hex' or b'bits'
	Heredoc             // $tag$text$tag$
	Punct               // an operator, a bracket, a separator
	Invalid             // what the engine would refuse; Problem says why
)

// Pos is a place in a source text.
type Pos struct {
	Offset int // in bytes, from 0
	Line   int // from 1
	Column int // in Unicode code points, from 1
}

// String writes the place as line:column.
func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// Token is one piece of a statement, with the place where it begins.
type Token struct {
	Kind    Kind
	Text    string // exactly as in the source
	Pos     Pos
	Problem string // one sentence, of Invalid tokens only
}

// End is the byte offset just behind the token.
func (t Token) End() int { return t.Pos.Offset + len(t.Text) }

// Is reports whether the token is the keyword or the operator s, whatever the
// case of its letters. A quoted identifier is never a keyword.
func (t Token) Is(s string) bool {
	return (t.Kind == Word || t.Kind == Punct) && strings.EqualFold(t.Text, s)
}

// Any reports whether the token is one of the keywords or operators.
func (t Token) Any(words ...string) bool {
	for _, w := range words {
		if t.Is(w) {
			return true
		}
	}
	return false
}

// Identifier gives the name that the token stands for, without quotes and
// escapes, and false where the token can't be a name.
func (t Token) Identifier() (string, bool) {
	switch t.Kind {
	case Word:
		return t.Text, true
	case Quoted:
		return unquote(t.Text), true
	}
	return "", false
}

// Value gives the text that a String or Heredoc token stands for, and false
// for any other token. The bytes of x'…' and b'…' literals are not decoded.
func (t Token) Value() (string, bool) {
	switch t.Kind {
	case String:
		return unquote(t.Text), true
	case Heredoc:
		tag := strings.IndexByte(t.Text[1:], '$') + 2
		return t.Text[tag : len(t.Text)-tag], true
	}
	return "", false
}

// Error is a mistake in a source text, with its place. Hint, when there is
// one, says the way out.
type Error struct {
	Pos     Pos
	Message string
	Hint    string
}

func (e *Error) Error() string {
	if e.Hint != "" {
		return fmt.Sprintf("%s: %s: %s", e.Pos, e.Message, e.Hint)
	}
	return fmt.Sprintf("%s: %s", e.Pos, e.Message)
}

// Significant leaves out blanks and comments.
func Significant(tokens []Token) []Token {
	kept := make([]Token, 0, len(tokens)/2+1)
	for _, t := range tokens {
		if t.Kind != Space && t.Kind != Comment {
			kept = append(kept, t)
		}
	}
	return kept
}

// FirstInvalid gives the first token that the engine would refuse as an error,
// and nil where there is none.
func FirstInvalid(tokens []Token) *Error {
	for _, t := range tokens {
		if t.Kind == Invalid {
			return &Error{Pos: t.Pos, Message: t.Problem}
		}
	}
	return nil
}

// PosAt tells where the byte offset stands in src; an offset outside is moved
// to the nearest end.
func PosAt(src string, offset int) Pos {
	offset = max(0, min(offset, len(src)))
	head := src[:offset]
	start := strings.LastIndexByte(head, '\n') + 1
	return Pos{Offset: offset, Line: 1 + strings.Count(head, "\n"), Column: 1 + utf8.RuneCountInString(head[start:])}
}

// escapes are the letters that mean another byte behind a backslash; any other
// byte stands for itself, and keeps its backslash as the engine does.
var escapes = map[byte]byte{
	'b': '\b', 'f': '\f', 'r': '\r', 'n': '\n', 't': '\t', '0': 0, 'a': '\a', 'v': '\v', 'e': 0x1b,
	'\\': '\\', '\'': '\'', '"': '"', '`': '`', '/': '/', '=': '=',
}

// unquote undoes quotes, doubled quotes and escapes.
func unquote(text string) string {
	if len(text) < 2 {
		return text
	}
	if strings.HasPrefix(text, "‘") || strings.HasPrefix(text, "“") {
		return strings.TrimSuffix(strings.TrimSuffix(text[len("‘"):], "’"), "”")
	}
	quote := text[0]
	body := text[1 : len(text)-1]
	if quote != '\'' && quote != '"' && quote != '`' {
		return text[2 : len(text)-1]
	}
	if strings.IndexByte(body, '\\') < 0 && strings.IndexByte(body, quote) < 0 {
		return body
	}
	var out strings.Builder
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case c == quote && i+1 < len(body) && body[i+1] == quote:
			i++
			out.WriteByte(c)
		case c == '\\' && i+1 < len(body):
			i++
			if i+2 < len(body) && body[i] == 'x' && isHex(body[i+1]) && isHex(body[i+2]) {
				out.WriteByte(hexValue(body[i+1])<<4 | hexValue(body[i+2]))
				i += 2
			} else if e, known := escapes[body[i]]; known {
				out.WriteByte(e)
			} else {
				out.WriteByte('\\')
				out.WriteByte(body[i])
			}
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
