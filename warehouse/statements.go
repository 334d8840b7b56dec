package warehouse

import "strings"

// splitStatements cuts SQL text at the semicolons that end statements: those
// outside strings, quoted identifiers and comments. Parts that hold nothing
// but space and comments are dropped. Comments stay in their statements.
func splitStatements(text string) []string {
	var parts []string
	start, blank := 0, true
	flush := func(end int) {
		if !blank {
			parts = append(parts, strings.TrimSpace(text[start:end]))
		}
		blank = true
	}
	scan(text, func(at int, code bool) {
		switch c := text[at]; {
		case code && c == ';':
			flush(at)
			start = at + 1
		case code && c > ' ':
			blank = false
		}
	})
	flush(len(text))
	return parts
}

// countStatements says how many statements the text holds.
func countStatements(text string) int {
	if !strings.Contains(text, ";") {
		return 1
	}
	return len(splitStatements(text))
}

// scan calls visit for every byte of the text that is not in a comment; code
// says whether the byte is outside quotes as well. Quotes are 'string',
// "identifier" and `identifier`, with backslash escapes and doubled quotes;
// comments are --, #! and "# " to the end of the line, and nested /* */.
func scan(text string, visit func(at int, code bool)) {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\'' || c == '"' || c == '`':
			end := quoteEnd(text, i)
			visit(i, true)
			for j := i + 1; j < end; j++ {
				visit(j, false)
			}
			i = end
		case commentStarts(text, i):
			i = commentEnd(text, i)
		default:
			visit(i, true)
			i++
		}
	}
}

// quoteEnd returns the position after the quote that opens at i. A doubled
// quote ends one literal and opens the next at once, which is the same to us.
func quoteEnd(text string, i int) int {
	quote := text[i]
	for j := i + 1; j < len(text); j++ {
		switch text[j] {
		case '\\':
			j++
		case quote:
			return j + 1
		}
	}
	return len(text)
}

func commentStarts(text string, i int) bool {
	rest := text[i:]
	return strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*") ||
		strings.HasPrefix(rest, "#!") || strings.HasPrefix(rest, "# ")
}

func commentEnd(text string, i int) int {
	if !strings.HasPrefix(text[i:], "/*") {
		if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
			return i + n + 1
		}
		return len(text)
	}
	depth := 0
	for i < len(text) {
		switch {
		case strings.HasPrefix(text[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(text[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return i
}
