package project

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/goccy/go-yaml/ast"
)

// Destination is destinations/NAME.yml: a connector with its settings.
type Destination struct {
	Origin `yaml:"-"`
	// Connector that talks to the vendor.
	Connector string `yaml:"connector" json:"connector" validate:"required"`
	// BaseURL replaces the vendor's own address.
	BaseURL string `yaml:"base_url" json:"base_url,omitempty"`
	// Credentials by name, each by reference.
	Credentials map[string]Secret `yaml:"credentials" json:"-"`
	// Purpose for which data is sent there; all of them must be consented to.
	Purpose []string `yaml:"purpose" json:"purpose,omitempty"`
	// Limits shared by all syncs to this destination.
	Limits DestinationLimits `yaml:"limits" json:"limits,omitempty"`
	// Owner to ask about it.
	Owner string `yaml:"owner" json:"owner,omitempty"`
	// Description for people.
	Description string `yaml:"description" json:"description,omitempty"`
	// RenamedFrom is the file's former name.
	RenamedFrom string `yaml:"renamed_from" json:"renamed_from,omitempty"`
	// Settings are the connector's own keys, with references resolved. They may
	// hold secrets by reference: show them only through the connector's config.
	Settings map[string]any `yaml:"-" json:"-"`

	root ast.Node
	refs *resolver
}

// DestinationLimits are limits shared by all syncs to a destination. Zero is the
// connector's own.
type DestinationLimits struct {
	// RequestsPerSecond on average.
	RequestsPerSecond float64 `yaml:"requests_per_second" json:"requests_per_second,omitempty" validate:"min=0"`
	// Concurrency is how many requests may be open at once.
	Concurrency int `yaml:"concurrency" json:"concurrency,omitempty" validate:"min=0"`
}

func (l *loader) destination(path, name, text string) {
	dst := &Destination{refs: l.refs, Settings: map[string]any{}}
	var settings map[string]any
	root, ok := l.decodeFile(path, name, text, dst, &dst.Origin, withRest(&settings))
	if !ok {
		return
	}
	dst.root = root
	for key, value := range settings {
		dst.Settings[key] = value
	}
	for i, p := range dst.Purpose {
		l.checkWord(CodeValue, path, dst.Positions.At("purpose", fmt.Sprint(i)), "purpose", p)
	}
	l.p.Destinations = append(l.p.Destinations, dst)
}

// Decode fills into, a pointer to the connector's config struct, from the file:
// strictly, with positions, with the struct's `default:"…"` values and its
// `validate:"…"` rules. Keys come from yaml tags, else json tags, else the
// field's name in snake case. A field whose type is called Secret, and
// everything under credentials, must be a reference. The keys that every
// destination has (connector, purpose, limits, owner, description,
// renamed_from) are passed over unless the struct has them too.
func (dst *Destination) Decode(into any) Diagnostics {
	var out Diagnostics
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct || dst.root == nil {
		out.add(SeverityError, CodeValue, dst.Path, Position{}, "", "connector %s has no settings to decode", dst.Connector)
		return out
	}
	d := &decoder{path: dst.Path, refs: dst.refs, out: &out, pos: newPositions(),
		ignored: []string{"connector", "purpose", "limits", "owner", "description", "renamed_from"}}
	d.decodeStruct(dst.root, v.Elem(), "")
	d.requireReferences(dst.root)
	d.validate(into)
	out.Sort()
	return out
}

// requireReferences refuses literals under credentials.
func (d *decoder) requireReferences(root ast.Node) {
	pairs, _ := entries(root)
	for _, pair := range pairs {
		if key, _ := scalarText(pair.Key); key != "credentials" {
			continue
		}
		credentials, _ := entries(pair.Value)
		for _, c := range credentials {
			name, _ := scalarText(c.Key)
			var s Secret
			s.decodeYAML(d, c.Value, name)
		}
	}
}

// validate runs the rules of a struct's validate tags, except required, which
// decoding has already looked at.
func (d *decoder) validate(into any) {
	v := validator.New()
	v.RegisterTagNameFunc(fieldName)
	err := v.Struct(into)
	var failed validator.ValidationErrors
	if !errors.As(err, &failed) {
		return
	}
	for _, f := range failed {
		if f.Tag() == "required" || f.Tag() == "oneof" {
			continue
		}
		_, path, _ := strings.Cut(f.Namespace(), ".")
		keys := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
		at := d.pos.At(keys...)
		if slices.ContainsFunc(*d.out, func(x Diagnostic) bool { return x.Path == d.path && x.Position == at }) {
			continue // what it is was already said
		}
		want := f.Tag()
		if f.Param() != "" {
			want += " " + f.Param()
		}
		d.out.add(SeverityError, CodeValue, d.path, at, "", "%s breaks its rule: %s", f.Field(), want)
	}
}
