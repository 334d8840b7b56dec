package project

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
)

// ExitKind is what leaving means.
type ExitKind string

// What leaving means; the zero value is that the file doesn't say.
const (
	ExitUnset   ExitKind = ""
	ExitNothing ExitKind = "nothing"
	ExitRemove  ExitKind = "remove" // from the list
	ExitDelete  ExitKind = "delete" // the object
	ExitSet     ExitKind = "set"    // fields to values
)

// OnExit is what is done at the destination for a row that left.
type OnExit struct {
	Kind ExitKind
	Set  []Field // of kind set: constants in the file's order
}

// exitMap is the long form.
type exitMap struct {
	Set map[string]any `yaml:"set" json:"set" validate:"required"`
}

func (e *OnExit) decodeYAML(d *decoder, n ast.Node, path string) {
	pairs, isMap := entries(n)
	if !isMap {
		text, ok := d.text(n, path)
		if !ok {
			return
		}
		d.checkWord(n, "on_exit", text, []string{"remove", "delete", "nothing", "{ set: … }"})
		e.Kind = ExitKind(text)
		return
	}
	var m exitMap
	d.decodeStruct(n, valueOf(&m), path)
	for _, pair := range pairs {
		if key, _ := scalarText(pair.Key); key != "set" {
			continue
		}
		e.Kind = ExitSet
		fields, _ := entries(pair.Value)
		for _, f := range fields {
			name, _ := scalarText(f.Key)
			e.Set = append(e.Set, Field{Name: name, IsConst: true, Const: m.Set[name], At: d.position(f.Value)})
		}
		if len(e.Set) == 0 {
			d.fail(pair.Value, CodeValue, "", "set wants fields and their values")
		}
	}
}

// JSONSchema describes it for editors.
func (OnExit) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
		{Type: "string", Enum: []any{"remove", "delete", "nothing"}},
		reflectSchema(exitMap{}),
	}}
}

// Guard holds a plan for a person to look at. What isn't written is nil: the
// defaults stand in the comments and are filled in by reading a file.
type Guard struct {
	// MaxRemoved is the share of what the destination holds that may be removed at once.
	MaxRemoved *Percent `yaml:"max_removed" json:"max_removed,omitempty" default:"30%"`
	// MaxChanges is how many rows may change at once; no limit if it isn't written.
	MaxChanges *int64 `yaml:"max_changes" json:"max_changes,omitempty"`
	// FirstSync is how many rows a first sync may send.
	FirstSync *int64 `yaml:"first_sync" json:"first_sync,omitempty" default:"100000"`
	// Otherwise is what happens to a plan beyond its limits: hold it for a person, or discard it.
	Otherwise string `yaml:"otherwise" json:"otherwise,omitempty" default:"hold" validate:"oneof=hold discard"`
}
