package collector

// shape is what a scan learns about a JSON value besides its end.
type shape struct {
	depth int // nesting of objects and arrays; a scalar has 0
	keys  int // object keys that are not inside an array
}

// scanValue checks the JSON value that starts at or after b[i] against RFC 8259
// and returns the index behind it. It keeps its own stack, one bit a level, so
// that no nesting can exhaust ours. Strings may hold invalid UTF-8 and lone
// surrogates: whether to accept those is decided by who reads them.
func scanValue(b []byte, i int) (end int, s shape, ok bool) {
	var stack bitStack
	arrays := 0
	i = skipSpace(b, i)
	for {
		if i >= len(b) {
			return i, s, false
		}
		switch c := b[i]; {
		case c == '{' || c == '[':
			stack.push(c == '[')
			s.depth = max(s.depth, stack.n)
			closing := byte('}')
			if c == '[' {
				arrays++
				closing = ']'
			}
			i = skipSpace(b, i+1)
			if i < len(b) && b[i] == closing {
				break // the empty container is closed below
			}
			if c == '{' {
				if i, ok = scanKey(b, i); !ok {
					return i, s, false
				}
				if arrays == 0 {
					s.keys++
				}
			}
			continue
		case c == '"':
			if i, ok = scanString(b, i); !ok {
				return i, s, false
			}
		case c == 't':
			if i, ok = scanWord(b, i, "true"); !ok {
				return i, s, false
			}
		case c == 'f':
			if i, ok = scanWord(b, i, "false"); !ok {
				return i, s, false
			}
		case c == 'n':
			if i, ok = scanWord(b, i, "null"); !ok {
				return i, s, false
			}
		default:
			if i, ok = scanNumber(b, i); !ok {
				return i, s, false
			}
		}
		// A value has ended, or b[i] closes an empty container.
		for {
			if stack.n == 0 {
				return i, s, true
			}
			i = skipSpace(b, i)
			if i >= len(b) {
				return i, s, false
			}
			inArray := stack.top()
			if (inArray && b[i] == ']') || (!inArray && b[i] == '}') {
				if inArray {
					arrays--
				}
				stack.pop()
				i++
				continue
			}
			if b[i] != ',' {
				return i, s, false
			}
			i = skipSpace(b, i+1)
			if !inArray {
				if i, ok = scanKey(b, i); !ok {
					return i, s, false
				}
				if arrays == 0 {
					s.keys++
				}
			}
			break
		}
	}
}

// scanKey reads `"key" :` and the space behind it.
func scanKey(b []byte, i int) (int, bool) {
	if i >= len(b) || b[i] != '"' {
		return i, false
	}
	i, ok := scanString(b, i)
	if !ok {
		return i, false
	}
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != ':' {
		return i, false
	}
	return skipSpace(b, i+1), true
}

func scanString(b []byte, i int) (int, bool) {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, true
		case c < 0x20:
			return i, false
		case c == '\\':
			i++
			if i >= len(b) {
				return i, false
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					i++
					if i >= len(b) || !isHex(b[i]) {
						return i, false
					}
				}
			default:
				return i, false
			}
		}
	}
	return i, false
}

func scanWord(b []byte, i int, word string) (int, bool) {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return i, false
	}
	return i + len(word), true
}

func scanNumber(b []byte, i int) (int, bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && isDigit(b[i]):
		i = skipDigits(b, i)
	default:
		return i, false
	}
	if i < len(b) && b[i] == '.' {
		if i++; i >= len(b) || !isDigit(b[i]) {
			return i, false
		}
		i = skipDigits(b, i)
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if i >= len(b) || !isDigit(b[i]) {
			return i, false
		}
		i = skipDigits(b, i)
	}
	return i, true
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// bitStack remembers for each open container whether it is an array.
type bitStack struct {
	bits []uint64
	n    int
}

func (s *bitStack) push(array bool) {
	word, bit := s.n/64, uint(s.n%64)
	if word == len(s.bits) {
		s.bits = append(s.bits, 0)
	}
	if array {
		s.bits[word] |= 1 << bit
	} else {
		s.bits[word] &^= 1 << bit
	}
	s.n++
}

func (s *bitStack) top() bool { return s.bits[(s.n-1)/64]>>uint((s.n-1)%64)&1 == 1 }

func (s *bitStack) pop() { s.n-- }
