package project

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
)

// UnitTests is tests/NAME.yml: what files must give for inputs that are written
// down, at a fixed time.
type UnitTests struct {
	Origin `yaml:"-"`
	// Description for people.
	Description string `yaml:"description" json:"description,omitempty"`
	// Now is the moment that now() means in all tests of the file.
	Now Moment `yaml:"now" json:"now,omitempty"`
	// UnitTests of the file, each on its own.
	UnitTests []*UnitTest `yaml:"unit_tests" json:"unit_tests" validate:"required"`
}

// UnitTest is one: given these inputs, the file has this result.
type UnitTest struct {
	// Name says what is tested.
	Name string `yaml:"name" json:"name" validate:"required"`
	// Description for people.
	Description string `yaml:"description" json:"description,omitempty"`
	// Audience that is tested. One of audience, trait and model is written.
	Audience string `yaml:"audience" json:"audience,omitempty"`
	// Trait that is tested.
	Trait string `yaml:"trait" json:"trait,omitempty"`
	// Model that is tested.
	Model string `yaml:"model" json:"model,omitempty"`
	// Now overrides the file's.
	Now Moment `yaml:"now" json:"now,omitempty"`
	// Tags to select it by, beside those of the tested file.
	Tags []string `yaml:"tags" json:"tags,omitempty"`
	// Given are the inputs: events, other tables, or results of other files.
	Given []Given `yaml:"given" json:"given,omitempty"`
	// Expect is what must come out.
	Expect Expect `yaml:"expect" json:"expect" validate:"required"`

	Path  string `yaml:"-" json:"path"` // of the file that it stands in
	file  *UnitTests
	index string
}

// Given is one input.
type Given struct {
	// Input is events, another table of Tailrace's own, a model, trait or audience, or database.table.
	Input string `yaml:"input" json:"input" validate:"required"`
	// Format of rows: a list of mappings, or CSV with a line of names.
	Format string `yaml:"format" json:"format,omitempty" default:"dict" validate:"oneof=dict csv"`
	// Rows of the input. Columns that a row doesn't mention are NULL, or the default of their type.
	Rows Rows `yaml:"rows" json:"rows,omitempty"`
	// Columns are types of a database.table's columns, where the values don't tell them.
	Columns map[string]string `yaml:"columns" json:"columns,omitempty"`
}

// Expect is a result. One of its keys is written; only the columns that are mentioned are compared, and order means nothing.
type Expect struct {
	// Members are the keys of exactly those who are in; [] is nobody.
	Members *[]string `yaml:"members" json:"members,omitempty"`
	// Values are a trait's, by key.
	Values map[string]any `yaml:"values" json:"values,omitempty"`
	// Rows are exactly those of the result, with the columns that matter. because is a column too.
	Rows *Rows `yaml:"rows" json:"rows,omitempty"`
	// Format of rows: a list of mappings, or CSV with a line of names.
	Format string `yaml:"format" json:"format,omitempty" default:"dict" validate:"oneof=dict csv"`
}

// Rows are rows as a test writes them: by column, with the values of JSON.
type Rows struct {
	List []map[string]any
	csv  string
}

// JSONSchema describes them for editors.
func (Rows) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "array", Items: &jsonschema.Schema{Type: "object"}}, {Type: "string"}}}
}

func (r *Rows) decodeYAML(d *decoder, n ast.Node, path string) {
	r.List = []map[string]any{}
	if text, ok := scalarText(n); ok {
		r.csv = text
		return
	}
	seq, ok := n.(*ast.SequenceNode)
	if !ok && n.Type() != ast.NullType {
		d.fail(n, CodeValue, "", "%s wants a list of rows, this is %s", d.name(path), kindOf(n))
	}
	if !ok {
		return
	}
	for i, item := range seq.Values {
		row, ok := d.plain(item, join(path, strconv.Itoa(i))).(map[string]any)
		if !ok {
			d.fail(item, CodeValue, "write { column: value }", "a row is a mapping, this is %s", kindOf(item))
			continue
		}
		r.List = append(r.List, row)
	}
}

// Moment is a point in time, in UTC unless it says otherwise.
type Moment struct{ time.Time }

// JSONSchema describes it for editors.
func (Moment) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Examples: []any{"2026-06-01T12:00:00Z", "2026-06-01"}}
}

func (m *Moment) decodeYAML(d *decoder, n ast.Node, path string) {
	text, ok := d.text(n, path)
	if !ok {
		return
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			m.Time = at.UTC()
			return
		}
	}
	d.fail(n, CodeValue, "", "%s wants a time such as 2026-06-01T12:00:00Z, this is %q", d.name(path), text)
}

// RelativeTime reads `now`, `now - 90d` and `now + 1h`, which tests write in
// columns of dates and times; ok is false for any other text.
func RelativeTime(text string, now time.Time) (at time.Time, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "now")
	if !ok {
		return at, false
	}
	if rest = strings.TrimSpace(rest); rest == "" {
		return now, true
	}
	sign := rest[:1]
	length, err := ParseDuration(strings.ReplaceAll(rest[1:], " ", ""))
	if err != nil || (sign != "-" && sign != "+") {
		return at, false
	}
	if sign == "-" {
		return now.Add(-length.Std()), true
	}
	return now.Add(length.Std()), true
}

// Node is the file that is tested.
func (t *UnitTest) Node() Node {
	switch {
	case t.Audience != "":
		return Node{KindAudience, t.Audience}
	case t.Trait != "":
		return Node{KindTrait, t.Trait}
	}
	return Node{KindModel, t.Model}
}

// At is where something of the test stands: At("given", "0", "rows").
func (t *UnitTest) At(path ...string) Position {
	return t.file.Positions.At(append([]string{"unit_tests", t.index}, path...)...)
}

// InputName is the input's name, also where it is written as dbt does:
// ref('orders') or source('crm', 'accounts').
func (g Given) InputName() string {
	name := strings.TrimSpace(g.Input)
	for _, call := range []string{"ref(", "source("} {
		if inner, ok := strings.CutPrefix(name, call); ok && strings.HasSuffix(inner, ")") {
			parts := strings.Split(strings.TrimSuffix(inner, ")"), ",")
			for i := range parts {
				parts[i] = strings.Trim(strings.TrimSpace(parts[i]), `'"`)
			}
			return strings.Join(parts, ".")
		}
	}
	return name
}

func (l *loader) unitTests(path, name, text string) {
	f := &UnitTests{}
	if !l.decodeFile(path, name, text, f, &f.Origin, withoutReferences) {
		return
	}
	for i, t := range f.UnitTests {
		if t == nil {
			l.fail(CodeValue, path, f.Positions.At("unit_tests", strconv.Itoa(i)), "", "an item of unit_tests wants a mapping, this is nothing")
			continue
		}
		t.Path, t.file, t.index = path, f, strconv.Itoa(i)
		if t.Now.IsZero() {
			t.Now = f.Now
		}
		if t.Now.IsZero() && !l.failedAt(path, t.At("now")) {
			l.fail(CodeMissingKey, path, t.At(), "now: 2026-06-01T12:00:00Z in the test, or once at the top of the file", "missing key now")
		}
		for g := range t.Given {
			l.readCSV(t, &t.Given[g].Rows, t.Given[g].Format, "given", strconv.Itoa(g), "rows")
		}
		if t.Expect.Rows != nil {
			l.readCSV(t, t.Expect.Rows, t.Expect.Format, "expect", "rows")
		}
		l.p.UnitTests = append(l.p.UnitTests, t)
	}
	f.UnitTests = slices.DeleteFunc(f.UnitTests, func(t *UnitTest) bool { return t == nil })
	l.p.unitTestFiles = append(l.p.unitTestFiles, f)
}

// unitTest reports a mistake of one test.
func (l *loader) unitTest(t *UnitTest, code Code, at []string, hint, format string, args ...any) {
	l.fail(code, t.Path, t.At(at...), hint, "%s", fmt.Sprintf(format, args...))
}
