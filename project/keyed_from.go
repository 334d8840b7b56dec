package project

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/sql/lex"
)

// joinWords stand between two things that are read.
var joinWords = []string{"JOIN", "ANY", "ALL", "ASOF", "SEMI", "ANTI", "LEFT", "INNER", "OUTER", "RIGHT", "FULL", "CROSS", "PASTE", "NATURAL", "GLOBAL", "LOCAL", "ARRAY"}

// from proves what a SELECT reads: each is keyed, and joined by the key.
func (k *keyed) from(s *selection) *notKeyed {
	rest, bad := k.source(s, s.clauses["FROM"])
	for bad == nil && len(rest) > 0 {
		words := 0
		for words < len(rest) && slices.ContainsFunc(joinWords, rest[words].Is) {
			words++
		}
		kinds := rest[:words]
		has := func(word string) bool {
			return slices.ContainsFunc(kinds, func(t lex.Token) bool { return t.Is(word) })
		}
		if words == 0 || !kinds[words-1].Is("JOIN") || words == len(rest) {
			return &notKeyed{rest[0], "what it reads is joined in a way that isn't followed"}
		}
		rest = rest[words:]
		if has("ARRAY") {
			end := nextJoin(rest)
			if bad := k.expression(s, rest[:end]); bad != nil {
				return bad
			}
			rest = rest[end:]
			continue
		}
		for _, other := range []string{"RIGHT", "FULL", "CROSS", "PASTE", "NATURAL", "GLOBAL"} {
			if has(other) {
				return &notKeyed{kinds[0], "a " + other + " JOIN isn't followed"}
			}
		}
		s.joined = true
		if rest, bad = k.source(s, rest); bad == nil {
			rest, bad = k.joinedBy(s, rest, kinds[words-1])
		}
	}
	return bad
}

// source proves one thing that is read, and takes it and its alias off.
func (k *keyed) source(s *selection, tokens []lex.Token) (rest []lex.Token, bad *notKeyed) {
	alias := ""
	name, named := tokens[0].Identifier()
	switch {
	case tokens[0].Is("("):
		end := closing(tokens, 0)
		if _, bad := k.query(tokens[1:end]); bad != nil {
			return nil, bad
		}
		rest = tokens[end+1:]
	case named:
		database := ""
		rest, alias = tokens[1:], name
		if len(rest) > 1 && rest[0].Is(".") {
			second, _ := rest[1].Identifier()
			database, name, alias, rest = name, second, second, rest[2:]
		}
		if len(rest) > 0 && rest[0].Is("(") {
			return nil, &notKeyed{tokens[0], "the table function " + name + " isn't keyed by profile"}
		}
		if database != "" || !k.common[name] {
			if why, ok := k.relation(database, name); !ok {
				return nil, &notKeyed{tokens[0], why}
			}
		}
	default:
		return nil, &notKeyed{tokens[0], "what it reads isn't followed"}
	}
	if len(rest) > 0 && rest[0].Is("FINAL") {
		rest = rest[1:]
	}
	if len(rest) > 0 && rest[0].Is("AS") {
		rest = rest[1:]
	}
	if len(rest) > 0 && !slices.ContainsFunc(append(joinWords, "ON", "USING"), rest[0].Is) {
		if given, ok := rest[0].Identifier(); ok {
			alias, rest = given, rest[1:]
		}
	}
	s.aliases = append(s.aliases, alias)
	return rest, nil
}

// joinedBy sees that what was read last is joined by the key, and takes the
// condition off.
func (k *keyed) joinedBy(s *selection, tokens []lex.Token, join lex.Token) (rest []lex.Token, bad *notKeyed) {
	none := &notKeyed{join, fmt.Sprintf("this JOIN isn't by %s: it needs USING (%s) or ON a.%s = b.%s", keyName, keyName, keyName, keyName)}
	if len(tokens) == 0 {
		return nil, none
	}
	end := nextJoin(tokens)
	condition, rest := tokens[1:end], tokens[end:]
	if bad := k.expression(s, condition); bad != nil {
		return nil, bad
	}
	for len(condition) > 1 && condition[0].Is("(") && closing(condition, 0) == len(condition)-1 {
		condition = condition[1 : len(condition)-1]
	}
	if tokens[0].Is("USING") {
		if slices.ContainsFunc(split(condition, ","), func(item []lex.Token) bool { return len(item) == 1 && is(item[0], keyName) }) {
			return rest, nil
		}
		return nil, none
	}
	if !tokens[0].Is("ON") || indexAtDepth(condition, func(i int) bool { return condition[i].Any("OR", "?") }) >= 0 {
		return nil, none
	}
	added := s.aliases[len(s.aliases)-1]
	for _, c := range split(condition, "AND") {
		if len(c) != 7 || !c[3].Any("=", "==") || !c[1].Is(".") || !c[5].Is(".") || !is(c[2], keyName) || !is(c[6], keyName) {
			continue
		}
		one, _ := c[0].Identifier()
		two, _ := c[4].Identifier()
		if (one == s.aliases[0] && two == added) || (two == s.aliases[0] && one == added) {
			return rest, nil
		}
	}
	return nil, none
}

// nextJoin is where the next join begins, or the end.
func nextJoin(tokens []lex.Token) int {
	at := indexAtDepth(tokens, func(i int) bool {
		call := i+1 < len(tokens) && tokens[i+1].Is("(") && !tokens[i].Is("JOIN")
		return slices.ContainsFunc(joinWords, tokens[i].Is) && !call
	})
	if at < 0 {
		return len(tokens)
	}
	return at
}
