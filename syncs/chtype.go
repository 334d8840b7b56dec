package syncs

import (
	"fmt"
	"strconv"
	"strings"
)

// chType is a ClickHouse type, taken apart: Map(String, Nullable(UInt8)) has
// the base Map and two arguments. Arguments of tuples may have names; those of
// enums, decimals and times are kept as text.
type chType struct {
	text string
	base string
	args []string
}

// parseType takes a type's text apart, one level.
func parseType(text string) (chType, error) {
	text = strings.TrimSpace(text)
	open := strings.IndexByte(text, '(')
	if open < 0 {
		return chType{text: text, base: text}, nil
	}
	if !strings.HasSuffix(text, ")") {
		return chType{}, fmt.Errorf("type %q doesn't end", text)
	}
	t := chType{text: text, base: text[:open]}
	args, err := splitArguments(text[open+1 : len(text)-1])
	t.args = args
	return t, err
}

// splitArguments splits at commas outside brackets and quotes.
func splitArguments(s string) ([]string, error) {
	var out []string
	depth, from := 0, 0
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '`' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	if depth != 0 || quote != 0 {
		return nil, fmt.Errorf("type arguments %q don't end", s)
	}
	return append(out, strings.TrimSpace(s[from:])), nil
}

// element is one element of a tuple.
type element struct {
	name string
	typ  string
	at   int // from 1
}

// elements gives a tuple's elements; unnamed ones are called by their place.
func (t chType) elements() []element {
	out := make([]element, 0, len(t.args))
	for i, arg := range t.args {
		e := element{name: strconv.Itoa(i + 1), typ: arg, at: i + 1}
		if name, typ, ok := elementName(arg); ok {
			e.name, e.typ = name, typ
		}
		out = append(out, e)
	}
	return out
}

// elementName splits "name Type"; a type alone never has a space before its
// first bracket.
func elementName(arg string) (name, typ string, ok bool) {
	if strings.HasPrefix(arg, "`") {
		for i := 1; i < len(arg); i++ {
			switch arg[i] {
			case '\\':
				i++
			case '`':
				return strings.NewReplacer("\\`", "`", `\\`, `\`).Replace(arg[1:i]), strings.TrimSpace(arg[i+1:]), true
			}
		}
		return "", "", false
	}
	space, open := strings.IndexByte(arg, ' '), strings.IndexByte(arg, '(')
	if space < 0 || (open >= 0 && open < space) {
		return "", "", false
	}
	return arg[:space], strings.TrimSpace(arg[space+1:]), true
}

// nullable reports whether values of the type can be NULL.
func nullable(text string) bool {
	t, err := parseType(text)
	if err != nil {
		return false
	}
	switch t.base {
	case "Nullable":
		return true
	case "LowCardinality", "SimpleAggregateFunction":
		return len(t.args) > 0 && nullable(t.args[len(t.args)-1])
	case "Nothing", "Variant", "Dynamic":
		return true
	}
	return false
}
