package lex

// number reads digits with their fraction and exponent, or a word that begins
// with a digit. Behind a dot it stops at the next dot, so that x.1.2 picks
// from nested tuples.
func (l *lexer) number() (Kind, string) {
	start := l.pos
	if l.afterDot() {
		l.pos++
		l.digits(isDigit, false)
	} else {
		l.decimal()
	}
	if !isWord(l.at(0)) {
		return Number, ""
	}
	l.skip(isWord)
	for _, c := range []byte(l.src[start:l.pos]) {
		if !isWord(c) {
			return Invalid, "this number is followed by a letter"
		}
	}
	return Word, ""
}

func (l *lexer) decimal() {
	digit, fresh := isDigit, false
	switch {
	case l.at(0) == '0' && (l.at(1) == 'x' || l.at(1) == 'X') && isHex(l.at(2)):
		digit, fresh = isHex, true
		l.pos += 2
	case l.at(0) == '0' && (l.at(1) == 'b' || l.at(1) == 'B') && (l.at(2) == '0' || l.at(2) == '1'):
		fresh = true
		l.pos += 2
	default:
		l.pos++
	}
	l.digits(digit, fresh)
	if l.at(0) == '.' {
		l.pos++
		l.digits(digit, true)
	}
	hex := digit('f')
	if c := l.at(0) | 0x20; l.pos+1 < len(l.src) && (hex && c == 'p' || !hex && c == 'e') {
		l.exponent()
	}
}

func (l *lexer) exponent() {
	l.pos++
	if l.pos+1 < len(l.src) && (l.at(0) == '-' || l.at(0) == '+') {
		l.pos++
	}
	l.digits(isDigit, true)
}

// digits skips digits and the single underscores between them; fresh says that
// no digit was met yet, where an underscore can't stand.
func (l *lexer) digits(digit func(byte) bool, fresh bool) {
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		if !digit(c) && (fresh || c != '_' || !digit(l.at(1))) {
			return
		}
		l.pos++
		fresh = false
	}
}

// dot reads a qualifier's dot or a number such as .5.
func (l *lexer) dot() (Kind, string) {
	if l.pos > 0 && (!isDigit(l.at(1)) || l.afterOperand()) {
		return l.take(1)
	}
	l.pos++
	l.digits(isDigit, true)
	if l.pos+1 < len(l.src) && l.at(0)|0x20 == 'e' {
		l.exponent()
	}
	return Number, ""
}

func (l *lexer) afterDot() bool { return l.before == Punct && l.beforeText == "." }

func (l *lexer) afterOperand() bool {
	switch l.before {
	case Word, Quoted, Number:
		return true
	case Punct:
		return l.beforeText == ")" || l.beforeText == "]"
	}
	return false
}

func isBlank(c byte) bool        { return c == ' ' || c >= '\t' && c <= '\r' }
func isDigit(c byte) bool        { return c >= '0' && c <= '9' }
func isHex(c byte) bool          { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
func isWord(c byte) bool         { return isDigit(c) || c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isWordOrDollar(c byte) bool { return isWord(c) || c == '$' }

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// isUnicodeBlank knows the characters that the engine skips as blanks
// (measured over the Basic Multilingual Plane on 26.7).
func isUnicodeBlank(r rune) bool {
	switch r {
	case 0x85, 0xA0, 0x180E, 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF:
		return true
	}
	return r >= 0x2000 && r <= 0x200D
}
