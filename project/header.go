package project

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
)

// Header is the YAML in the first block comment of a SQL file.
type Header struct {
	// Description for people.
	Description string `yaml:"description" json:"description,omitempty"`
	// Owner to ask about it.
	Owner string `yaml:"owner" json:"owner,omitempty"`
	// Schedule of recomputing; after whatever it reads has changed if it isn't written.
	Schedule Schedule `yaml:"schedule" json:"schedule,omitempty" default:"on_change"`
	// Tags to select it by.
	Tags []string `yaml:"tags" json:"tags,omitempty"`
	// Limits that hold a new version for a person to look at.
	Limits Limits `yaml:"limits" json:"limits,omitempty"`
	// Tests of the result; a failed one of severity error keeps it from being published.
	Tests []Test `yaml:"tests" json:"tests,omitempty"`
	// Key is the column with the entity's key; the first one if it isn't written.
	Key string `yaml:"key" json:"key,omitempty"`
	// Entity the key stands for: a profile, a group, or none for the rows of any table.
	Entity string `yaml:"entity" json:"entity,omitempty" default:"profile" validate:"oneof=profile group none"`
	// Because names boolean columns that say why a row is there.
	Because []string `yaml:"because" json:"because,omitempty"`
	// Purpose for which the data may be used; inherited by all that reads it.
	Purpose []string `yaml:"purpose" json:"purpose,omitempty"`
	// Type of a trait's value: number, text, boolean, date, datetime, or a type of ClickHouse.
	Type string `yaml:"type" json:"type,omitempty"`
	// Personal names columns that viewers see masked although they are numbers or dates, in every file that has one of that name.
	Personal []string `yaml:"personal" json:"personal,omitempty"`
	// Public names text columns that hold nothing personal; viewers see other text masked.
	Public []string `yaml:"public" json:"public,omitempty"`
	// Incremental recomputes only entities with new rows.
	Incremental *Incremental `yaml:"incremental" json:"incremental,omitempty"`
	// Experiment keeps a part of an audience's members out of every sync.
	Experiment *Experiment `yaml:"experiment" json:"experiment,omitempty"`
	// Priority makes audiences of a group exclusive in syncs.
	Priority *Priority `yaml:"priority" json:"priority,omitempty"`
	// RenamedFrom is the file's former name, which keeps history and ledger.
	RenamedFrom string `yaml:"renamed_from" json:"renamed_from,omitempty"`
	// MayShrink allows reading events although old ones expire.
	MayShrink bool `yaml:"may_shrink" json:"may_shrink,omitempty"`
}

// Limits hold a new version for a person to look at. A share that isn't written
// is nil: the materializer's default holds.
type Limits struct {
	// MaxShrink is the share of members that may leave at once.
	MaxShrink *Percent `yaml:"max_shrink" json:"max_shrink,omitempty"`
	// MaxGrow is the share by which members may grow at once.
	MaxGrow *Percent `yaml:"max_grow" json:"max_grow,omitempty"`
	// Time the query may take.
	Time Duration `yaml:"time" json:"time,omitempty"`
	// Memory the query may take.
	Memory Size `yaml:"memory" json:"memory,omitempty"`
	// Rows the query may return.
	Rows int64 `yaml:"rows" json:"rows,omitempty" validate:"min=0"`
}

// Incremental recomputes only entities with new rows.
type Incremental struct {
	// By is the column that tells new rows.
	By string `yaml:"by" json:"by" validate:"required"`
	// Lookback is how far behind the last run rows are read again.
	Lookback Duration `yaml:"lookback" json:"lookback,omitempty" default:"10m"`
	// Expires names a column with the moment at which a row next changes without a new row.
	Expires string `yaml:"expires" json:"expires,omitempty"`
}

// TestKind is one of dbt's words for a check of a result.
type TestKind string

// The kinds of checks.
const (
	TestUnique         TestKind = "unique"
	TestNotNull        TestKind = "not_null"
	TestAcceptedValues TestKind = "accepted_values"
	TestRelationships  TestKind = "relationships"
	TestMinMembers     TestKind = "min_members"
	TestMaxMembers     TestKind = "max_members"
	TestSQL            TestKind = "sql"
)

// Test is one check of a result.
type Test struct {
	Kind     TestKind
	Column   string   // unique, not_null, accepted_values, relationships; "" is the key
	Values   []string // accepted_values, as text
	To       string   // relationships: the table or file referred to
	Field    string   // relationships: its column
	Members  int64    // min_members, max_members
	SQL      string   // sql: a query that must return nothing
	Severity Severity // error unless the file says warn
	At       Position `json:"-"`
}

// String writes the test in one line, for messages.
func (t Test) String() string {
	switch t.Kind {
	case TestMinMembers, TestMaxMembers:
		return fmt.Sprintf("%s: %d", t.Kind, t.Members)
	case TestSQL:
		return "sql: " + strings.Join(strings.Fields(t.SQL), " ")
	case TestAcceptedValues:
		return fmt.Sprintf("accepted_values: %s in %s", cmp.Or(t.Column, "key"), strings.Join(t.Values, ", "))
	case TestRelationships:
		return fmt.Sprintf("relationships: %s in %s.%s", cmp.Or(t.Column, "key"), t.To, t.Field)
	}
	return fmt.Sprintf("%s: %s", t.Kind, cmp.Or(t.Column, "key"))
}

// testMap is how a file writes a test.
type testMap struct {
	Unique         *columnTest        `yaml:"unique" json:"unique,omitempty"`
	NotNull        *columnTest        `yaml:"not_null" json:"not_null,omitempty"`
	AcceptedValues *acceptedTest      `yaml:"accepted_values" json:"accepted_values,omitempty"`
	Relationships  *relationshipsTest `yaml:"relationships" json:"relationships,omitempty"`
	MinMembers     *int64             `yaml:"min_members" json:"min_members,omitempty" validate:"omitempty,min=0"`
	MaxMembers     *int64             `yaml:"max_members" json:"max_members,omitempty" validate:"omitempty,min=0"`
	SQL            *string            `yaml:"sql" json:"sql,omitempty"`
	Severity       string             `yaml:"severity" json:"severity,omitempty" default:"error" validate:"oneof=error warn"`
}

type columnTest struct {
	Column string `yaml:"column" json:"column,omitempty"`
}

type acceptedTest struct {
	Column string   `yaml:"column" json:"column,omitempty"`
	Values []string `yaml:"values" json:"values" validate:"required"`
}

type relationshipsTest struct {
	Column string `yaml:"column" json:"column,omitempty"`
	To     string `yaml:"to" json:"to" validate:"required"`
	Field  string `yaml:"field" json:"field" validate:"required"`
}

func (c *columnTest) decodeYAML(d *decoder, n ast.Node, path string) {
	if _, isMap := entries(n); isMap {
		d.decodeStruct(n, valueOf(c), path)
	} else if n.Type() != ast.NullType {
		c.Column, _ = d.text(n, path)
	}
}

// JSONSchema describes it for editors.
func (Test) JSONSchema() *jsonschema.Schema { return reflectSchema(testMap{}) }

func (t *Test) decodeYAML(d *decoder, n ast.Node, path string) {
	t.At, t.Severity = d.position(n), SeverityError
	if text, ok := scalarText(n); ok { // dbt's short form: `- unique`
		t.Kind = TestKind(text)
		if t.Kind != TestUnique && t.Kind != TestNotNull {
			d.fail(n, CodeTest, "", "unknown test %s%s", text, suggest(text, []string{"unique", "not_null"}))
		}
		return
	}
	var m testMap
	d.decodeStruct(n, valueOf(&m), path)
	if m.Severity == "warn" {
		t.Severity = SeverityWarning
	}
	set := 0
	pick := func(kind TestKind, is bool, fill func()) {
		if !is {
			return
		}
		if set++; set == 1 {
			t.Kind = kind
			fill()
		}
	}
	pick(TestUnique, m.Unique != nil, func() { t.Column = m.Unique.Column })
	pick(TestNotNull, m.NotNull != nil, func() { t.Column = m.NotNull.Column })
	pick(TestAcceptedValues, m.AcceptedValues != nil, func() { t.Column, t.Values = m.AcceptedValues.Column, m.AcceptedValues.Values })
	pick(TestRelationships, m.Relationships != nil, func() {
		t.Column, t.To, t.Field = m.Relationships.Column, m.Relationships.To, m.Relationships.Field
	})
	pick(TestMinMembers, m.MinMembers != nil, func() { t.Members = *m.MinMembers })
	pick(TestMaxMembers, m.MaxMembers != nil, func() { t.Members = *m.MaxMembers })
	pick(TestSQL, m.SQL != nil, func() { t.SQL = *m.SQL })
	if set != 1 && !slices.ContainsFunc(*d.out, func(x Diagnostic) bool { return x.Path == d.path && x.position() == t.At }) {
		d.fail(n, CodeTest, "begin each with its own dash", "a test names one check, this names %d", set)
	}
}
