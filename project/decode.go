package project

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// nodeDecoder is what a type implements that reads its own YAML. It reports
// mistakes to d and never returns early for them.
type nodeDecoder interface {
	decodeYAML(d *decoder, n ast.Node, path string)
}

// decoder fills Go values from YAML nodes. Unlike the library's own it goes on
// after a mistake, so that one look at the output shows them all.
type decoder struct {
	path    string    // of the file
	before  int       // lines of the file before the document
	refs    *resolver // nil leaves ${…} alone
	out     *Diagnostics
	pos     Positions
	ignored []string // keys of the root that someone else reads
}

func (d *decoder) position(n ast.Node) Position {
	p := nodePosition(n)
	p.Line += d.before
	return p
}

func (d *decoder) fail(n ast.Node, code Code, hint, format string, args ...any) {
	d.out.add(SeverityError, code, d.path, d.position(n), hint, format, args...)
}

// decode fills v from n; n is at path.
func (d *decoder) decode(n ast.Node, v reflect.Value, path string) {
	switch t := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode, *ast.DirectiveNode:
		d.fail(n, CodeYAMLFeature, "write the value itself", "anchors, aliases, tags and merge keys of YAML are not read")
		return
	case *ast.MappingKeyNode:
		d.fail(t, CodeYAMLFeature, "write `key: value`", "complex keys of YAML are not read")
		return
	}
	d.pos.values[path] = d.position(n)
	if v.CanAddr() {
		if own, ok := v.Addr().Interface().(nodeDecoder); ok {
			own.decodeYAML(d, n, path)
			return
		}
	}
	if n.Type() == ast.NullType {
		return // as good as absent
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		d.decode(n, p.Elem(), path)
		v.Set(p)
	case reflect.Struct:
		d.decodeStruct(n, v, path)
	case reflect.Map:
		d.decodeMap(n, v, path)
	case reflect.Slice:
		d.decodeSlice(n, v, path)
	case reflect.Interface:
		if value := d.plain(n, path); value != nil {
			v.Set(reflect.ValueOf(value))
		}
	default:
		d.decodeScalar(n, v, path)
	}
}

func (d *decoder) decodeStruct(n ast.Node, v reflect.Value, path string) {
	pairs, ok := entries(n)
	if !ok {
		d.fail(n, CodeValue, "", "%s wants a mapping, this is %s", d.name(path), kindOf(n))
		return
	}
	fields := structFields(v.Type())
	seen := map[string]bool{}
	for _, pair := range pairs {
		key, ok := d.key(pair, path)
		if !ok {
			continue
		}
		f, known := fields[key]
		if !known {
			if path == "" && slices.Contains(d.ignored, key) {
				continue
			}
			names := make([]string, 0, len(fields))
			for name := range fields {
				names = append(names, name)
			}
			d.fail(pair.Key, CodeUnknownKey, "", "unknown key %s%s", key, suggest(key, append(names, d.ignored...)))
			continue
		}
		seen[key] = true
		d.decode(pair.Value, v.FieldByIndex(f.Index), join(path, key))
		d.checkOneOf(pair.Value, v.FieldByIndex(f.Index), f, path, key)
	}
	d.absentKeys(n, v, path, seen)
}

// absent fills the defaults of a struct that the file doesn't mention, and names
// the keys that it should have; n is what to point at.
func (d *decoder) absent(n ast.Node, v reflect.Value, path string) {
	d.absentKeys(n, v, path, nil)
}

func (d *decoder) absentKeys(n ast.Node, v reflect.Value, path string, seen map[string]bool) {
	fields := structFields(v.Type())
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f := fields[name]
		if seen[name] {
			continue
		}
		field := v.FieldByIndex(f.Index)
		_, own := field.Addr().Interface().(nodeDecoder)
		if text, ok := f.Tag.Lookup("default"); ok {
			d.setDefault(field, text, join(path, name))
		} else if rule(f, "required") != nil {
			d.missing(n, join(path, name))
		} else if field.Kind() == reflect.Struct && !own {
			d.absentKeys(n, field, join(path, name), nil)
		}
	}
}

func (d *decoder) missing(n ast.Node, path string) {
	at := Position{Line: d.before + 1, Column: 1}
	if n != nil {
		at = d.position(n)
	}
	d.out.add(SeverityError, CodeMissingKey, d.path, at, "", "missing key %s", strings.ReplaceAll(path, pathSeparator, "."))
}

// setDefault decodes a `default:"…"` tag, which is YAML like the file's.
func (d *decoder) setDefault(v reflect.Value, text, path string) {
	inner := *d
	inner.pos = newPositions()
	if n := parseYAML(d.path, text, 0, d.out); n != nil {
		inner.decode(n, v, path)
	}
}

func (d *decoder) decodeMap(n ast.Node, v reflect.Value, path string) {
	pairs, ok := entries(n)
	if !ok || v.Type().Key().Kind() != reflect.String {
		d.fail(n, CodeValue, "", "%s wants a mapping, this is %s", d.name(path), kindOf(n))
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(pairs))
	for _, pair := range pairs {
		key, ok := d.key(pair, path)
		if !ok {
			continue
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		d.decode(pair.Value, elem, join(path, key))
		m.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), elem)
	}
	v.Set(m)
}

// decodeSlice takes a list, or one value as a list of one.
func (d *decoder) decodeSlice(n ast.Node, v reflect.Value, path string) {
	items := []ast.Node{n}
	if seq, ok := n.(*ast.SequenceNode); ok {
		items = seq.Values
	} else if _, scalar := scalarText(n); !scalar {
		d.fail(n, CodeValue, "", "%s wants a list, this is %s", d.name(path), kindOf(n))
		return
	}
	s := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		d.decode(item, s.Index(i), join(path, strconv.Itoa(i)))
	}
	v.Set(s)
}

func (d *decoder) decodeScalar(n ast.Node, v reflect.Value, path string) {
	text, ok := d.text(n, path)
	if !ok {
		return
	}
	bad := func(want string) {
		d.fail(n, CodeValue, "", "%s wants %s, this is %q", d.name(path), want, text)
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			bad("true or false")
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 0, v.Type().Bits())
		if err != nil {
			bad("a whole number")
			return
		}
		v.SetInt(i)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(strings.ReplaceAll(text, "_", ""), 0, v.Type().Bits())
		if err != nil {
			bad("a whole number, not negative")
			return
		}
		v.SetUint(u)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			bad("a number")
			return
		}
		v.SetFloat(f)
	default:
		d.fail(n, CodeValue, "", "%s can't be set from a file", d.name(path))
	}
}

// text returns a scalar with its references resolved.
func (d *decoder) text(n ast.Node, path string) (string, bool) {
	text, ok := scalarText(n)
	if !ok {
		d.fail(n, CodeValue, "", "%s wants one value, this is %s", d.name(path), kindOf(n))
		return "", false
	}
	return d.resolve(n, text)
}

func (d *decoder) resolve(n ast.Node, text string) (string, bool) {
	resolved, err := d.refs.resolve(text)
	if err != nil {
		d.fail(n, err.code, err.hint, "%s", err.message)
		return "", false
	}
	return resolved, true
}

// key returns a mapping key and notes where it stands.
func (d *decoder) key(pair *ast.MappingValueNode, path string) (string, bool) {
	key, ok := scalarText(pair.Key)
	if !ok {
		d.fail(pair.Key, CodeYAMLFeature, "write `key: value`", "anchors, aliases, tags and merge keys of YAML are not read")
		return "", false
	}
	d.pos.keys[join(path, key)] = d.position(pair.Key)
	return key, true
}

// name is how a message calls the value at path: its own key.
func (d *decoder) name(path string) string {
	if path == "" {
		return "this file"
	}
	keys := strings.Split(path, pathSeparator)
	last := len(keys) - 1
	if _, err := strconv.Atoi(keys[last]); err == nil && last > 0 {
		return "an item of " + keys[last-1]
	}
	return keys[last]
}
