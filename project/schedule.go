package project

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
	"github.com/robfig/cron/v3"
)

// ScheduleKind says what makes a definition due.
type ScheduleKind string

// The kinds of schedule.
const (
	OnChange ScheduleKind = "on_change" // what it reads has changed; the default
	Every    ScheduleKind = "every"     // at every multiple of Interval since 1970 in UTC
	Cron     ScheduleKind = "cron"      // at the times of a cron line in Zone
	After    ScheduleKind = "after"     // the named definitions have a new result
	Manual   ScheduleKind = "manual"    // only when somebody asks
)

// Schedule is when something runs. The zero value is on_change.
type Schedule struct {
	Kind     ScheduleKind
	Interval time.Duration // of every
	Line     string        // of cron: five fields
	Zone     string        // of cron: an IANA name, UTC if none is written
	After    []string      // of after: names
	spec     cron.Schedule
}

// minInterval keeps a schedule from being due faster than anything finishes.
const minInterval = time.Second

var cronParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// ParseSchedule reads `every 15m`, `cron 0 6 * * * Europe/Berlin` (the word cron
// may be left out), `after a, b`, `on_change` or `manual`.
func ParseSchedule(text string) (Schedule, error) {
	text = strings.TrimSpace(text)
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "", string(OnChange):
		if rest == "" {
			return Schedule{Kind: OnChange}, nil
		}
	case string(Manual):
		if rest == "" {
			return Schedule{Kind: Manual}, nil
		}
	case string(Every):
		return parseEvery(rest)
	case string(Cron):
		return parseCron(rest, "")
	case string(After):
		names := strings.FieldsFunc(rest, func(r rune) bool { return r == ',' || r == ' ' })
		if len(names) > 0 {
			return Schedule{Kind: After, After: names}, nil
		}
	default:
		if fields := strings.Fields(text); len(fields) >= 5 {
			return parseCron(text, "")
		}
	}
	return Schedule{}, fmt.Errorf("%q is no schedule: write every 15m, cron 0 6 * * * Europe/Berlin, after: [name], on_change or manual", text)
}

func parseEvery(text string) (Schedule, error) {
	d, err := ParseDuration(text)
	if err != nil {
		return Schedule{}, fmt.Errorf("%q is no length of time: write every 15m, every 12h or every 1d", text)
	}
	if d.Std() < minInterval {
		return Schedule{}, fmt.Errorf("every %s is too often: the shortest is every %s", text, minInterval)
	}
	return Schedule{Kind: Every, Interval: d.Std()}, nil
}

// parseCron reads five fields, then the zone unless zone already names it.
func parseCron(text, zone string) (Schedule, error) {
	fields := strings.Fields(text)
	if len(fields) == 6 && zone == "" {
		zone, fields = fields[5], fields[:5]
	}
	if len(fields) != 5 {
		return Schedule{}, fmt.Errorf("a cron line has five fields and a time zone, %q has %d", text, len(fields))
	}
	if zone == "" {
		zone = "UTC"
	}
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return Schedule{}, fmt.Errorf("%q is no time zone: write one such as Europe/Berlin", zone)
	}
	line := strings.Join(fields, " ")
	spec, err := cronParser.Parse(line)
	if err != nil {
		return Schedule{}, fmt.Errorf("%q is no cron line: %w", line, err)
	}
	if s, ok := spec.(*cron.SpecSchedule); ok {
		s.Location = loc
	}
	return Schedule{Kind: Cron, Line: line, Zone: zone, spec: spec}, nil
}

// Next returns the first time after t at which a schedule of kind every or cron
// is due; ok is false for the other kinds and for a cron line that never comes.
func (s Schedule) Next(t time.Time) (next time.Time, ok bool) {
	switch s.Kind {
	case Every:
		step := s.Interval.Milliseconds()
		return time.UnixMilli((t.UnixMilli()/step + 1) * step).UTC(), true
	case Cron:
		next = s.spec.Next(t)
		return next, !next.IsZero()
	}
	return time.Time{}, false
}

// String writes the schedule as ParseSchedule reads it.
func (s Schedule) String() string {
	switch s.Kind {
	case Every:
		return "every " + Duration(s.Interval).String()
	case Cron:
		return "cron " + s.Line + " " + s.Zone
	case After:
		return "after " + strings.Join(s.After, ", ")
	case Manual:
		return string(Manual)
	}
	return string(OnChange)
}

// MarshalText writes the schedule as ParseSchedule reads it.
func (s Schedule) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// JSONSchema describes it for editors.
func (Schedule) JSONSchema() *jsonschema.Schema {
	props := jsonschema.NewProperties()
	props.Set("every", &jsonschema.Schema{Type: "string"})
	props.Set("cron", &jsonschema.Schema{Type: "string"})
	props.Set("zone", &jsonschema.Schema{Type: "string"})
	props.Set("after", &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "string"}})
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
		{Type: "string", Examples: []any{"every 15m", "cron 0 6 * * * Europe/Berlin", "on_change", "manual"}},
		{Type: "object", Properties: props, AdditionalProperties: jsonschema.FalseSchema},
	}}
}

// scheduleMap is the long form of a schedule.
type scheduleMap struct {
	Every string   `yaml:"every"`
	Cron  string   `yaml:"cron"`
	Zone  string   `yaml:"zone"`
	After []string `yaml:"after"`
}

func (s *Schedule) decodeYAML(d *decoder, n ast.Node, path string) {
	if n.Type() == ast.NullType {
		return
	}
	var err error
	if _, isMap := entries(n); isMap {
		var m scheduleMap
		d.decodeStruct(n, valueOf(&m), path)
		switch {
		case m.Every != "":
			*s, err = parseEvery(m.Every)
		case m.Cron != "":
			*s, err = parseCron(m.Cron, m.Zone)
		case len(m.After) > 0:
			*s = Schedule{Kind: After, After: m.After}
		default:
			err = fmt.Errorf("a schedule names one of every, cron or after")
		}
	} else if text, ok := d.text(n, path); ok {
		*s, err = ParseSchedule(text)
	}
	if err != nil {
		d.fail(n, CodeSchedule, "", "%v", err)
	}
}
