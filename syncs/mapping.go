package syncs

import (
	"fmt"
	"strings"
)

// mapping is the SQL of one sync's canonical texts.
type mapping struct {
	key     string
	values  map[string]string // identifier → SQL of its plain text
	ids     string
	payload string
	exit    string // canonical payload of what on_exit sets, '{}' otherwise
}

// mapping generates the expressions over the source's columns.
func (j *job) mapping(s *source) (*mapping, error) {
	m := &mapping{values: map[string]string{}, payload: "'{}'", exit: "{}"}
	var err error
	if m.key, err = identifierText(s.keyType, "s.`"+s.key+"`"); err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	var parts []string
	for _, name := range j.matchNames() {
		expr, typ, err := s.column(j.sync.Match[name])
		if err != nil {
			return nil, fmt.Errorf("mapping match.%s: %w", name, err)
		}
		text, err := identifierText(typ, expr)
		if err != nil {
			return nil, fmt.Errorf("mapping match.%s: %w", name, err)
		}
		m.values[name] = text
		parts = append(parts, "if(trimBoth("+text+") = '', '', concat("+quote(jsonString(name)+":")+", toJSONString("+text+")))")
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("mapping match: no identifier is mapped")
	}
	m.ids = "concat('{', arrayStringConcat(arrayFilter(i -> i != '', [" + strings.Join(parts, ", ") + "]), ','), '}')"
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
