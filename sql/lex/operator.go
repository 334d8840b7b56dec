package lex

import "strings"

// operators holds the longest first where one begins like another.
var operators = []string{"<=>", "->", "==", "!=", "<=", "<>", ">=", "::", "||", "@@", `\G`}

// singles are the characters that stand for themselves.
const singles = "()[]{},;+-*/%=<>?:|@^"

func (l *lexer) operator(c byte) (Kind, string) {
	rest := l.src[l.pos:]
	switch {
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "//"),
		strings.HasPrefix(rest, "# "), strings.HasPrefix(rest, "#!"):
		return l.lineComment()
	case strings.HasPrefix(rest, "/*"):
		return l.blockComment()
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			return l.take(len(op))
		}
	}
	if strings.IndexByte(singles, c) >= 0 {
		return l.take(1)
	}
	l.pos++
	switch c {
	case '!':
		return Invalid, "an exclamation mark stands alone: write != or NOT"
	case '#':
		return Invalid, "a comment that begins with # needs a blank behind it"
	}
	return Invalid, "this character can't stand here"
}
