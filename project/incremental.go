package project

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/sql/lex"
)

// incrementalBy is the column that tells new events.
const incrementalBy = "loaded_at"

// checkIncrementals sees that what is computed incrementally gives what a full
// pass gives: its rows of a profile are made of that profile's events alone,
// and change at no moment but those that expires names.
func (l *loader) checkIncrementals() {
	models := map[string]*notKeyed{}
	for _, f := range slices.Concat(l.p.Traits, l.p.Audiences) {
		if f.Header.Incremental != nil && f.SQL != "" {
			l.checkIncremental(f, models)
		}
	}
}

func (l *loader) checkIncremental(f *SQLFile, models map[string]*notKeyed) {
	h, key := f.Header, f.Positions.Key("incremental")
	fail := func(at Position, hint, format string, args ...any) {
		l.fail(CodeIncremental, f.Path, at, hint, format, args...)
	}
	if by := h.Incremental.By; by != "" && by != incrementalBy {
		fail(f.Positions.At("incremental", "by"), "", "by is %s, the column of events that tells new ones, not %q", incrementalBy, by)
	}
	if h.Entity != "profile" {
		fail(key, "", "only what is about profiles can be incremental")
		return
	}
	if h.Key != "" && h.Key != keyName || h.Key == "" && len(f.Columns) > 0 && f.Columns[0].Name != keyName {
		fail(key, "select "+keyName+" first", "only what is keyed by %s can be incremental: other keys are resolved, and may come to mean somebody else", keyName)
		return
	}
	tokens := lex.Significant(lex.Tokens(f.SQL))
	k := &keyed{common: map[string]bool{}, relation: l.keyedRelation(models, 0)}
	last, bad := k.query(tokens)
	if bad != nil {
		fail(f.At(bad.at.Pos.Line, bad.at.Pos.Column), "", "it can't be incremental: %s", bad.why)
		return
	}
	if !lex.ReadsTime(f.SQL) {
		return
	}
	if h.Incremental.Expires == "" {
		fail(key, "name a column with the moment at which a row next changes: expires: column", "a file that reads the time can't be incremental")
		return
	}
	if bad := comesByTime(tokens, last); bad != nil {
		fail(f.At(bad.at.Pos.Line, bad.at.Pos.Column), "", "it can't be incremental: %s", bad.why)
	}
}

// keyedRelation tells of a table or a model whether its rows belong to profiles:
// events do, and models that make rows of a profile of that profile's events.
func (l *loader) keyedRelation(models map[string]*notKeyed, depth int) func(database, name string) (string, bool) {
	return func(database, name string) (string, bool) {
		if database != "" {
			return database + "." + name + " may be changed without new events", false
		}
		if name == "events" {
			return "", true
		}
		m := l.p.Model(name)
		if m == nil || m.SQL == "" || depth > 50 {
			return "only events and models of events can be read, and " + name + " may change without new events", false
		}
		bad, known := models[name]
		if !known {
			k := &keyed{common: map[string]bool{}, relation: l.keyedRelation(models, depth+1)}
			_, bad = k.query(lex.Significant(lex.Tokens(m.SQL)))
			if bad == nil && lex.ReadsTime(m.SQL) {
				bad = &notKeyed{lex.Token{Pos: lex.Pos{Line: 1, Column: 1}}, "it reads the time"}
			}
			models[name] = bad
		}
		if bad == nil {
			return "", true
		}
		at := m.At(bad.at.Pos.Line, bad.at.Pos.Column)
		return fmt.Sprintf("the model %s (%s:%d:%d): %s", name, m.Path, at.Line, at.Column, bad.why), false
	}
}

// comesByTime sees that a row never appears by the passing of time: one that
// isn't there has no moment at which it expires. The time may be read in the
// columns of the outermost SELECT, and in a condition of its WHERE that keeps
// the newest events, if no later condition looks at what is left.
func comesByTime(tokens []lex.Token, s *selection) *notKeyed {
	const way = "let the file select the moment, and compare it with now() in what reads the file"
	if s == nil {
		return &notKeyed{tokens[0], "a union reads the time, so rows may appear without new events: " + way}
	}
	allowed := 0
	var timed []string
	for _, item := range s.items {
		if n := clockReads(item); n > 0 {
			allowed += n
			if name, ok := item[len(item)-1].Identifier(); ok {
				timed = append(timed, name)
			}
		}
	}
	where := split(s.clauses["WHERE"], "AND")
	for _, c := range where {
		if n := clockReads(c); n > 0 && keepsNewest(c) {
			allowed += n
			for _, later := range []string{"HAVING", "QUALIFY"} {
				if at, has := s.begins[later]; has {
					return &notKeyed{at, "WHERE reads the time, so a row may come to pass this " + later + " without new events: " + way}
				}
			}
		}
	}
	if allowed < clockReads(tokens) {
		at := tokens[0]
		for _, word := range []string{"HAVING", "WHERE", "FROM"} {
			if clockReads(s.clauses[word]) > 0 {
				at = s.begins[word]
				break
			}
		}
		return &notKeyed{at, "rows may appear by the passing of time, without new events: " + way}
	}
	for _, word := range clauseWords[1:] {
		for _, t := range s.clauses[word] {
			if name, ok := t.Identifier(); ok && slices.Contains(timed, name) {
				return &notKeyed{t, "rows may appear by the passing of time, which " + name + " reads: " + way}
			}
		}
	}
	return nil
}

// clockReads counts the calls that read the clock.
func clockReads(tokens []lex.Token) int {
	n := 0
	for i := range tokens {
		end := i + 1
		if end < len(tokens) && tokens[end].Is("(") {
			end = closing(tokens, end) + 1
		}
		if name, ok := tokens[i].Identifier(); ok && lex.ReadsClock(name) {
			text := ""
			for _, t := range tokens[i:min(end, len(tokens))] {
				text += t.Text + " "
			}
			if lex.ReadsTime("SELECT " + text) {
				n++
			}
		}
	}
	return n
}

// keepsNewest tells whether a condition is column > now() - …: as time goes by
// it lets rows go and takes none in.
func keepsNewest(c []lex.Token) bool {
	at := indexAtDepth(c, func(i int) bool { return c[i].Any(">", ">=") })
	if at != 1 && !(at == 3 && c[1].Is(".")) || at+1 == len(c) || clockReads(c) != 1 {
		return false
	}
	if first, ok := c[at+1].Identifier(); !ok || !lex.ReadsClock(first) {
		return false
	}
	for _, t := range c[at+1:] {
		name, named := t.Identifier()
		switch {
		case t.Kind == lex.Number || t.Kind == lex.String || t.Any("(", ")", "-", "INTERVAL", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"):
		case named && lex.ReadsClock(name):
		default:
			return false
		}
	}
	return true
}
