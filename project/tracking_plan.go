package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
	validate "github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// TrackingPlan is tracking_plans/NAME.yml: what events look like.
type TrackingPlan struct {
	Origin `yaml:"-"`
	// Description for people.
	Description string `yaml:"description" json:"description,omitempty"`
	// Owner to ask about it.
	Owner string `yaml:"owner" json:"owner,omitempty"`
	// OnViolation is what happens to an event that breaks its schema: allow it and note the violation, or set it aside.
	OnViolation string `yaml:"on_violation" json:"on_violation,omitempty" default:"allow" validate:"oneof=allow reject"`
	// OnUnplanned is what happens to an event that the plan doesn't name.
	OnUnplanned string `yaml:"on_unplanned" json:"on_unplanned,omitempty" default:"allow" validate:"oneof=allow reject"`
	// Events by name.
	Events map[string]PlannedEvent `yaml:"events" json:"events" validate:"required"`
}

// PlannedEvent is what a tracking plan says of one event.
type PlannedEvent struct {
	// Description for people.
	Description string `yaml:"description" json:"description,omitempty"`
	// OnViolation overrides the plan's.
	OnViolation string `yaml:"on_violation" json:"on_violation,omitempty" validate:"oneof=allow reject"`
	// Schema is a JSON Schema (draft 7 or later) of the event's properties (of its traits for identify and group).
	Schema PropertySchema `yaml:"schema" json:"schema"`
}

// PropertySchema is a JSON Schema, as JSON.
type PropertySchema struct{ json.RawMessage }

// JSONSchema describes it for editors.
func (PropertySchema) JSONSchema() *jsonschema.Schema { return &jsonschema.Schema{Type: "object"} }

func (s *PropertySchema) decodeYAML(d *decoder, n ast.Node, path string) {
	value := d.plain(n, path)
	raw, err := json.Marshal(value)
	if err == nil {
		err = compiles(raw)
	}
	if err != nil {
		d.fail(n, CodeEventSchema, "", "this is no JSON Schema: %v", err)
		return
	}
	s.RawMessage = raw
}

// compiles says what is wrong with a schema. Schemas may not refer to others:
// reading a project never opens the network.
func compiles(raw []byte) error {
	doc, err := validate.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	c := validate.NewCompiler()
	c.DefaultDraft(validate.Draft7)
	c.UseLoader(noLoader{})
	const name = "mem:event"
	if err := c.AddResource(name, doc); err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	_, err = c.Compile(name)
	var invalid *validate.SchemaValidationError
	if errors.As(err, &invalid) {
		var detail *validate.ValidationError
		if errors.As(invalid.Err, &detail) {
			for len(detail.Causes) > 0 {
				detail = detail.Causes[0]
			}
			return fmt.Errorf("at %q: %s", "/"+slashed(detail.InstanceLocation), words(detail))
		}
	}
	return err
}

type noLoader struct{}

// Load refuses every address.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is outside of the file", url)
}

func (l *loader) trackingPlan(path, name, text string) {
	t := &TrackingPlan{}
	if l.decodeFile(path, name, text, t, &t.Origin, withoutReferences) {
		l.p.TrackingPlans = append(l.p.TrackingPlans, t)
	}
}

// EventNames returns the names of the plan's events, sorted.
func (t *TrackingPlan) EventNames() []string {
	out := make([]string, 0, len(t.Events))
	for name := range t.Events {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func slashed(location []string) string { return strings.Join(location, "/") }

func words(e *validate.ValidationError) string {
	return e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
}
