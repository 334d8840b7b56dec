package project

import (
	"fmt"
	"slices"
	"strings"
)

// Catalog tells what connectors can do. The wiring makes one of the list of
// connectors; this package knows none. An answer of nil means that the
// connector leaves it open, except for Connectors and Objects.
type Catalog interface {
	// Connectors returns the names of all connectors.
	Connectors() []string
	// Objects returns the objects of a connector; * stands for any name.
	Objects(connector string) []string
	// Identifiers returns what an object can be matched by.
	Identifiers(connector, object string) []string
	// Fields returns the fields that an object has.
	Fields(connector, object string) []string
	// Actions returns what can be done to an object: create, update, upsert,
	// delete, add_to_list, remove_from_list, append.
	Actions(connector, object string) []string
	// MaxRows returns the most rows one request for an action carries, 0 if
	// there is no limit.
	MaxRows(connector, object, action string) int
}

// Check holds destinations and syncs against what connectors can do. Settings of
// a destination are for its connector's own config struct to judge.
func (p *Project) Check(c Catalog) Diagnostics {
	l := &loader{p: p}
	for _, d := range p.Destinations {
		if d.Connector == "" {
			continue
		}
		if known := c.Connectors(); !slices.Contains(known, d.Connector) {
			l.fail(CodeConnector, d.Path, d.Positions.At("connector"), "", "unknown connector %s%s",
				d.Connector, orList(d.Connector, known))
		}
	}
	for _, s := range p.Syncs {
		d := p.Destination(s.Destination)
		if d == nil || s.Object == "" || !slices.Contains(c.Connectors(), d.Connector) {
			continue
		}
		l.checkCapabilities(s, d.Connector, c)
	}
	l.out.Sort()
	return l.out
}

func (l *loader) checkCapabilities(s *Sync, connector string, c Catalog) {
	objects := c.Objects(connector)
	if !slices.Contains(objects, s.Object) && !slices.Contains(objects, "*") {
		l.fail(CodeObject, s.Path, s.Positions.At("object"), "", "%s has no object %s%s", connector, s.Object, orList(s.Object, objects))
		return
	}
	actions := c.Actions(connector, s.Object)
	for _, need := range s.Mode.Actions(s.OnExit) {
		if !slices.Contains(actions, need) {
			l.fail(CodeMode, s.Path, s.Positions.At("mode"), "", "%s can't %s %s, which mode %s needs: it can %s",
				connector, strings.ReplaceAll(need, "_", " "), s.Object, s.Mode, strings.ReplaceAll(list(actions), "_", " "))
		}
		if most := c.MaxRows(connector, s.Object, need); most > 0 && s.Batch > most {
			l.warn(CodeBatch, s.Path, s.Positions.At("batch"), "", "a request of %s carries at most %d rows, so %d means %d", connector, most, s.Batch, most)
		}
	}
	if s.Mode == ModeMirror && s.OnExit.Kind == ExitUnset && slices.Contains(actions, "delete") {
		l.fail(CodeOnExit, s.Path, s.Positions.At("mode"), "on_exit: delete, { set: … } or nothing",
			"mode mirror needs on_exit here, since %s can delete %s", connector, s.Object)
	}
	if known := c.Identifiers(connector, s.Object); known != nil {
		for _, id := range sortedKeys(s.Match) {
			if !slices.Contains(known, id) {
				l.fail(CodeIdentifier, s.Path, s.Positions.Key("match", id), "", "%s of %s isn't matched by %s%s",
					s.Object, connector, id, orList(id, known))
			}
		}
	}
	if known := c.Fields(connector, s.Object); known != nil {
		for _, f := range append(slices.Clone(s.Fields), s.OnExit.Set...) {
			if !slices.Contains(known, f.Name) {
				l.fail(CodeFieldUnknown, s.Path, f.At, "", "%s of %s has no field %s%s", s.Object, connector, f.Name, suggest(f.Name, known))
			}
		}
	}
}

// orList ends a message with the nearest of a few words, or with all of them.
func orList(word string, known []string) string {
	if s := suggest(word, known); s != "" || len(known) == 0 {
		return s
	}
	known = slices.Sorted(slices.Values(known))
	return fmt.Sprintf(": it is %s", list(known))
}
