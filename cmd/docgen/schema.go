package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/tailrace/tailrace/project"
)

// kindTitles say where each kind of file is, in the order of the page. The three
// headers are read by one type.
var kindTitles = []struct{ kind, title string }{
	{"tailrace", "tailrace.yml"},
	{"source", "sources/NAME.yml"},
	{"tracking_plan", "tracking_plans/NAME.yml"},
	{"audience", "Headers of models/, traits/ and audiences/NAME.sql"},
	{"destination", "destinations/NAME.yml"},
	{"sync", "syncs/NAME.yml"},
	{"test", "tests/NAME.yml"},
}

// schemaPage lists the keys of every kind of file.
func schemaPage(string) (string, error) {
	p := newPage("Keys of project files", "Every key that a project's files may hold. `tailrace schema KIND` prints the JSON Schema of a kind, for "+
		"editors. A key that isn't here is an error, except in a destination, where the connector's own settings stand beside these "+
		"([connectors](connectors.md)). The [guide](../project-files.md) shows them at work.")
	for _, k := range kindTitles {
		raw, err := project.Schema(k.kind)
		if err != nil {
			return "", fmt.Errorf("describing %s: %w", k.kind, err)
		}
		var s jsonschema.Schema
		if err := json.Unmarshal(raw, &s); err != nil {
			return "", fmt.Errorf("reading the schema of %s: %w", k.kind, err)
		}
		p.heading(2, k.title)
		var rows [][]string
		collect(&s, "", &rows)
		p.table([]string{"key", "holds", "default", "what it is"}, rows)
	}
	return p.String(), nil
}

// collect adds a row per key, and those of nested mappings with dotted names.
func collect(s *jsonschema.Schema, prefix string, rows *[][]string) {
	for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
		name, prop := prefix+pair.Key, pair.Value
		for _, required := range s.Required {
			if required == pair.Key {
				name += " (required)"
			}
		}
		key, must, _ := strings.Cut(name, " ")
		standard := ""
		if prop.Default != nil {
			standard = code(fmt.Sprint(prop.Default))
		}
		*rows = append(*rows, []string{strings.TrimSpace(code(key) + " " + must), holds(prop), standard, described(prop.Description)})
		nested, under := prop, key+"."
		if nested.Properties == nil && nested.Items != nil {
			nested, under = nested.Items, key+"[]."
		}
		if nested.Properties == nil && nested.AdditionalProperties != nil && nested.AdditionalProperties.Properties != nil {
			nested, under = nested.AdditionalProperties, key+".NAME."
		}
		if nested.Properties != nil {
			collect(nested, under, rows)
		}
	}
}

// goName is how Go's comments begin: with the name of what they describe.
var goName = regexp.MustCompile(`^[A-Z]\w* (is|are) `)

// described is a comment without that name.
func described(text string) string {
	if text = goName.ReplaceAllString(text, ""); text != "" && !strings.Contains(strings.Fields(text)[0], "://") {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return strings.ReplaceAll(text, "<", "&lt;")
}

// holds says in words what a value looks like.
func holds(s *jsonschema.Schema) string {
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, w := range s.Enum {
			words[i] = code(fmt.Sprint(w))
		}
		return strings.Join(words, ", ")
	}
	if len(s.Examples) > 0 {
		words := make([]string, len(s.Examples))
		for i, e := range s.Examples {
			words[i] = code(fmt.Sprint(e))
		}
		return "such as " + strings.Join(words, ", ")
	}
	var ways []string
	for _, one := range append(s.OneOf, s.AnyOf...) {
		if way := holds(one); way != "" && !strings.Contains(way, "${env:NAME}") {
			ways = append(ways, way)
		}
	}
	switch {
	case len(ways) > 0:
		return strings.Join(ways, "; or ")
	case s.Type == "array" && s.Items != nil && s.Items.Properties == nil && holds(s.Items) != "":
		return "list of " + holds(s.Items)
	case s.Type == "array":
		return "list"
	case s.Type == "object" && s.Properties != nil:
		var keys []string
		for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
			keys = append(keys, code(pair.Key))
		}
		return "mapping with " + strings.Join(keys, ", ")
	case s.Type == "object" && s.AdditionalProperties != nil && holds(s.AdditionalProperties) != "":
		return "mapping: name to " + holds(s.AdditionalProperties)
	}
	return map[string]string{
		"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "object": "mapping",
	}[s.Type]
}
