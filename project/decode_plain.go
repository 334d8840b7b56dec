package project

import (
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// plain turns a node into the values that encoding/json would give.
func (d *decoder) plain(n ast.Node, path string) any {
	d.pos.values[path] = d.position(n)
	if pairs, ok := entries(n); ok {
		m := make(map[string]any, len(pairs))
		for _, pair := range pairs {
			if key, ok := d.key(pair, path); ok {
				m[key] = d.plain(pair.Value, join(path, key))
			}
		}
		return m
	}
	switch v := n.(type) {
	case *ast.SequenceNode:
		s := make([]any, len(v.Values))
		for i, item := range v.Values {
			s[i] = d.plain(item, join(path, strconv.Itoa(i)))
		}
		return s
	case *ast.IntegerNode:
		return v.Value
	case *ast.FloatNode:
		return v.Value
	case *ast.BoolNode:
		return v.Value
	case *ast.NullNode:
		return nil
	}
	text, ok := d.text(n, path)
	if !ok {
		return nil
	}
	return text
}

// setting is plain, but keeps a value that is one reference as a Secret: whether
// it is one, only the connector knows.
func (d *decoder) setting(n ast.Node, path string) any {
	if pairs, ok := entries(n); ok {
		m := make(map[string]any, len(pairs))
		for _, pair := range pairs {
			if key, ok := d.key(pair, path); ok {
				m[key] = d.setting(pair.Value, join(path, key))
			}
		}
		d.pos.values[path] = d.position(n)
		return m
	}
	if text, ok := scalarText(n); ok && isReference(text) {
		var s Secret
		s.decodeYAML(d, n, path)
		d.pos.values[path] = d.position(n)
		return s
	}
	return d.plain(n, path)
}
