package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// importMapping says how a row of a file becomes an event. It is a YAML file, or the flags of `tailrace import`.
type importMapping struct {
	Format     string                 `yaml:"format"`     // csv | tsv | columns (split at blanks) | jsonl; default by the file's name
	Header     []string               `yaml:"header"`     // names of the columns, when the file's first line has none
	Type       string                 `yaml:"type"`       // track (default), identify, page, screen, group
	Event      string                 `yaml:"event"`      // name of a track event; {column} takes a column's value
	UserID     string                 `yaml:"user_id"`    // column
	Anonymous  string                 `yaml:"anonymous"`  // column
	MessageID  string                 `yaml:"message_id"` // column; default: derived from the import's name and the line
	Timestamp  importField            `yaml:"timestamp"`  // column and format
	Properties map[string]importField `yaml:"properties"`
	Traits     map[string]importField `yaml:"traits"`
	Context    map[string]any         `yaml:"context"` // constant context of every event

	jsonLines bool // the file's rows are JSON objects
}

// importField is a column with its type: string (default), int, float, bool, json or time with a format.
type importField struct {
	Column string `yaml:"column"`
	Type   string `yaml:"type"`
	Format string `yaml:"format"` // of times: one of importTimes, or Go's reference layout; default RFC 3339
}

// UnmarshalYAML also takes the short form `total: amount`.
func (f *importField) UnmarshalYAML(raw []byte) error {
	var short string
	if err := yaml.Unmarshal(raw, &short); err == nil {
		f.Column = short
		return nil
	}
	type plain importField
	return yaml.UnmarshalWithOptions(raw, (*plain)(f), yaml.Strict())
}

func readMapping(path string) (importMapping, error) {
	var m importMapping
	src, err := os.ReadFile(path)
	if err != nil {
		return m, fmt.Errorf("reading the mapping: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(src, &m, yaml.Strict()); err != nil {
		return m, fmt.Errorf("reading the mapping %s: %w", path, err)
	}
	if err := m.check(); err != nil {
		return m, fmt.Errorf("reading the mapping %s: %w", path, err)
	}
	return m, nil
}

// check refuses words that no row could be read by, before any is.
func (m importMapping) check() error {
	if types := []string{"", "track", "identify", "page", "screen", "group"}; !slices.Contains(types, m.Type) {
		return fmt.Errorf("type is %s, not %q", strings.Join(types[1:], ", "), m.Type)
	}
	if formats := []string{"", "csv", "tsv", "columns", "jsonl"}; !slices.Contains(formats, m.Format) {
		return fmt.Errorf("format is %s, not %q", strings.Join(formats[1:], ", "), m.Format)
	}
	if (m.Type == "" || m.Type == "track") && m.Event == "" {
		return errors.New("event is missing: the name of the event, or {column}")
	}
	if m.UserID == "" && m.Anonymous == "" {
		return errors.New("user_id is missing: the column that says whose event it is (or anonymous, for visitors)")
	}
	timestamp := m.Timestamp
	timestamp.Type = "time"
	for name, fields := range map[string]map[string]importField{"": {"timestamp": timestamp}, "properties.": m.Properties, "traits.": m.Traits} {
		for field, f := range fields {
			if types := []string{"", "string", "int", "float", "bool", "json", "time"}; !slices.Contains(types, f.Type) {
				return fmt.Errorf("%s%s: type is %s, not %q", name, field, strings.Join(types[1:], ", "), f.Type)
			}
			// A layout in Go's form holds the year of its reference time.
			if _, named := importTimes[f.Format]; !named && f.Type == "time" && !strings.Contains(f.Format, "06") {
				return fmt.Errorf("%s%s: format is %s or a layout such as \"02.01.2006 15:04\", not %q", name, field,
					strings.Join(slices.Sorted(maps.Keys(importTimes))[1:], ", "), f.Format)
			}
		}
	}
	return nil
}

// importTimes are the formats of times that have names, as layouts; those of Unix have none.
var importTimes = map[string]string{"": time.RFC3339Nano, "rfc3339": time.RFC3339Nano, "date": time.DateOnly, "datetime": time.DateTime,
	"yyyymmdd": "20060102", "unix": "", "unix_ms": ""}

// event makes one event of one row. name and line give the row its message id, so importing the same rows under the
// same name again counts nothing twice, while two equal lines stay two events.
func (m importMapping) event(name string, line int, row map[string]string) (map[string]any, error) {
	if err := m.checkColumns(row); err != nil {
		return nil, err
	}
	kind := m.Type
	if kind == "" {
		kind = "track"
	}
	body := map[string]any{"type": kind, "messageId": importID(name, line)}
	if m.MessageID != "" && row[m.MessageID] != "" {
		body["messageId"] = row[m.MessageID]
	}
	if kind == "track" {
		body["event"] = expand(m.Event, row)
	}
	for key, column := range map[string]string{"userId": m.UserID, "anonymousId": m.Anonymous} {
		if column != "" && row[column] != "" {
			body[key] = row[column]
		}
	}
	if m.Timestamp.Column != "" {
		at, err := parseImportTime(row[m.Timestamp.Column], m.Timestamp.Format)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", m.Timestamp.Column, err)
		}
		body["timestamp"] = at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	for key, fields := range map[string]map[string]importField{"properties": m.Properties, "traits": m.Traits} {
		values := map[string]any{}
		for field, f := range fields {
			v, err := f.value(row[f.Column])
			if err != nil {
				return nil, fmt.Errorf("%s.%s, column %s: %w", key, field, f.Column, err)
			}
			if v != nil {
				values[field] = v
			}
		}
		if len(values) > 0 {
			body[key] = values
		}
	}
	if len(m.Context) > 0 {
		body["context"] = m.Context
	}
	return body, nil
}

// checkColumns refuses a mapping of columns that a row of a table doesn't have. JSON lines may leave fields out.
func (m importMapping) checkColumns(row map[string]string) error {
	if m.Format == "jsonl" || m.jsonLines {
		return nil
	}
	columns := []string{m.UserID, m.Anonymous, m.MessageID, m.Timestamp.Column}
	for _, fields := range []map[string]importField{m.Properties, m.Traits} {
		for _, f := range fields {
			columns = append(columns, f.Column)
		}
	}
	for _, column := range columns {
		if _, ok := row[column]; column != "" && !ok {
			return fmt.Errorf("the file has no column %s, which the mapping names", column)
		}
	}
	return nil
}

func importID(name string, line int) string {
	sum := sha256.Sum256([]byte(name + "\x00" + strconv.Itoa(line)))
	return "import-" + hex.EncodeToString(sum[:16])
}

func expand(pattern string, row map[string]string) string {
	for column, value := range row {
		pattern = strings.ReplaceAll(pattern, "{"+column+"}", value)
	}
	return pattern
}

func (f importField) value(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	switch f.Type {
	case "", "string":
		return text, nil
	case "int", "float":
		if !json.Valid([]byte(text)) { // 007 or +1: a number to people, not to JSON
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, fmt.Errorf("%q is no number", text)
			}
			text = strconv.FormatFloat(n, 'f', -1, 64)
		}
		return json.Number(text), nil
	case "bool":
		b, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return b, nil
	case "json":
		if !json.Valid([]byte(text)) {
			return nil, fmt.Errorf("%q is no JSON", text)
		}
		return json.RawMessage(text), nil
	case "time":
		at, err := parseImportTime(text, f.Format)
		if err != nil {
			return nil, err
		}
		return at.UTC().Format(time.RFC3339Nano), nil
	default:
		return nil, fmt.Errorf("unknown type %q: use string, int, float, bool, json or time", f.Type)
	}
}

func parseImportTime(text, format string) (time.Time, error) {
	layout, named := importTimes[format]
	if !named {
		layout = format
	}
	switch format {
	case "unix", "unix_ms":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is no Unix time", text)
		}
		if format == "unix" {
			return time.Unix(n, 0), nil
		}
		return time.UnixMilli(n), nil
	case "", "rfc3339":
		format = "RFC 3339, such as 2026-01-31T23:59:59Z"
	}
	at, err := time.Parse(layout, text)
	if err != nil {
		return at, fmt.Errorf("%q is no time of the form %s", text, format)
	}
	return at, nil
}
