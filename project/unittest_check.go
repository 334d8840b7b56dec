package project

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
)

// readCSV turns rows that were written as text into rows by column. An empty
// cell is NULL, and blanks around a cell are no part of it.
func (l *loader) readCSV(t *UnitTest, r *Rows, format string, at ...string) {
	if format != "csv" {
		if r.csv != "" {
			l.unitTest(t, CodeUnitTest, at, "write format: csv beside it", "rows is text")
		}
		return
	}
	if r.csv == "" {
		if len(r.List) > 0 {
			l.unitTest(t, CodeUnitTest, at, "leave format: csv out", "rows is a list of mappings, not CSV")
		}
		return
	}
	reader := csv.NewReader(strings.NewReader(r.csv))
	reader.TrimLeadingSpace = true
	var head []string
	for {
		cells, err := reader.Read()
		if err == io.EOF {
			return
		}
		if err != nil {
			l.unitTest(t, CodeUnitTest, at, "", "these rows are no CSV: %v", err)
			return
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if head == nil {
			head = cells
			continue
		}
		row := make(map[string]any, len(cells))
		for i, cell := range cells {
			if row[head[i]] = any(cell); cell == "" {
				row[head[i]] = nil
			}
		}
		r.List = append(r.List, row)
	}
}

// checkUnitTests holds tests against the files that they test.
func (l *loader) checkUnitTests() {
	names := map[string]bool{}
	for _, t := range l.p.UnitTests {
		if key := t.Path + " " + t.Name; t.Name != "" {
			if names[key] {
				l.unitTest(t, CodeUnitTest, []string{"name"}, "", "another test of this file is called %q", t.Name)
			}
			names[key] = true
		}
		if l.checkTested(t) {
			l.checkGiven(t)
		}
		l.checkExpect(t)
	}
}

func (l *loader) checkTested(t *UnitTest) bool {
	written := 0
	for _, name := range []string{t.Audience, t.Trait, t.Model} {
		if name != "" {
			written++
		}
	}
	if written != 1 {
		l.unitTest(t, CodeUnitTest, nil, "write one of audience:, trait: and model:", "a test names the one file that it tests, this names %d", written)
		return false
	}
	n := t.Node()
	if f := l.p.SQL(n.Name); f == nil || f.Kind != n.Kind {
		var known []string
		for _, f := range l.p.SQLFiles() {
			if f.Kind == n.Kind {
				known = append(known, f.Name)
			}
		}
		l.unitTest(t, CodeUnknownName, []string{string(n.Kind)}, "", "unknown %s%s", n, suggest(n.Name, known))
		return false
	}
	return true
}

func (l *loader) checkGiven(t *UnitTest) {
	readable := l.p.Inputs(t.Node())
	seen := map[string]bool{}
	for i, g := range t.Given {
		at := []string{"given", strconv.Itoa(i), "input"}
		name := g.InputName()
		switch {
		case name == "":
			continue
		case seen[name]:
			l.unitTest(t, CodeUnitTest, at, "", "%s is given twice", name)
		case !slices.Contains(readable, name):
			reads := "it reads no table"
			if len(readable) > 0 {
				reads = "it reads " + strings.Join(readable, ", ")
			}
			l.unitTest(t, CodeUnitTest, at, reads, "the %s doesn't read %s%s", t.Node(), name, suggest(name, readable))
		case len(g.Columns) > 0 && !strings.Contains(name, "."):
			l.unitTest(t, CodeUnitTest, []string{"given", strconv.Itoa(i), "columns"}, "leave columns out", "the columns of %s are known", name)
		}
		seen[name] = true
	}
}

// Inputs lists what a test of a file may give: all that the file reads, through
// other files, and, where one reads profiles, the traits that are columns there
// and the tables that profiles is made of. Sorted.
func (p *Project) Inputs(n Node) []string {
	var out []string
	for _, up := range p.graph.Upstream(n) {
		out = append(out, up.Name)
		if up.Kind == KindBuiltin && up.Name == "profiles" {
			out = append(out, "events", "identities")
			for _, t := range p.Traits {
				if t.Header.Entity == "profile" && (Node{KindTrait, t.Name}) != n {
					out = append(out, t.Name)
					for _, further := range p.graph.Upstream(Node{KindTrait, t.Name}) {
						out = append(out, further.Name)
					}
				}
			}
		}
	}
	if f := p.SQL(n.Name); f != nil && f.Header.Entity == "profile" {
		out = append(out, "events", "identities") // keys are looked up there
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (l *loader) checkExpect(t *UnitTest) {
	e, written := t.Expect, 0
	for _, is := range []bool{e.Members != nil, e.Values != nil, e.Rows != nil} {
		if is {
			written++
		}
	}
	at := []string{"expect"}
	switch {
	case written != 1 && !l.failedAt(t.Path, t.At(at...)):
		l.unitTest(t, CodeUnitTest, at, "", "expect has one of members, values and rows, this has %d", written)
	case e.Values != nil && t.Trait == "":
		l.unitTest(t, CodeUnitTest, []string{"expect", "values"}, "use members or rows", "only a trait has values")
	case e.Rows != nil && len(e.Rows.List) > 0:
		first := sortedKeys(e.Rows.List[0])
		for i, row := range e.Rows.List {
			if !slices.Equal(sortedKeys(row), first) {
				l.unitTest(t, CodeUnitTest, []string{"expect", "rows", strconv.Itoa(i)}, "write the same columns in each row",
					"this row mentions %s, the first one %s", strings.Join(sortedKeys(row), ", "), strings.Join(first, ", "))
			}
		}
	}
}
