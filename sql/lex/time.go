package lex

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// clock says what a call that reads the clock gives.
type clock uint8

const (
	clockSeconds clock = iota // DateTime, with an optional time zone
	clockSub                  // DateTime64, with an optional scale and time zone
	clockToday
	clockYesterday
)

// clockCalls are the functions that read the clock, by their names in lower
// case: now(), its kin and their SQL-standard aliases (system.functions of
// 26.7).
var clockCalls = map[string]clock{
	"now": clockSeconds, "current_timestamp": clockSeconds, "localtimestamp": clockSeconds,
	"nowinblock": clockSeconds, "utctimestamp": clockSeconds, "utc_timestamp": clockSeconds,
	"now64": clockSub, "nowinblock64": clockSub,
	"today": clockToday, "curdate": clockToday, "current_date": clockToday,
	"yesterday": clockYesterday,
}

// clockWords are the names that read the clock without parentheses, as the SQL
// standard has it. now, today and curdate do so too, but are far more often
// the names of columns; those are left for the engine to tell.
var clockWords = map[string]bool{"current_timestamp": true, "current_date": true, "localtimestamp": true}

// ReadsClock reports whether a function of that name gives another answer as
// time goes by, and that RewriteTime replaces.
func ReadsClock(function string) bool {
	_, reads := clockCalls[strings.ToLower(function)]
	return reads
}

// ReadsTime reports whether the statement reads the clock.
func ReadsTime(sql string) bool {
	return len(clockUses(Significant(Tokens(sql)))) > 0
}

// clockUse is one place that reads the clock: tokens[from:to].
type clockUse struct {
	from, to int
	kind     clock
	args     [][]Token
}

func clockUses(tokens []Token) []clockUse {
	var uses []clockUse
	for i := 0; i < len(tokens); i++ {
		name, named := tokens[i].Identifier()
		kind, known := clockCalls[strings.ToLower(name)]
		if !named || !known {
			continue
		}
		if i > 0 && (tokens[i-1].Is(".") || tokens[i-1].Is("@")) {
			continue
		}
		if i+1 < len(tokens) && tokens[i+1].Is("(") {
			to, args := callArguments(tokens, i+1)
			uses = append(uses, clockUse{from: i, to: to, kind: kind, args: args})
			i = to - 1
			continue
		}
		if clockWords[strings.ToLower(name)] && tokens[i].Kind == Word && !namesSomething(tokens, i) {
			uses = append(uses, clockUse{from: i, to: i + 1, kind: kind})
		}
	}
	return uses
}

// namesSomething reports whether the word at i is an alias, a qualifier or the
// name of a common table expression, rather than a value.
func namesSomething(tokens []Token, i int) bool {
	if i > 0 && tokens[i-1].Is("AS") {
		return true
	}
	return i+1 < len(tokens) && (tokens[i+1].Is(".") || tokens[i+1].Is("AS") && i > 0 && tokens[i-1].Any("WITH", "RECURSIVE"))
}

// callArguments reads the arguments of a call whose opening bracket is at
// open; to is the index behind the closing one.
func callArguments(tokens []Token, open int) (to int, args [][]Token) {
	depth, start := 0, open+1
	for i := open; i < len(tokens); i++ {
		switch {
		case tokens[i].Any("(", "[", "{"):
			depth++
		case tokens[i].Any(")", "]", "}"):
			depth--
		}
		if depth == 0 || depth == 1 && tokens[i].Is(",") {
			if i > start || len(args) > 0 {
				args = append(args, tokens[start:i])
			}
			start = i + 1
		}
		if depth == 0 {
			return i + 1, args
		}
	}
	return len(tokens), args
}

// RewriteTime replaces every call that reads the clock (now, now64, today,
// yesterday, current_timestamp and their kin) by a literal of the logical time
// t, so that the same statement gives the same answer whenever it runs.
// Instants are UTC; days are those of UTC. Lines keep their numbers.
//
// It leaves all else byte for byte as it was. The error is an *Error: text
// that can't be cut into tokens, or a call whose arguments are no literals.
func RewriteTime(sql string, t time.Time) (string, error) {
	r, err := RewriteTimeMapped(sql, t)
	if err != nil {
		return "", err
	}
	return r.SQL, nil
}

// RewriteTimeMapped is RewriteTime with the places of what it replaced.
func RewriteTimeMapped(sql string, t time.Time) (*Rewritten, error) {
	all := Tokens(sql)
	if bad := FirstInvalid(all); bad != nil {
		return nil, bad
	}
	tokens := Significant(all)
	var edits []Replacement
	for _, use := range clockUses(tokens) {
		from, to := tokens[use.from].Pos.Offset, tokens[use.to-1].End()
		literal, err := clockLiteral(tokens[use.from], use, t.UTC())
		if err != nil {
			return nil, err
		}
		lines := strings.Repeat("\n", strings.Count(sql[from:to], "\n"))
		edits = append(edits, Replacement{From: from, To: to, Text: literal + lines})
	}
	return Replace(sql, edits), nil
}

func clockLiteral(name Token, use clockUse, t time.Time) (string, error) {
	scale, zone := 3, ""
	rest := use.args
	if use.kind == clockSub && len(rest) > 0 {
		n, err := strconv.Atoi(single(rest[0], Number))
		if err != nil || n < 0 || n > 9 {
			return "", &Error{Pos: name.Pos, Message: name.Text + " takes the number of decimals as a plain number from 0 to 9"}
		}
		scale, rest = n, rest[1:]
	}
	if (use.kind == clockSub || use.kind == clockSeconds) && len(rest) > 0 {
		if zone = single(rest[0], String); zone == "" {
			return "", &Error{Pos: name.Pos, Message: name.Text + " takes the time zone as a plain text, such as 'UTC'"}
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return "", &Error{Pos: name.Pos, Message: fmt.Sprintf("%s takes fewer arguments than %d", name.Text, len(use.args))}
	}
	var literal string
	switch use.kind {
	case clockToday:
		return t.Format("toDate('2006-01-02')"), nil
	case clockYesterday:
		return t.AddDate(0, 0, -1).Format("toDate('2006-01-02')"), nil
	case clockSub:
		literal = fmt.Sprintf("toDateTime64('%s', %d, 'UTC')", t.Format("2006-01-02 15:04:05.000000000"), scale)
	default:
		literal = t.Format("toDateTime('2006-01-02 15:04:05', 'UTC')")
	}
	if zone != "" {
		literal = fmt.Sprintf("toTimeZone(%s, %s)", literal, zone)
	}
	return literal, nil
}

// single gives the text of an argument that is one token of the kind.
func single(arg []Token, kind Kind) string {
	if len(arg) == 1 && arg[0].Kind == kind {
		return arg[0].Text
	}
	return ""
}
