package project

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
)

// Alerts say whom to tell when a run or a version needs a person.
type Alerts struct {
	// Webhook gets one POST for each; nobody is told if it isn't written.
	Webhook Address `yaml:"webhook" json:"webhook,omitempty"`
	// Secret signs them after Standard Webhooks: whsec_ and base64.
	Secret Secret `yaml:"secret" json:"secret,omitempty"`
	// On lists the states that are told; failed, partial and held if it isn't written.
	On []AlertState `yaml:"on" json:"on,omitempty"`
}

// AlertState is a state of a run or a version that somebody wants to know of.
type AlertState string

// AlertStates are all of them, and what is told where the file says nothing.
var AlertStates = []string{"failed", "partial", "held"}

func (s *AlertState) decodeYAML(d *decoder, n ast.Node, path string) {
	text, ok := d.text(n, path)
	if ok {
		d.checkWord(n, "a state to tell", text, AlertStates)
		*s = AlertState(text)
	}
}

// JSONSchema describes it for editors.
func (AlertState) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Enum: []any{"failed", "partial", "held"}}
}

// Tells reports whether a state is one to tell.
func (a Alerts) Tells(state string) bool {
	if len(a.On) == 0 {
		return slices.Contains(AlertStates, state)
	}
	return slices.Contains(a.On, AlertState(state))
}
