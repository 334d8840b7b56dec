package syncs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// eventTypes are the types of an event's columns, changeTypes those of an enter
// or exit as this package reads them.
var (
	eventTypes = map[string]string{
		"message_id": "String", "source": "LowCardinality(String)", "type": "LowCardinality(String)", "event": "LowCardinality(String)", "name": "String",
		"user_id": "String", "anonymous_id": "String", "group_id": "String", "profile_id": "UUID",
		"timestamp": "DateTime64(3, 'UTC')", "original_timestamp": "DateTime64(3, 'UTC')", "sent_at": "Nullable(DateTime64(3, 'UTC'))",
		"received_at": "DateTime64(3, 'UTC')", "loaded_at": "DateTime64(3, 'UTC')", "context": "JSON", "properties": "JSON", "traits": "JSON",
	}
	changeTypes = map[string]string{
		"profile_id": "String", "audience": "String", "version": "UInt64", "change": "LowCardinality(String)",
		"because": "Array(LowCardinality(String))", "logical_time": "DateTime64(3, 'UTC')",
	}
)

// The fields that every appended row has: what happened, and when. A file may
// map them otherwise.
const (
	fieldEvent = "event"
	fieldTime  = "time"
)

// appendSource describes what a sync appends. view is not used: windows are
// read by windowSQL.
func (e *Engine) appendSource(j *job) *source {
	if j.sync.Audience == "" {
		return &source{view: "events", columns: eventTypes, key: "message_id", keyType: "String", personID: "s.profile_id"}
	}
	s := &source{view: "audience_changes", columns: changeTypes, key: "tr_id", keyType: "String"}
	if f := j.project.Audience(j.sync.Audience); f == nil || (f.Header.Entity != "none" && f.Header.Entity != "group") {
		s.personID = "toUUIDOrZero(s.profile_id)"
	}
	return s
}

// windowSQL is the query of a window's rows, each once, with the columns that
// the mapping and the check of consent read.
func (e *Engine) windowSQL(j *job, w *window) string {
	if j.sync.Audience != "" {
		return e.crossingsSQL(j, w)
	}
	columns := []string{"message_id", "user_id", "anonymous_id"}
	payload := false
	for _, c := range append(mappedColumns(j.sync), project.Column{Name: "event"}, project.Column{Name: "timestamp"}) {
		switch {
		case c.Profile || c.Name == "profile_id":
		case c.Path() != nil || (eventTypes[c.Name] == "JSON"):
			payload = true
		case !slices.Contains(columns, c.Name):
			columns = append(columns, c.Name)
		}
	}
	if payload {
		columns = append(columns, "payload")
	}
	fill := map[string]string{"which": eventsCondition(j.sync), "columns": "", "mine": "loaded_at >= {from:DateTime64(3, 'UTC')}", "more": ""}
	for _, c := range columns {
		fill["columns"] += ", e." + warehouse.QuoteIdentifier(c) + " AS " + warehouse.QuoteIdentifier(c)
	}
	fill["raw"] = strings.ReplaceAll(fill["columns"], "e.", "r.")
	if w.carry != nil {
		fill["mine"] = "(loaded_at >= {from:DateTime64(3, 'UTC')} OR message_id IN (" + e.statement("append_carried", nil) + "))"
	}
	if w.released {
		fill["more"] = e.statement("append_events_more", map[string]string{"which": fill["which"], "raw": fill["raw"], "released": e.statement("append_released", nil)})
	}
	return e.statement("append_events", fill)
}

// crossingsSQL is windowSQL for enters and exits.
func (e *Engine) crossingsSQL(j *job, w *window) string {
	fill := map[string]string{"name": quote(j.sync.Audience), "mine": "published >= {from:DateTime64(3, 'UTC')}"}
	if w.carry != nil {
		fill["mine"] += " OR (published >= {oldest:DateTime64(3, 'UTC')} AND tr_id IN (" + e.statement("append_carried", nil) + "))"
	}
	fill["since"] = "{oldest:DateTime64(3, 'UTC')}"
	if w.released {
		fill["mine"] += " OR tr_id IN (" + e.statement("append_released", nil) + ")"
		fill["since"] = "toDateTime64(0, 3, 'UTC')"
	}
	return e.statement("append_changes", fill)
}

// appendMapping generates the expressions over a window's rows.
func (j *job) appendMapping(s *source) (*mapping, error) {
	m := &mapping{texts: map[string]string{}, sent: map[string]string{}, ids: "'{}'", refused: "0", exit: "{}"}
	var err error
	m.key = "s." + warehouse.QuoteIdentifier(s.key)
	var parts, refused []string
	for _, name := range j.matchNames() {
		expr, typ, err := s.eventColumn(j.sync.Match[name])
		if err != nil {
			return nil, fmt.Errorf("mapping match.%s: %w", name, err)
		}
		text, err := identifierText(typ, expr)
		if err != nil {
			return nil, fmt.Errorf("mapping match.%s: %w", name, err)
		}
		sent, err := identifierSQL(j.identifier(name), text)
		if err != nil {
			return nil, fmt.Errorf("mapping match.%s: %w", name, err)
		}
		m.texts[name], m.sent[name] = text, sent
		parts = append(parts, "if(trimBoth("+sent+") = '', '', concat("+quote(jsonString(name)+":")+", toJSONString("+sent+")))")
		if j.identifier(name).Normaliser != "" {
			refused = append(refused, "trimBoth("+text+") != '' AND "+sent+" = ''")
		}
	}
	if len(refused) > 0 {
		m.refused = "(" + strings.Join(refused, ") OR (") + ")"
	}
	if len(parts) > 0 {
		m.ids = "concat('{', arrayStringConcat(arrayFilter(i -> i != '', [" + strings.Join(parts, ", ") + "]), ','), '}')"
	}
	m.payload, err = j.appendPayload(s)
	return m, err
}

// appendPayload is the SQL of a row's fields: what happened and when, unless the
// file maps them, then what it maps.
func (j *job) appendPayload(s *source) (string, error) {
	var fields []encodedField
	spread := ""
	for _, f := range j.sync.Fields {
		expr, typ := "", ""
		var err error
		if !f.IsConst {
			if expr, typ, err = s.eventColumn(f.Column); err != nil {
				return "", fmt.Errorf("mapping fields.%s: %w", f.Name, err)
			}
		}
		if f.Name == project.Spread {
			spread = expr
			continue
		}
		sql, err := encodeField(f, typ, expr)
		if err != nil {
			return "", fmt.Errorf("mapping fields.%s: %w", f.Name, err)
		}
		fields = append(fields, encodedField{f.Name, sql})
	}
	implied := map[string]project.Field{fieldEvent: {Column: project.Column{Name: "event"}}, fieldTime: {Column: project.Column{Name: "timestamp"}}}
	if j.sync.Audience != "" {
		implied = map[string]project.Field{fieldTime: {Column: project.Column{Name: "logical_time"}}, "audience": {Column: project.Column{Name: "audience"}}}
		if !slices.ContainsFunc(fields, func(f encodedField) bool { return f.name == fieldEvent }) {
			fields = append(fields, encodedField{fieldEvent, jsonText("if(s.change = 'enter', 'audience.entered', 'audience.exited')")})
		}
	}
	for name, f := range implied {
		if slices.ContainsFunc(fields, func(f encodedField) bool { return f.name == name }) {
			continue
		}
		expr, typ, err := s.eventColumn(f.Column)
		if err != nil {
			return "", err
		}
		sql, err := encodeField(f, typ, expr)
		if err != nil {
			return "", err
		}
		fields = append(fields, encodedField{name, sql})
	}
	if spread == "" {
		return encodeObject(fields), nil
	}
	own, names := make([]string, len(fields)), make([]string, len(fields))
	for i, f := range fields {
		own[i], names[i] = "("+quote(f.name)+", "+f.sql+")", quote(f.name)
	}
	return "concat('{', arrayStringConcat(arrayMap(f -> concat(toJSONString(f.1), ':', f.2), arraySort(arrayConcat([" + strings.Join(own, ", ") +
		"], arrayFilter(f -> f.1 NOT IN (" + strings.Join(names, ", ") + "), JSONExtractKeysAndValuesRaw(" + spread + "))))), ','), '}')", nil
}

// eventColumn is the SQL and type of a mapped column of an event: whatever is
// below properties, traits and context is read from the event as it was sent.
func (s *source) eventColumn(c project.Column) (expr, typ string, err error) {
	path := c.Path()
	if path == nil && !c.Profile && s.columns[c.Name] == "JSON" {
		path = []string{c.Name}
	}
	if path == nil {
		return s.column(c)
	}
	expr = "JSONExtractRaw(s.payload"
	for _, name := range path {
		expr += ", " + quote(name)
	}
	return expr + ")", typeDocument, nil
}

// typeDocument is the type of an expression that is JSON text, ” where there
// is none.
const typeDocument = "tr_document"

// documentText is a piece of JSON as text: a text without its quotes, ” for null.
func documentText(x string) string {
	return "multiIf(" + x + " IN ('', 'null'), '', startsWith(" + x + ", '\"'), JSONExtractString(" + x + "), " + x + ")"
}

// encodeDocument writes a piece of JSON in a field's format.
func encodeDocument(f project.Field, x, whenNull string) (string, error) {
	inner := x
	if f.Format != "" && f.Format != "json" {
		var err error
		if inner, err = formatted(f.Format, "String", documentText(x), whenNull); err != nil {
			return "", err
		}
	}
	return "if(" + x + " IN ('', 'null'), " + whenNull + ", " + inner + ")", nil
}
