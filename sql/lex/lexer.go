package lex

import (
	"strings"
	"unicode/utf8"
)

// Tokens cuts src as ClickHouse's lexer does, blanks and comments included.
// The tokens' texts joined are src. It never fails: what the engine would
// refuse is a token of kind Invalid.
func Tokens(src string) []Token {
	l := lexer{src: src, line: 1, column: 1}
	tokens := make([]Token, 0, len(src)/4+1)
	for l.pos < len(src) {
		start := Pos{Offset: l.pos, Line: l.line, Column: l.column}
		kind, problem := l.scan()
		if l.pos <= start.Offset {
			l.pos = start.Offset + 1
		}
		text := src[start.Offset:l.pos]
		l.advance(text)
		if kind != Space && kind != Comment {
			l.before = kind
			l.beforeText = text
		}
		tokens = append(tokens, Token{Kind: kind, Text: text, Pos: start, Problem: problem})
	}
	return tokens
}

type lexer struct {
	src          string
	pos          int
	line, column int
	before       Kind // of the last significant token: decides what a dot means
	beforeText   string
}

func (l *lexer) advance(text string) {
	if n := strings.Count(text, "\n"); n > 0 {
		l.line += n
		l.column = 1
		text = text[strings.LastIndexByte(text, '\n')+1:]
	}
	l.column += utf8.RuneCountInString(text)
}

// at gives the byte n places ahead, or 0 behind the end. Code that must tell
// a NUL from the end compares positions.
func (l *lexer) at(n int) byte {
	if l.pos+n < len(l.src) {
		return l.src[l.pos+n]
	}
	return 0
}

func (l *lexer) scan() (Kind, string) {
	c := l.at(0)
	switch {
	case isBlank(c):
		l.skip(isBlank)
		return Space, ""
	case isDigit(c):
		return l.number()
	case c == '\'':
		return l.quoted(c, String, "this string is not closed")
	case c == '"':
		return l.quoted(c, Quoted, "this quoted name is not closed")
	case c == '`':
		return l.quoted(c, Quoted, "this quoted name is not closed")
	case c == '.':
		return l.dot()
	case c == '$':
		return l.dollar()
	case (c == 'x' || c == 'X' || c == 'b' || c == 'B') && l.at(1) == '\'' && l.pos+2 < len(l.src):
		return l.bytesLiteral(c)
	case isWord(c):
		l.skip(isWordOrDollar)
		return Word, ""
	case c >= utf8.RuneSelf:
		return l.unicode()
	}
	return l.operator(c)
}

func (l *lexer) skip(while func(byte) bool) {
	for l.pos < len(l.src) && while(l.src[l.pos]) {
		l.pos++
	}
}

// take moves behind n bytes of punctuation.
func (l *lexer) take(n int) (Kind, string) {
	l.pos += n
	return Punct, ""
}

func (l *lexer) lineComment() (Kind, string) {
	if i := strings.IndexByte(l.src[l.pos:], '\n'); i >= 0 {
		l.pos += i
	} else {
		l.pos = len(l.src)
	}
	return Comment, ""
}

// blockComment ends where as many */ as /* were met: they nest.
func (l *lexer) blockComment() (Kind, string) {
	depth, i := 1, l.pos+2
	for i+2 <= len(l.src) {
		switch l.src[i : i+2] {
		case "/*":
			depth++
			i += 2
		case "*/":
			depth--
			i += 2
			if depth == 0 {
				l.pos = i
				return Comment, ""
			}
		default:
			i++
		}
	}
	l.pos = len(l.src)
	return Invalid, "this comment is not closed (comments nest: every /* needs its */)"
}

func (l *lexer) quoted(quote byte, kind Kind, problem string) (Kind, string) {
	i := l.pos + 1
	for i < len(l.src) {
		switch l.src[i] {
		case '\\':
			i += 2
		case quote:
			if i+1 < len(l.src) && l.src[i+1] == quote {
				i += 2
				continue
			}
			l.pos = i + 1
			return kind, ""
		default:
			i++
		}
	}
	l.pos = len(l.src)
	return Invalid, problem
}

func (l *lexer) bytesLiteral(prefix byte) (Kind, string) {
	digit := isHex
	if prefix == 'b' || prefix == 'B' {
		digit = func(c byte) bool { return c == '0' || c == '1' }
	}
	l.pos += 2
	l.skip(digit)
	if l.at(0) != '\'' {
		l.pos = len(l.src)
		return Invalid, "this literal of hexadecimal or binary digits is not closed, or holds another character"
	}
	l.pos++
	return String, ""
}

// dollar reads $tag$text$tag$, or a word that begins with a dollar sign.
func (l *lexer) dollar() (Kind, string) {
	rest := l.src[l.pos:]
	n := 1
	for n < len(rest) && isWord(rest[n]) {
		n++
	}
	if n < len(rest) && rest[n] == '$' {
		tag := rest[:n+1]
		if end := strings.Index(rest[len(tag):], tag); end >= 0 {
			l.pos += end + 2*len(tag)
			return Heredoc, ""
		}
	}
	if len(rest) == 1 || !isWord(rest[1]) {
		l.pos++
		return Invalid, "a dollar sign stands alone: $tag$ opens a text that the same $tag$ must close"
	}
	l.skip(isWordOrDollar)
	return Word, ""
}

// unicode reads blanks, curly quotes and the minus sign that word processors
// put in; the engine takes them as their plain relatives.
func (l *lexer) unicode() (Kind, string) {
	rest := l.src[l.pos:]
	switch {
	case strings.HasPrefix(rest, "‘"):
		return l.curly(String, "‘", "’", "this string is not closed")
	case strings.HasPrefix(rest, "“"):
		return l.curly(Quoted, "“", "”", "this quoted name is not closed")
	case strings.HasPrefix(rest, "−"):
		return l.take(len("−"))
	}
	for {
		r, n := utf8.DecodeRuneInString(l.src[l.pos:])
		if n > 1 && isUnicodeBlank(r) || n == 1 && isBlank(byte(r)) {
			l.pos += n
			continue
		}
		break
	}
	if len(rest) > len(l.src)-l.pos {
		return Space, ""
	}
	l.pos++
	l.skip(func(c byte) bool { return c&0xC0 == 0x80 })
	return Invalid, "this character can't stand here: quote the name or the text that holds it"
}

func (l *lexer) curly(kind Kind, open, closing, problem string) (Kind, string) {
	if i := strings.Index(l.src[l.pos:], closing); i > 0 {
		l.pos += i + len(closing)
		return kind, ""
	}
	if kind == Quoted {
		l.pos += len(open)
	} else {
		l.pos = len(l.src)
	}
	return Invalid, problem
}
