package project

import (
	"fmt"
	"slices"
	"strings"
)

// ResultColumn is a column that the warehouse found a file's query to have.
type ResultColumn struct {
	Name string
	Type string // as ClickHouse writes it
}

// CheckColumns holds headers and mappings against what the warehouse knows:
// columns by the name of the model, trait or audience, and those of the view
// profiles under "profiles", those of external tables under database.table.
// What has no entry isn't looked at.
func CheckColumns(p *Project, columns map[string][]ResultColumn) Diagnostics {
	l := &loader{p: p}
	for _, f := range p.SQLFiles() {
		if cols, ok := columns[f.Name]; ok {
			l.checkFileColumns(f, cols)
		}
	}
	l.checkExternalColumns(columns)
	for _, s := range p.Syncs {
		l.checkMapping(s, columns)
	}
	l.out.Sort()
	return l.out
}

func (l *loader) checkFileColumns(f *SQLFile, cols []ResultColumn) {
	known := columnNames(cols)
	unknown := func(name string, at Position) bool {
		if slices.Contains(known, name) {
			return false
		}
		l.fail(CodeUnknownColumn, f.Path, at, "", "unknown column %s%s", name, suggest(name, known))
		return true
	}
	h := f.Header
	if h.Key != "" {
		unknown(h.Key, f.Positions.At("key"))
	}
	for i, name := range h.Because {
		at := f.Positions.At("because", fmt.Sprint(i))
		if unknown(name, at) {
			continue
		}
		if t := typeOf(cols, name); bareType(t) != "Bool" && bareType(t) != "UInt8" {
			l.fail(CodeBecause, f.Path, at, "write a comparison, such as lifetime_value > 200 AS "+name, "%s is %s, not boolean", name, t)
		}
	}
	for i, name := range h.Personal {
		unknown(name, f.Positions.At("personal", fmt.Sprint(i)))
	}
	for i, name := range h.Public {
		unknown(name, f.Positions.At("public", fmt.Sprint(i)))
	}
	for _, t := range h.Tests {
		if t.Column != "" {
			unknown(t.Column, t.At)
		}
	}
	if h.Incremental != nil && h.Incremental.Expires != "" {
		at := f.Positions.At("incremental", "expires")
		if t := bareType(typeOf(cols, h.Incremental.Expires)); !unknown(h.Incremental.Expires, at) && t != "" && !strings.HasPrefix(t, "Date") {
			l.fail(CodeIncremental, f.Path, at, "", "%s is %s, not a moment", h.Incremental.Expires, t)
		}
	}
	if f.Kind == KindTrait {
		l.checkTraitType(f, cols)
	}
}

// checkTraitType sees that a trait has a key and one value, of the type that
// its header says.
func (l *loader) checkTraitType(f *SQLFile, cols []ResultColumn) {
	if i := f.Header.Incremental; i != nil && i.Expires != "" {
		cols = slices.DeleteFunc(slices.Clone(cols), func(c ResultColumn) bool { return c.Name == i.Expires })
	}
	if len(cols) != 2 {
		l.fail(CodeTraitType, f.Path, Position{f.BodyLine, 1}, "", "a trait selects its key and one value, this selects %d columns: %s",
			len(cols), strings.Join(columnNames(cols), ", "))
		return
	}
	value := cols[1]
	if f.Header.Key != "" && value.Name == f.Header.Key {
		value = cols[0]
	}
	if want := f.Header.Type; want != "" && !typeFits(want, value.Type) {
		l.fail(CodeTraitType, f.Path, f.Positions.At("type"), "", "%s is %s, not %s", value.Name, value.Type, want)
	}
}

func (l *loader) checkMapping(s *Sync, columns map[string][]ResultColumn) {
	kind, name := s.Reads()
	own, haveOwn := columns[name]
	if f := l.p.SQL(name); f == nil || f.Kind != kind || s.Forwards() {
		haveOwn = false
	}
	profiles, haveProfiles := columns["profiles"]
	check := func(c Column, at Position) {
		cols, have, of := own, haveOwn, ""
		if c.Profile {
			if l.p.Trait(c.Name) != nil {
				return // becomes a column when the trait is first published
			}
			cols, have, of = profiles, haveProfiles, "profile."
		}
		known := columnNames(cols)
		if !have || c.Name == "" || slices.Contains(known, c.Name) {
			return
		}
		near := nearest(c.Name, known)
		switch {
		case near != "":
			near = ", did you mean " + of + near + "?"
		case !c.Profile && slices.Contains(columnNames(profiles), c.Name):
			near = ", did you mean profile." + c.Name + "?"
		}
		l.fail(CodeUnknownColumn, s.Path, at, "", "unknown column %s%s", c, near)
	}
	for _, id := range sortedKeys(s.Match) {
		check(s.Match[id], s.Positions.At("match", id))
	}
	for _, f := range s.Fields {
		check(f.Column, f.At)
	}
}

func columnNames(cols []ResultColumn) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return out
}

func typeOf(cols []ResultColumn, name string) string {
	for _, c := range cols {
		if c.Name == name {
			return c.Type
		}
	}
	return ""
}

// bareType takes off what doesn't change what a value is.
func bareType(t string) string {
	for _, wrapper := range []string{"LowCardinality(", "Nullable("} {
		if inner, ok := strings.CutPrefix(t, wrapper); ok {
			t = strings.TrimSuffix(inner, ")")
		}
	}
	return t
}

// typeFits reports whether a column's type is of the family, or is the type,
// that a header names.
func typeFits(want, have string) bool {
	bare := bareType(have)
	has := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(bare, p) })
	}
	switch want {
	case "number":
		return has("Int", "UInt", "Float", "Decimal", "BFloat")
	case "text":
		return has("String", "FixedString", "Enum", "UUID")
	case "boolean":
		return bare == "Bool" || bare == "UInt8"
	case "date":
		return bare == "Date" || bare == "Date32"
	case "datetime":
		return has("DateTime")
	}
	return want == have || bareType(want) == bare
}
