package project

import (
	"reflect"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// structFields maps the keys of a struct's YAML to its fields. A field's name
// comes from its yaml tag, else its json tag, else itself in snake case.
func structFields(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) {
		name := fieldName(f)
		if name == "" || !f.IsExported() || (f.Anonymous && f.Type.Kind() == reflect.Struct) {
			continue
		}
		fields[name] = f
	}
	return fields
}

// fieldName returns a field's key, or "" if files can't set it.
func fieldName(f reflect.StructField) string {
	for _, tag := range []string{"yaml", "json"} {
		if text, ok := f.Tag.Lookup(tag); ok {
			name, _, _ := strings.Cut(text, ",")
			if name == "-" {
				return ""
			}
			if name != "" {
				return name
			}
		}
	}
	return snakeCase(f.Name)
}

func snakeCase(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 &&
			(unicode.IsLower(runes[i-1]) || (i+1 < len(runes) && unicode.IsLower(runes[i+1]))) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// rule returns the arguments of one rule of a field's validate tag, nil if the
// field doesn't have it.
func rule(f reflect.StructField, name string) []string {
	for _, r := range strings.Split(f.Tag.Get("validate"), ",") {
		if r == name {
			return []string{}
		}
		if args, ok := strings.CutPrefix(r, name+"="); ok {
			return strings.Fields(args)
		}
	}
	return nil
}

// checkOneOf holds a text field to the words of its `validate:"oneof=a b"`.
func (d *decoder) checkOneOf(n ast.Node, v reflect.Value, f reflect.StructField, path, key string) {
	words := rule(f, "oneof")
	if words == nil || v.Kind() != reflect.String || v.String() == "" {
		return
	}
	for _, w := range words {
		if w == v.String() {
			return
		}
	}
	d.fail(n, CodeValue, "", "%s is %s, not %q%s", key, list(words), v.String(), suggest(v.String(), words))
}
