package main

import (
	"slices"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/all"
	"github.com/tailrace/tailrace/project"
)

// catalog answers the project's questions about connectors from the one list of them.
type catalog struct{}

var _ project.Catalog = catalog{}

func findConnector(name string) (connectors.Connector, bool) {
	for _, c := range all.All {
		if c.Name == name {
			return c, true
		}
	}
	return connectors.Connector{}, false
}

func findObject(connector, object string) connectors.Object {
	c, _ := findConnector(connector)
	o, _ := c.Object(object)
	return o
}

func (catalog) Connectors() []string {
	var out []string
	for _, c := range all.All {
		out = append(out, c.Name)
	}
	return out
}

func (catalog) Objects(connector string) []string {
	c, _ := findConnector(connector)
	var out []string
	for _, o := range c.Objects {
		out = append(out, o.Name)
	}
	return out
}

func (catalog) Identifiers(connector, object string) []string {
	o := findObject(connector, object)
	if o.OpenIdentifiers {
		return nil
	}
	var out []string
	for _, id := range o.Identifiers {
		out = append(out, id.Name)
	}
	return out
}

// Fields is open: no connector so far declares a closed list of fields.
func (catalog) Fields(string, string) []string { return nil }

func (catalog) Actions(connector, object string) []string {
	var out []string
	for a := range findObject(connector, object).Actions {
		out = append(out, string(a))
	}
	return out
}

func (catalog) MaxRows(connector, object, action string) int {
	return findObject(connector, object).Actions[connectors.Action(action)].Limits.Rows
}

// checkProject holds a project against the connectors: what they can do, and each destination's settings, unless reading
// it found errors there.
func checkProject(p *project.Project, found project.Diagnostics) project.Diagnostics {
	out := p.Check(catalog{})
	bad := found.Errors()
	for _, d := range p.Destinations {
		c, ok := findConnector(d.Connector)
		if !ok || slices.ContainsFunc(bad, func(b project.Diagnostic) bool { return b.Path == d.Path }) {
			continue // already told
		}
		_, bad := connectors.DecodeConfig(c, destinationSettings(d))
		for _, e := range bad {
			at := d.Positions.At(splitPath(e.Path)...)
			out = append(out, project.Diagnostic{Severity: project.SeverityError, Code: project.CodeValue, Path: d.Path,
				Line: at.Line, Column: at.Column, Message: e.Path + " " + e.Message, Hint: e.Hint})
		}
	}
	out.Sort()
	return out
}

// destinationSettings is a destination's file as the connector reads it: its own keys, address and credentials.
func destinationSettings(d *project.Destination) map[string]any {
	raw := map[string]any{}
	for key, value := range d.Settings {
		raw[key] = value
	}
	if d.BaseURL != "" {
		raw["base_url"] = d.BaseURL
	}
	if len(d.Credentials) > 0 {
		credentials := map[string]any{}
		for name, secret := range d.Credentials {
			credentials[name] = secret
		}
		raw["credentials"] = credentials
	}
	return raw
}
