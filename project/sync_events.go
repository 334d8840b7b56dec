package project

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
)

// AllEvents as the one name under events stands for every tracked event.
const AllEvents = "*"

// EventColumns are the columns of an event that a sync of events maps, besides
// the paths below properties, traits and context.
var EventColumns = []string{
	"message_id", "source", "type", "event", "name", "user_id", "anonymous_id", "group_id", "profile_id",
	"timestamp", "original_timestamp", "sent_at", "received_at", "loaded_at", "context", "properties", "traits",
}

// ChangeColumns are the columns of an enter or exit that a sync of an audience
// in mode append maps.
var ChangeColumns = []string{"profile_id", "audience", "version", "change", "because", "logical_time"}

// documentColumns hold JSON.
var documentColumns = []string{"context", "properties", "traits"}

// pathPattern is a path into an event's JSON.
var pathPattern = regexp.MustCompile(`^(properties|traits|context)(\.[A-Za-z0-9_$][A-Za-z0-9_ $-]*)+$`)

// Path is the path of a column of JSON, nil for any other column:
// properties.address.city is properties, address, city.
func (c Column) Path() []string {
	if c.Profile || !strings.Contains(c.Name, ".") {
		return nil
	}
	return strings.Split(c.Name, ".")
}

// Spread is the name of a field that stands for every member of a JSON column
// which no other field names: "*": properties.
const Spread = "*"

// Forwards reports whether the sync appends what happened, events or enters and
// exits, rather than rows.
func (s *Sync) Forwards() bool {
	return s.Mode == ModeAppend && (len(s.Events) > 0 || s.Audience != "")
}

// Events are names of tracked events.
type Events []string

// All reports whether every tracked event is meant.
func (e Events) All() bool { return len(e) == 1 && e[0] == AllEvents }

func (e *Events) decodeYAML(d *decoder, n ast.Node, path string) {
	list := []ast.Node{n}
	if seq, ok := n.(*ast.SequenceNode); ok {
		list = seq.Values
	}
	for _, item := range list {
		name, ok := d.text(item, path)
		switch {
		case !ok:
		case name == "":
			d.fail(item, CodeAppend, "", "an event's name is empty")
		case slices.Contains(*e, name):
			d.fail(item, CodeAppend, "", "%s is named twice", name)
		default:
			*e = append(*e, name)
		}
	}
	if len(list) == 0 {
		d.fail(n, CodeAppend, "name some, or write \"*\"", "events names none")
	}
	if len(*e) > 1 && slices.Contains(*e, AllEvents) {
		d.fail(n, CodeAppend, "", "* means all events, so it stands alone")
	}
}

// JSONSchema describes it for editors.
func (Events) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
		{Type: "string", Examples: []any{AllEvents}},
		{Type: "array", Items: &jsonschema.Schema{Type: "string"}, Examples: []any{[]string{"Order Completed"}}},
	}}
}

// Since is a moment from which on events are sent. The zero value is that the
// file doesn't say.
type Since struct {
	All bool // from the first event on
	At  time.Time
}

// sinceAll is how a file writes that everything there is shall be sent.
const sinceAll = "beginning"

// IsZero reports whether the file doesn't say.
func (s Since) IsZero() bool { return !s.All && s.At.IsZero() }

// String writes it as files do.
func (s Since) String() string {
	switch {
	case s.All:
		return sinceAll
	case s.At.IsZero():
		return ""
	}
	return s.At.UTC().Format(time.RFC3339)
}

// MarshalText writes it as files do.
func (s Since) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// JSONSchema describes it for editors.
func (Since) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Examples: []any{"2026-01-31", "2026-01-31T08:00:00Z", sinceAll}}
}

func (s *Since) decodeYAML(d *decoder, n ast.Node, path string) {
	text, ok := d.text(n, path)
	if !ok {
		return
	}
	if text == sinceAll {
		s.All = true
		return
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			s.At = at.UTC()
			return
		}
	}
	d.fail(n, CodeAppend, "", "%s wants a day such as 2026-01-31, a moment such as 2026-01-31T08:00:00Z, or %s, this is %q", d.name(path), sinceAll, text)
}
