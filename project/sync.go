package project

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
)

// Sync is syncs/NAME.yml: what goes where, how, when and under which limits.
type Sync struct {
	Origin `yaml:"-"`
	// Audience whose members are sent; in mode append those who enter and leave. One of audience, trait, model, events and external is written.
	Audience string `yaml:"audience" json:"audience,omitempty"`
	// Trait whose rows are sent.
	Trait string `yaml:"trait" json:"trait,omitempty"`
	// Model whose rows are sent.
	Model string `yaml:"model" json:"model,omitempty"`
	// External is a table of a database under warehouse.read, database.table, that is sent as it is.
	External string `yaml:"external" json:"external,omitempty"`
	// Events are the names of tracked events that are sent in mode append, each once; * is all of them.
	Events Events `yaml:"events" json:"events,omitempty"`
	// Destination to send to.
	Destination string `yaml:"destination" json:"destination" validate:"required"`
	// Object at the destination: contacts, list …
	Object string `yaml:"object" json:"object" validate:"required"`
	// Mode says what is done for rows that are new, changed and gone.
	Mode Mode `yaml:"mode" json:"mode" validate:"required,oneof=upsert update insert mirror audience add remove append"`
	// Target is the list, audience or table at the destination, where the object has several.
	Target string `yaml:"target" json:"target,omitempty"`
	// Match maps the destination's identifiers to columns.
	Match map[string]Column `yaml:"match" json:"match,omitempty"`
	// Fields maps the destination's fields to columns or constants, in the file's order.
	Fields Fields `yaml:"fields" json:"fields,omitempty"`
	// OnExit is what leaving means in mode mirror.
	OnExit OnExit `yaml:"on_exit" json:"on_exit,omitempty"`
	// Schedule of runs; whenever what it sends has changed if it isn't written.
	Schedule Schedule `yaml:"schedule" json:"schedule,omitempty" default:"on_change"`
	// Since is from when on events are sent in mode append, by their own time; those loaded after the sync was first seen if it isn't written.
	Since Since `yaml:"since" json:"since,omitzero"`
	// Overlap is how far behind the newest event a run in mode append looks again, for events that were loaded late.
	Overlap Duration `yaml:"overlap" json:"overlap,omitempty" default:"10m"`
	// Consent categories that a profile must have given, all of them.
	Consent []string `yaml:"consent" json:"consent,omitempty"`
	// Exclude names audiences whose members are left out.
	Exclude []string `yaml:"exclude" json:"exclude,omitempty"`
	// Guard holds a plan for a person to look at.
	Guard Guard `yaml:"guard" json:"guard,omitempty"`
	// Batch is the most rows a request carries; the connector's own maximum if it isn't written.
	Batch int `yaml:"batch" json:"batch,omitempty" validate:"min=0"`
	// Paused syncs only send removals for withdrawn consent.
	Paused bool `yaml:"paused" json:"paused,omitempty"`
	// OnDelete says what happens to what was sent when this file goes away.
	OnDelete string `yaml:"on_delete" json:"on_delete,omitempty" default:"drain" validate:"oneof=drain keep"`
	// RenamedFrom is the file's former name, which keeps its ledger.
	RenamedFrom string `yaml:"renamed_from" json:"renamed_from,omitempty"`
	// Owner to ask about it.
	Owner string `yaml:"owner" json:"owner,omitempty"`
	// Description for people.
	Description string `yaml:"description" json:"description,omitempty"`
	// Tags to select it by.
	Tags []string `yaml:"tags" json:"tags,omitempty"`
}

// Reads returns the kind and name of what the sync sends; for an external table
// that is the model which stands for it ([ExternalModel]).
func (s *Sync) Reads() (Kind, string) {
	switch {
	case s.Audience != "":
		return KindAudience, s.Audience
	case s.Trait != "":
		return KindTrait, s.Trait
	case s.External != "":
		return KindModel, ExternalModel(s.External)
	case len(s.Events) > 0:
		return KindBuiltin, "events"
	}
	return KindModel, s.Model
}

// Mode says what a sync does for rows that are new, changed and gone.
type Mode string

// The modes; project-files.md has the table.
const (
	ModeUpsert   Mode = "upsert"
	ModeUpdate   Mode = "update"
	ModeInsert   Mode = "insert"
	ModeMirror   Mode = "mirror"
	ModeAudience Mode = "audience"
	ModeAdd      Mode = "add"
	ModeRemove   Mode = "remove"
	ModeAppend   Mode = "append"
)

// Membership reports whether the mode changes who is on a list rather than what
// a record holds.
func (m Mode) Membership() bool { return m == ModeAudience || m == ModeAdd || m == ModeRemove }

// Actions returns the actions at a destination that the mode can't do without,
// given what leaving means.
func (m Mode) Actions(exit OnExit) []string {
	switch m {
	case ModeUpsert:
		return []string{"upsert"}
	case ModeUpdate:
		return []string{"update"}
	case ModeInsert:
		return []string{"create"}
	case ModeMirror:
		if exit.Kind == ExitDelete {
			return []string{"upsert", "delete"}
		}
		return []string{"upsert"}
	case ModeAudience:
		return []string{"add_to_list", "remove_from_list"}
	case ModeAdd:
		return []string{"add_to_list"}
	case ModeRemove:
		return []string{"remove_from_list"}
	case ModeAppend:
		return []string{"append"}
	}
	return nil
}

// Column is a column of what a sync reads, or, written profile.NAME, one of the
// view profiles.
type Column struct {
	Profile bool
	Name    string
}

var columnPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// String writes it as files do.
func (c Column) String() string {
	if c.Profile {
		return "profile." + c.Name
	}
	return c.Name
}

// MarshalText writes it as files do.
func (c Column) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// JSONSchema describes it for editors.
func (Column) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^((profile\.)?[A-Za-z_][A-Za-z0-9_]*|(properties|traits|context)(\.[^.]+)+)$`}
}

func (c *Column) decodeYAML(d *decoder, n ast.Node, path string) {
	text, ok := d.text(n, path)
	if !ok {
		return
	}
	if pathPattern.MatchString(text) {
		*c = Column{Name: text}
		return
	}
	name, ofProfile := strings.CutPrefix(text, "profile.")
	if !columnPattern.MatchString(name) {
		hint := "for a fixed value write { const: " + text + " }"
		d.fail(n, CodeColumnName, hint, "%q is no column", text)
		return
	}
	*c = Column{Profile: ofProfile, Name: name}
}

// Fields are the mapped fields in the file's order.
type Fields []Field

// Field is one mapped field: a column or a constant.
type Field struct {
	Name   string // at the destination
	Column Column // of what is sent; zero for a constant
	Const  any    // nil is the destination's null
	IsConst,
	HasDefault bool
	Format  string   // how the value is written: date, datetime, unix, unix_ms, text, number, lower, sha256 …
	Default any      // sent where the column is null, if HasDefault
	At      Position `json:"-"` // of the value in the file
}

// FieldFormats are the ways in which a mapped value can be written.
var FieldFormats = []string{"text", "number", "boolean", "date", "datetime", "unix", "unix_ms", "lower", "upper", "json"}

// fieldMap is the long form of a mapped field.
type fieldMap struct {
	Column  *Column `yaml:"column" json:"column,omitempty"`
	Const   any     `yaml:"const" json:"const,omitempty"`
	Format  string  `yaml:"format" json:"format,omitempty"`
	Default any     `yaml:"default" json:"default,omitempty"`
}

func (f *Fields) decodeYAML(d *decoder, n ast.Node, path string) {
	pairs, ok := entries(n)
	if !ok {
		if n.Type() != ast.NullType {
			d.fail(n, CodeValue, "", "%s wants a mapping, this is %s", d.name(path), kindOf(n))
		}
		return
	}
	for _, pair := range pairs {
		name, ok := d.key(pair, path)
		if !ok {
			continue
		}
		field := Field{Name: name, At: d.position(pair.Value)}
		field.decode(d, pair.Value, join(path, name))
		*f = append(*f, field)
	}
}

func (f *Field) decode(d *decoder, n ast.Node, path string) {
	long, isMap := entries(n)
	if !isMap {
		if n.Type() == ast.NullType {
			d.fail(n, CodeField, "", "field %s is empty: name a column, or write { const: null }", f.Name)
			return
		}
		f.Column.decodeYAML(d, n, path)
		d.pos.values[path] = f.At
		return
	}
	var m fieldMap
	d.decodeStruct(n, valueOf(&m), path)
	for _, pair := range long {
		switch key, _ := scalarText(pair.Key); key {
		case "const":
			f.IsConst = true
		case "default":
			f.HasDefault = true
		case "column":
			f.At = d.position(pair.Value)
		case "format":
			d.checkWord(pair.Value, "format", m.Format, FieldFormats)
		}
	}
	f.Const, f.Format, f.Default = m.Const, m.Format, m.Default
	switch {
	case f.IsConst && (m.Column != nil || f.HasDefault || f.Format != ""):
		d.fail(n, CodeField, "", "field %s is either a const or a column", f.Name)
	case m.Column != nil:
		f.Column = *m.Column
	case !f.IsConst:
		d.fail(n, CodeField, "", "field %s names neither a column nor a const", f.Name)
	}
}

// JSONSchema describes it for editors.
func (Fields) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{
		OneOf: []*jsonschema.Schema{Column{}.JSONSchema(), reflectSchema(fieldMap{})},
	}}
}
