package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/all"
)

var classWords = map[connectors.Class]string{
	connectors.ClassA: "A (set: sent again)",
	connectors.ClassB: "B (keyed: same key again)",
	connectors.ClassC: "C (looked up first)",
	connectors.ClassD: "D (never sent again by itself)",
}

var nullWords = map[connectors.NullRule]string{
	connectors.NullAsNull: "null is sent as null", connectors.NullAsEmpty: "null is sent as an empty text",
	connectors.NullUnsupported: "null can't be sent",
}

// connectorsPage says what each connector can do.
func connectorsPage(string) (string, error) {
	p := newPage("Connectors", "What each connector can do, from its own declaration. The class says what happens to a request whose fate is "+
		"unknown: see [delivery](../delivery.md). Every connector also takes the keys of [a destination](project-schema.md#destinationsnameyml), "+
		"and has a stand-in: with `sandbox: true` nothing leaves the process and no secret is needed.")
	for _, c := range all.All {
		p.heading(2, c.Title)
		facts := fmt.Sprintf("`connector: %s` · %s · authentication: %s (`%s`)", c.Name, c.Version, c.Auth.Kind, c.Auth.Field)
		if len(c.Hosts) > 0 {
			facts += " · sends to " + codes(c.Hosts)
		}
		p.line("%s", facts)
		for _, b := range c.Budget {
			p.line("\nBudget “%s”, shared by all syncs of one credential: %g a second, bursts of %d, %s at once.", b.Name, b.Rate, b.Burst, orUnlimited(b.Concurrency))
		}
		can, err := capabilities(c)
		if err != nil {
			return "", err
		}
		if can != "" {
			p.line("\nBeyond writing, it can %s.", can)
		}
		p.heading(3, c.Title+": settings")
		var rows [][]string
		for _, s := range connectors.Settings(c) {
			name := code(s.Path)
			if s.Required {
				name += " (required)"
			}
			rows = append(rows, []string{name, s.Type, code(s.Default), s.Doc})
		}
		p.table([]string{"setting", "holds", "default", "what it is"}, rows)
		for _, o := range c.Objects {
			object(p, c, o)
		}
	}
	return p.String(), nil
}

func object(p *page, c connectors.Connector, o connectors.Object) {
	p.heading(3, fmt.Sprintf("%s: object `%s`", c.Title, o.Name))
	p.line("%s", o.Description)
	var ids []string
	for _, i := range o.Identifiers {
		text := code(i.Name)
		if i.Form != connectors.Plain {
			text += " as " + string(i.Form)
		}
		if i.Normaliser != "" {
			text += " of " + code(i.Normaliser)
		}
		if i.Shared {
			text += " (beside another)"
		}
		if i.FoldCase {
			text += " (letter case ignored)"
		}
		ids = append(ids, text)
	}
	if o.OpenIdentifiers {
		other := "any name"
		if len(ids) > 0 {
			other = "any other name"
		}
		ids = append(ids, other)
	}
	p.line("\n- Identifiers: %s.", strings.Join(ids, ", "))
	fields := "none"
	switch {
	case o.Fields.Open:
		fields = "any name"
	case len(o.Fields.Names) > 0:
		fields = "fixed names: " + codes(o.Fields.Names)
	}
	if len(o.Fields.Reserved) > 0 {
		fields += " but " + codes(o.Fields.Reserved)
	}
	p.line("- Fields: %s; %s.", fields, nullWords[o.Fields.Null])
	if o.Target != "" {
		p.line("- The sync's `target` names the %s.", o.Target)
	}
	if o.ExpiresAfter > 0 {
		p.line("- Membership expires after %s unless renewed.", span(o.ExpiresAfter))
	}
	p.line("")
	var rows [][]string
	for _, a := range connectors.Actions {
		s, ok := o.Actions[a]
		if !ok {
			continue
		}
		class := classWords[s.Class]
		if s.Window > 0 {
			class += ", key remembered for " + span(s.Window)
		}
		var notes []string
		if s.Async {
			notes = append(notes, "the outcome comes later")
		}
		if s.Silent {
			notes = append(notes, "may refuse rows without naming them")
		}
		if s.Erases {
			note := "can erase for good"
			if s.EraseRows > 0 {
				note += fmt.Sprintf(" (%d rows a request)", s.EraseRows)
			}
			notes = append(notes, note)
		}
		if s.Fires != "" {
			notes = append(notes, "may set off "+s.Fires)
		}
		rows = append(rows, []string{code(string(a)), class, limits(s.Limits), strings.Join(notes, "; ")})
	}
	p.table([]string{"action", "class", "one request", "notes"}, rows)
}

func limits(l connectors.Limits) string {
	out := []string{fmt.Sprintf("%d rows", max(l.Rows, 1))}
	if l.BodyBytes > 0 {
		out = append(out, fmt.Sprintf("%d bytes", l.BodyBytes))
	}
	if l.RowBytes > 0 {
		out = append(out, fmt.Sprintf("%d bytes a row", l.RowBytes))
	}
	if l.RowIDs > 0 {
		out = append(out, fmt.Sprintf("%d identifiers a row", l.RowIDs))
	}
	return strings.Join(out, ", ")
}

// capabilities asks a writer, opened on the stand-in's settings, what it implements.
func capabilities(c connectors.Connector) (string, error) {
	raw := map[string]any{"connector": c.Name, "sandbox": true}
	for _, x := range connectors.Settings(c) {
		if x.Required && !strings.Contains(x.Path, ".") && x.Path != "base_url" {
			raw[x.Path] = "1" // an account's own, which no stand-in knows
		}
	}
	cfg, problems := connectors.DecodeConfig(c, raw)
	if len(problems) > 0 {
		return "", fmt.Errorf("configuring %s: %w", c.Name, problems[0])
	}
	w, err := c.Open(cfg, connectors.Env{Now: time.Now, Rand: func() uint64 { return 0 }})
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", c.Name, err)
	}
	var out []string
	add := func(ok bool, words string) {
		if ok {
			out = append(out, words)
		}
	}
	_, ok := w.(connectors.Tester)
	add(ok, "say which account a credential belongs to")
	_, ok = w.(connectors.Looker)
	add(ok, "look up whether rows arrived")
	_, ok = w.(connectors.Counter)
	add(ok, "count a target")
	_, ok = w.(connectors.Lister)
	add(ok, "list a target's members")
	_, ok = w.(connectors.Describer)
	add(ok, "describe objects and fields")
	_, ok = w.(connectors.Refresher)
	add(ok, "refresh its token")
	_, ok = w.(connectors.Poller)
	add(ok, "poll for later outcomes")
	return strings.Join(out, ", "), nil
}

func orUnlimited(n int) string {
	if n == 0 {
		return "any number"
	}
	return fmt.Sprint(n)
}

// span writes a duration in its largest whole unit.
func span(d time.Duration) string {
	switch {
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return d.String()
}
