package connectors

import (
	"reflect"
	"strings"
)

// Setting describes one field of a config struct, for reference pages, JSON
// Schema and completion.
type Setting struct {
	Path     string
	Type     string // text | secret | duration | number | whole number | true or false
	Doc      string
	Default  string
	Required bool
}

// Settings lists the settings of a connector in the order of its struct.
func Settings(c Connector) []Setting {
	var out []Setting
	walkConfig(reflect.ValueOf(c.Config()), "", func(path string, f reflect.StructField, v reflect.Value) {
		out = append(out, Setting{
			Path: path, Type: settingType(v.Type()), Doc: f.Tag.Get("doc"),
			Default: f.Tag.Get("default"), Required: f.Tag.Get("required") == "true",
		})
	})
	return out
}

func settingType(t reflect.Type) string {
	switch {
	case t == secretType:
		return "secret"
	case t == durationType:
		return "duration"
	case t.Kind() == reflect.Int:
		return "whole number"
	case t.Kind() == reflect.Float64:
		return "number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	}
	return "text"
}

// walkConfig visits the leaves of a config struct.
func walkConfig(v reflect.Value, prefix string, visit func(path string, f reflect.StructField, v reflect.Value)) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return
	}
	eachField(v, func(f reflect.StructField, fv reflect.Value) {
		path := prefix + fieldName(f)
		if fv.Kind() == reflect.Struct && fv.Type() != secretType {
			walkConfig(fv, path+".", visit)
			return
		}
		visit(path, f, fv)
	})
}

// eachField visits exported fields; those of embedded structs as if they were
// the struct's own.
func eachField(v reflect.Value, visit func(reflect.StructField, reflect.Value)) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		if f.Anonymous && f.Tag.Get("json") == "" && v.Field(i).Kind() == reflect.Struct {
			eachField(v.Field(i), visit)
			continue
		}
		visit(f, v.Field(i))
	}
}

func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		name = strings.ToLower(f.Name)
	}
	return name
}

// nearest finds a known name within two edits of what was written.
func nearest(name string, known map[string]bool) string {
	best, bestDistance := "", 3
	for k := range known {
		if d := distance(name, k); d < bestDistance || (d == bestDistance && k < best) {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		cur := make([]int, len(b)+1)
		cur[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			cur[j+1] = min(prev[j+1]+1, cur[j]+1, prev[j]+cost)
		}
		prev = cur
	}
	return prev[len(b)]
}
