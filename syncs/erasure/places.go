package erasure

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/warehouse"
)

// column is one column of a table of ours.
type column struct {
	Table string `ch:"table"`
	Name  string `ch:"name"`
	Type  string `ch:"type"`
}

// place is a table that may hold people, and how rows about them are told and treated.
type place struct {
	table   string
	columns []column
	where   string // rows about them, beyond those in which a marked value stands
	blank   string // assignments that take the person out of a row that must stay; "" deletes the row
}

// working are the tables that hold the people of an erasure on purpose, until it is over.
var working = []string{"erasure_subjects", "erasure_removals"}

// order is that in which tables are erased: what is told by another table's rows goes first, so that a process may die
// in between. Tables of traits and audiences (m_…) come before all of these.
var order = []string{"violations", "events_rejected", "audience_changes_raw", "identity_refusals", "consents", "sync_exchanges", "sync_outcomes",
	"sync_changes", "sync_snapshot_rows", "sync_dead", "sync_state", "sync_runs", "materialization_log", "sync_definitions", "audit_log", "erasures", "events_raw",
	"identity_merges", "identities", "suppressions"}

// conditions tell the rows of a table that are about them where no marked value stands in them.
func (e *Engine) conditions(in set) map[string]string {
	named := "(kind = 'user_id' AND value IN " + in("user_id") + ") OR (kind = 'anonymous_id' AND value IN " + in("anonymous_id") +
		") OR (kind = 'profile_id' AND value IN " + in("profile_id") + ")"
	event := "user_id IN " + in("user_id") + " OR anonymous_id IN " + in("anonymous_id")
	refused := "JSONExtractString(payload, 'userId') IN " + in("user_id") + " OR JSONExtractString(payload, 'anonymousId') IN " + in("anonymous_id")
	quoted := func(column string) string {
		return "arrayExists(t -> t IN " + in("any") + ", " + quotedTokens(column) + ")"
	}
	return map[string]string{
		"events_raw":        event,
		"events_rejected":   refused,
		"violations":        "message_id IN (SELECT message_id FROM " + e.table("events_raw") + " WHERE toString(profile_id) IN " + in("profile_id") + " OR " + event + " UNION ALL SELECT message_id FROM " + e.table("events_rejected") + " WHERE " + refused + ")",
		"identities":        named,
		"identity_refusals": named,
		"consents":          named,
		"suppressions":      named,
		"sync_exchanges":    quoted("request_body") + " OR " + quoted("response_body"),
		"audit_log":         "object IN " + in("any") + " OR splitByChar(':', object)[2] IN " + in("any"),
	}
}

// ledger are the conditions by what was kept of each destination.
func (e *Engine) ledger(erasureID string) map[string]string {
	theirs := "(sync_id, key) IN (SELECT sync_id, key FROM " + e.table("erasure_removals") + " WHERE erasure_id = '" + erasureID + "')"
	out := map[string]string{}
	for _, table := range []string{"sync_changes", "sync_outcomes", "sync_state", "sync_snapshot_rows", "sync_dead"} {
		out[table] = theirs
	}
	// A request that appended something names its message, which may be all that leads from it to the person.
	keys := "arrayExists(t -> t IN (SELECT lowerUTF8(key) FROM " + e.table("erasure_removals") + " WHERE erasure_id = '" + erasureID + "'), "
	out["sync_exchanges"] = keys + quotedTokens("request_body") + ") OR " + keys + quotedTokens("response_body") + ")"
	return out
}

// blanks are the tables whose rows stay, since numbers and digests of runs are proved by them, and what is taken out.
func (e *Engine) blanks() map[string]string {
	key := "key = if(startsWith(key, 'erased:'), key, concat('erased:', lower(hex(SHA256(concat(" + e.secretSQL() + ", 'key:', key))))))"
	return map[string]string{
		"sync_changes":        key + ", ids_before = '', ids_after = '', payload_before = '', payload_after = '', ref = ''",
		"sync_outcomes":       key + ", ref = '', words = ''",
		"sync_exchanges":      "path = '(erased)', request_body = '(erased)', response_body = '(erased)', error = ''",
		"sync_runs":           "error = '(erased)', reason = '(erased)'",
		"materialization_log": "error = '(erased)', reason = '(erased)', warnings = []",
		"sync_definitions":    "paused_reason = '(erased)'",
		"audit_log":           "object = '(erased)', detail = '(erased)', nonce = ''",
		"erasures":            "reason = '(erased)', error = ''",
	}
}

// places lists the tables in which rows about them are erased or shown.
func (e *Engine) places(ctx context.Context, in set, ledger map[string]string) ([]place, error) {
	tables, err := e.tables(ctx)
	if err != nil {
		return nil, err
	}
	names := slices.Clone(order)
	for name := range tables {
		if strings.HasPrefix(name, "m_") {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	conditions, blanks := e.conditions(in), e.blanks()
	var out []place
	for _, name := range names {
		p := place{table: name, columns: tables[name], blank: blanks[name]}
		if len(p.columns) == 0 {
			continue
		}
		for _, more := range []string{conditions[name], ledger[name]} {
			if more != "" {
				p.where += " OR " + more
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// tables lists the columns of our tables, without the working ones.
func (e *Engine) tables(ctx context.Context) (map[string][]column, error) {
	var columns []column
	err := e.db.Select(ctx, &columns, "SELECT table, name, type FROM system.columns WHERE database = ? AND default_kind NOT IN ('ALIAS', 'EPHEMERAL') AND table IN"+
		" (SELECT name FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree') ORDER BY table, position", e.db.Database(), e.db.Database())
	if err != nil {
		return nil, fmt.Errorf("listing our tables: %w", err)
	}
	out := map[string][]column{}
	for _, c := range columns {
		if !slices.Contains(working, c.Table) && c.Table != "privacy_keys" {
			out[c.Table] = append(out[c.Table], c)
		}
	}
	return out, nil
}

// rows is the condition on all rows about them.
func (p place) rows(in set) string {
	parts := []string{}
	for _, c := range p.columns {
		if has := c.has(in); has != "" {
			parts = append(parts, has)
		}
	}
	return strings.TrimPrefix(strings.Join(parts, " OR ")+p.where, " OR ")
}

type columnKind int

const (
	other columnKind = iota
	text
	id
	nested
)

// kindOf tells how a column of a type can name a person.
func kindOf(typ string) columnKind {
	for _, wrap := range []string{"LowCardinality(", "Nullable("} {
		if inner, ok := strings.CutPrefix(typ, wrap); ok {
			typ = strings.TrimSuffix(inner, ")")
		}
	}
	switch {
	case typ == "String" || strings.HasPrefix(typ, "FixedString"):
		return text
	case typ == "UUID":
		return id
	case strings.HasPrefix(typ, "JSON"), strings.HasPrefix(typ, "Dynamic"), strings.HasPrefix(typ, "Variant"):
		return nested
	case (strings.HasPrefix(typ, "Array(") || strings.HasPrefix(typ, "Map(") || strings.HasPrefix(typ, "Tuple(")) &&
		(strings.Contains(typ, "String") || strings.Contains(typ, "UUID") || strings.Contains(typ, "JSON")):
		return nested
	}
	return other
}

// has is the condition that a marked value stands in the column: alone, as an e-mail address or a UUID within a text, or
// as a string of JSON. A column of identifiers is also compared with those that aren't marked.
func (c column) has(in set) string {
	name := warehouse.QuoteIdentifier(c.Name)
	within := func(text string) string {
		return "arrayExists(t -> t IN " + in("marked") + ", arrayConcat(" + quotedTokens(text) + ", " + addresses(text) + ", " + uuids(text) + "))"
	}
	switch kindOf(c.Type) {
	case text:
		plain := "ifNull(toString(" + name + "), '')"
		if c.Name == "user_id" || c.Name == "anonymous_id" {
			return plain + " IN " + in(c.Name) + " OR lowerUTF8(" + plain + ") IN " + in("marked") + " OR " + within(plain)
		}
		return "lowerUTF8(" + plain + ") IN " + in("marked") + " OR " + within(plain)
	case id:
		return "ifNull(toString(" + name + "), '') IN " + in("profile_id")
	case nested:
		return within("toJSONString(" + name + ")")
	}
	return ""
}

// quotedTokens are the strings of a JSON text, in lower case.
func quotedTokens(text string) string { return `extractAll(lowerUTF8(` + text + `), '"([^"]*)"')` }

// uuids are the UUIDs within a text, such as in the key of an enter: audience:version:enter:profile.
func uuids(text string) string {
	return `extractAll(lowerUTF8(` + text + `), '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')`
}

// addresses are what looks like an e-mail address in a text, in lower case, also where a URL or JSON escapes its @.
func addresses(text string) string {
	const letter = `[^\\s"\'<>(),;:=&?/\\\\\\[\\]{}]`
	return `extractAll(replaceAll(replaceAll(lowerUTF8(` + text + `), '%40', '@'), '\\u0040', '@'), '` + letter + `+@` + letter + `*[^\\s"\'<>(),;:=&?/\\\\\\[\\]{}.]')`
}
