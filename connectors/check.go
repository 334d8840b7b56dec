package connectors

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// BatchError is a batch that contradicts the connector's definition: a mistake
// of the caller, found before anything is sent.
type BatchError struct{ Reason string }

// Error gives the reason.
func (e *BatchError) Error() string { return "the batch can't be sent: " + e.Reason }

// checkBatch checks a batch against the definition. problems are rows that
// can't be sent, by index.
func checkBatch(o Object, s Spec, b Batch) (problems map[int]*RowError, err error) {
	s = s.When(b.Erase)
	switch {
	case len(b.Rows) == 0:
		return nil, &BatchError{"it has no rows"}
	case len(b.Rows) > rowLimit(s):
		return nil, &BatchError{fmt.Sprintf("%d rows, the limit is %d", len(b.Rows), rowLimit(s))}
	case b.Erase && !s.Erases:
		return nil, &BatchError{"this action can't erase"}
	case o.Target != "" && b.Target == "":
		return nil, &BatchError{"it names no " + o.Target}
	case s.Class == ClassB && b.Key == "":
		return nil, &BatchError{"class B needs a key"}
	}
	keys, ids := map[string]bool{}, map[string]bool{}
	problems = map[int]*RowError{}
	for i, r := range b.Rows {
		if keys[r.Key] {
			return nil, &BatchError{"two rows have one key"}
		}
		keys[r.Key] = true
		if p := checkRow(o, b.Action, s, r); p != nil {
			problems[i] = p
			continue
		}
		for _, id := range identities(o, b.Action, r) {
			if ids[id] {
				return nil, &BatchError{"two rows have one identifier"}
			}
			ids[id] = true
		}
	}
	return problems, nil
}

// checkRow refuses what must never leave: an identifier that isn't in its
// declared form, a field or kind of value that the object doesn't take.
func checkRow(o Object, a Action, s Spec, r Row) *RowError {
	fail := func(code, field, words string) *RowError {
		return &RowError{Key: r.Key, Code: code, Field: field, Words: words}
	}
	ids := r.Identity(a)
	if s.Limits.RowIDs > 0 && len(ids) > s.Limits.RowIDs {
		return fail("too_many_identifiers", "", fmt.Sprintf("%d identifiers, the limit is %d", len(ids), s.Limits.RowIDs))
	}
	for name, value := range ids {
		i := slices.IndexFunc(o.Identifiers, func(i Identifier) bool { return i.Name == name })
		if i < 0 {
			if !o.OpenIdentifiers {
				return fail("unknown_identifier", name, "the destination has no such identifier")
			}
			continue
		}
		if !hasForm(o.Identifiers[i].Form, value) {
			return fail("identifier_form", name, "the identifier is not in the form "+string(o.Identifiers[i].Form))
		}
	}
	needs := len(o.Identifiers) > 0 || (o.OpenIdentifiers && a != Append) // an event may be about nobody
	if _, _, ok := o.MatchID(ids); !ok && r.Ref == "" && needs {
		return fail("no_identifier", "", "the row has no identifier")
	}
	if a.Removes() {
		return nil
	}
	for name, v := range r.Fields {
		if p := checkField(o.Fields, name, v); p != "" {
			return fail("field", name, p)
		}
	}
	return nil
}

func checkField(rules FieldRules, name string, v Value) string {
	if slices.Contains(rules.Reserved, name) || (!rules.Open && !slices.Contains(rules.Names, name)) {
		return "the destination doesn't take this field"
	}
	k := v.Kind()
	if k == KindNull {
		if rules.Null == NullUnsupported {
			return "the destination can't clear a field"
		}
		return ""
	}
	if len(rules.Kinds) > 0 && !slices.Contains(rules.Kinds, k) {
		return "the destination takes no " + string(k)
	}
	return ""
}

func hasForm(f Form, v string) bool {
	hex := func(n int) bool {
		return len(v) == n && strings.Trim(v, "0123456789abcdef") == ""
	}
	switch f {
	case MD5:
		return hex(32)
	case SHA256Hex:
		return hex(64)
	case SHA256Base64:
		b, err := base64.StdEncoding.DecodeString(v)
		return err == nil && len(b) == 32
	}
	return v != ""
}
