package syncs

import (
	"fmt"
	"strings"
)

// mapping is the SQL of one sync's canonical texts.
type mapping struct {
	key     string
	texts   map[string]string // identifier → SQL of its text in the warehouse
	sent    map[string]string // identifier → SQL of it as it is sent; '' where there is none
	ids     string
	refused string // condition: some identifier is there, but its rule refuses it
	payload string
	exit    string // canonical payload of what on_exit sets, '{}' otherwise
}

// mapping generates the expressions over the source's columns.
func (j *job) mapping(s *source) (*mapping, error) {
	m := &mapping{texts: map[string]string{}, payload: "'{}'", exit: "{}"}
	var err error
	if m.key, err = identifierText(s.keyType, "s.`"+s.key+"`"); err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	for _, name := range j.matchNames() {
		expr, typ, err := s.column(j.sync.Match[name])
		if err != nil {
			return nil, fmt.Errorf("mapping match.%s: %w", name, err)
		}
		if m.texts[name], err = identifierText(typ, expr); err != nil {
			return nil, fmt.Errorf("mapping match.%s: %w", name, err)
		}
	}
	if m.sent, m.ids, m.refused, err = j.idsSQL(m.texts); err != nil {
		return nil, err
	}
	if !j.behaviour.list {
		var fields []encodedField
		for _, f := range j.sync.Fields {
			expr, typ := "", ""
			if !f.IsConst {
				if expr, typ, err = s.column(f.Column); err != nil {
					return nil, fmt.Errorf("mapping fields.%s: %w", f.Name, err)
				}
			}
			sql, err := encodeField(f, typ, expr)
			if err != nil {
				return nil, fmt.Errorf("mapping fields.%s: %w", f.Name, err)
			}
			fields = append(fields, encodedField{f.Name, sql})
		}
		m.payload = encodeObject(fields)
	}
	set := map[string]any{}
	for _, f := range j.sync.OnExit.Set {
		set[f.Name] = f.Const
	}
	m.exit, err = encodeConst(set)
	return m, err
}

// idsSQL is the SQL of a row's canonical identifiers, as they are sent, from the
// SQL of their texts; refused is the condition that a rule refuses one.
func (j *job) idsSQL(texts map[string]string) (sent map[string]string, ids, refused string, err error) {
	sent = map[string]string{}
	var parts, alone, refusals []string
	for _, name := range j.matchNames() {
		identifier, text := j.identifier(name), texts[name]
		one, err := identifierSQL(identifier, text)
		if err != nil {
			return nil, "", "", fmt.Errorf("mapping match.%s: %w", name, err)
		}
		sent[name] = one
		parts = append(parts, "if(trimBoth("+one+") = '', '', concat("+quote(jsonString(name)+":")+", toJSONString("+one+")))")
		if !identifier.Shared {
			alone = append(alone, "trimBoth("+one+") != ''")
		}
		if identifier.Normaliser != "" {
			refusals = append(refusals, "trimBoth("+text+") != '' AND "+one+" = ''")
		}
	}
	if len(parts) == 0 {
		return nil, "", "", fmt.Errorf("mapping match: no identifier is mapped")
	}
	if len(alone) == 0 {
		return nil, "", "", fmt.Errorf("mapping match: many people share each of %s; map one that names a person too", strings.Join(j.matchNames(), ", "))
	}
	ids = "concat('{', arrayStringConcat(arrayFilter(i -> i != '', [" + strings.Join(parts, ", ") + "]), ','), '}')"
	if len(alone) < len(parts) { // what is shared alone names nobody
		ids = "if(" + strings.Join(alone, " OR ") + ", " + ids + ", '{}')"
	}
	refused = "0"
	if len(refusals) > 0 {
		refused = "(" + strings.Join(refusals, ") OR (") + ")"
	}
	return sent, ids, refused, nil
}
