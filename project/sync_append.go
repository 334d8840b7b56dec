package project

import "slices"

// checkSyncAppend sees that the keys of mode append stand where something is
// appended, and that what is mapped is a column of it.
func (l *loader) checkSyncAppend(s *Sync) {
	switch {
	case s.Mode != ModeAppend && len(s.Events) > 0:
		l.fail(CodeAppend, s.Path, s.Positions.Key("events"), "mode: append", "events can only be appended, this is mode %s", s.Mode)
	case s.Mode == ModeAppend && s.Trait != "":
		l.fail(CodeAppend, s.Path, s.Positions.Key("trait"), "name events, an audience or a model", "a trait has nothing to append")
	}
	if !s.Forwards() {
		if !s.Since.IsZero() {
			l.fail(CodeAppend, s.Path, s.Positions.Key("since"), "", "since is for events, and for the enters and exits of an audience in mode append")
		}
		l.checkNoPaths(s)
		return
	}
	known := EventColumns
	if s.Audience != "" {
		known = ChangeColumns
		l.checkNoPaths(s)
	}
	check := func(c Column, at Position) {
		if c.Profile || c.Name == "" || c.Path() != nil || slices.Contains(known, c.Name) {
			return
		}
		hint := ""
		if len(s.Events) > 0 {
			hint = "a property is written properties." + c.Name
		}
		l.fail(CodeUnknownColumn, s.Path, at, hint, "unknown column %s%s", c, suggest(c.Name, known))
	}
	for _, id := range sortedKeys(s.Match) {
		check(s.Match[id], s.Positions.At("match", id))
	}
	for _, f := range s.Fields {
		check(f.Column, f.At)
	}
}

// checkNoPaths refuses paths into JSON and the spread field, which only events
// have.
func (l *loader) checkNoPaths(s *Sync) {
	fail := func(c Column, at Position) {
		l.fail(CodeAppend, s.Path, at, "", "%s is of an event, and this sync sends none", c)
	}
	for _, id := range sortedKeys(s.Match) {
		if c := s.Match[id]; c.Path() != nil {
			fail(c, s.Positions.At("match", id))
		}
	}
	for _, f := range s.Fields {
		switch {
		case f.Column.Path() != nil:
			fail(f.Column, f.At)
		case f.Name == Spread:
			l.fail(CodeAppend, s.Path, f.At, "", "only a sync of events can send all that a column holds as fields")
		}
	}
}

// checkSpread sees that the spread field names JSON.
func (l *loader) checkSpread(s *Sync) {
	for _, f := range s.Fields {
		if f.Name == Spread && len(s.Events) > 0 && (f.IsConst || f.Format != "" || f.HasDefault || !slices.Contains(documentColumns, f.Column.Name)) {
			l.fail(CodeAppend, s.Path, f.At, `"*": properties`, "* stands for the members of properties, traits or context")
		}
	}
}
