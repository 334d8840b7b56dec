package project

import (
	"fmt"
	"strings"
)

func (l *loader) sync(path, name, text string) {
	s := &Sync{}
	if l.decodeFile(path, name, text, s, &s.Origin) {
		l.p.Syncs = append(l.p.Syncs, s)
	}
}

func (l *loader) checkSyncs() {
	for _, s := range l.p.Syncs {
		l.checkSyncSource(s)
		l.checkSyncMode(s)
		l.checkSyncAppend(s)
		l.checkSpread(s)
		l.checkSyncGuard(s)
		l.checkExclusions(s)
		if s.Destination != "" && l.p.Destination(s.Destination) == nil {
			l.fail(CodeUnknownName, s.Path, s.Positions.At("destination"), "", "unknown destination %s%s",
				s.Destination, suggest(s.Destination, names(l.p.Destinations)))
		}
		for i, c := range s.Consent {
			l.checkWord(CodeValue, s.Path, s.Positions.At("consent", fmt.Sprint(i)), "consent", c)
		}
		l.checkAfter(s.Path, s.Positions, s.Schedule, append(names(l.p.Syncs), names(l.p.SQLFiles())...), s.Name)
	}
	for _, f := range l.p.SQLFiles() {
		l.checkAfter(f.Path, f.Positions, f.Header.Schedule, names(l.p.SQLFiles()), f.Name)
	}
}

// checkSyncSource sees that a sync sends one thing, which exists.
func (l *loader) checkSyncSource(s *Sync) {
	var written []string
	for key, name := range map[string]string{"audience": s.Audience, "trait": s.Trait, "model": s.Model, "external": s.External, "events": strings.Join(s.Events, ",")} {
		if name != "" {
			written = append(written, key)
		}
	}
	if len(written) != 1 {
		l.fail(CodeSyncSource, s.Path, s.Positions.At(), "", "a sync names one of audience, trait, model, events or external, this names %d", len(written))
		return
	}
	if s.External != "" && !l.checkSyncTable(s) {
		return
	}
	kind, name := s.Reads()
	if kind == KindBuiltin {
		return
	}
	files := map[Kind][]*SQLFile{KindAudience: l.p.Audiences, KindTrait: l.p.Traits, KindModel: l.p.Models}[kind]
	f := find(files, name)
	if f == nil {
		l.fail(CodeUnknownName, s.Path, s.Positions.At(string(kind)), "", "unknown %s %s%s", kind, name, suggest(name, names(files)))
		return
	}
	if f.Header.Entity != "none" && f.Header.Entity != "group" {
		return
	}
	why := fmt.Sprintf("the rows of %s aren't profiles", name)
	if len(s.Consent) > 0 {
		l.fail(CodeConsent, s.Path, s.Positions.Key("consent"), "", "consent can't be looked up: %s", why)
	}
	for id, c := range s.Match {
		if c.Profile {
			l.fail(CodeConsent, s.Path, s.Positions.At("match", id), "", "%s can't be looked up: %s", c, why)
		}
	}
	for _, field := range s.Fields {
		if field.Column.Profile {
			l.fail(CodeConsent, s.Path, field.At, "", "%s can't be looked up: %s", field.Column, why)
		}
	}
}

// checkSyncTable sees that a sync's external table can be read.
func (l *loader) checkSyncTable(s *Sync) bool {
	at := s.Positions.At("external")
	switch {
	case !externalName.MatchString(s.External):
		l.fail(CodeExternal, s.Path, at, "write database.table", "%s is no table of another database", s.External)
	case !l.p.mayRead(s.External):
		l.fail(CodeReadsExternal, s.Path, at, "list it under warehouse.read in tailrace.yml", "%s is of a database that the project may not read", s.External)
	default:
		return true
	}
	return false
}

// checkSyncMode sees that match, fields and on_exit mean something in the mode.
func (l *loader) checkSyncMode(s *Sync) {
	if s.Mode == "" {
		return
	}
	if len(s.Match) == 0 && !s.Forwards() {
		l.fail(CodeMatch, s.Path, s.Positions.Key("match"), "match: { email: profile.email }", "mode %s needs match: which row is whom at the destination", s.Mode)
	}
	if s.Mode.Membership() && len(s.Fields) > 0 {
		l.fail(CodeField, s.Path, s.Positions.Key("fields"), "a list holds members, not values", "mode %s sends no fields", s.Mode)
	}
	exit := s.OnExit.Kind
	if exit != ExitUnset && s.Mode != ModeMirror && !(s.Mode == ModeAudience && exit == ExitRemove) {
		l.fail(CodeOnExit, s.Path, s.Positions.Key("on_exit"), "", "on_exit means nothing in mode %s", s.Mode)
	}
	if s.Mode == ModeMirror && exit == ExitRemove {
		l.fail(CodeOnExit, s.Path, s.Positions.At("on_exit"), "write delete, { set: … } or nothing", "mode mirror has no list to remove from")
	}
}

func (l *loader) checkSyncGuard(s *Sync) {
	if p := s.Guard.MaxRemoved; p != nil && *p > 100 {
		l.fail(CodeGuard, s.Path, s.Positions.At("guard", "max_removed"), "", "max_removed is a share of what is there, at most 100%%")
	}
	for key, n := range map[string]*int64{"max_changes": s.Guard.MaxChanges, "first_sync": s.Guard.FirstSync} {
		if n != nil && *n < 0 {
			l.fail(CodeGuard, s.Path, s.Positions.At("guard", key), "", "%s can't be negative", key)
		}
	}
}

// checkAfter sees that a schedule follows something else that exists.
func (l *loader) checkAfter(path string, pos Positions, s Schedule, known []string, self string) {
	for _, name := range s.After {
		switch {
		case name == self:
			l.fail(CodeSchedule, path, pos.At("schedule"), "", "%s can't come after itself", name)
		case !strings.Contains("\n"+strings.Join(known, "\n")+"\n", "\n"+name+"\n"):
			l.fail(CodeSchedule, path, pos.At("schedule"), "", "the schedule follows %s, which doesn't exist%s", name, suggest(name, known))
		}
	}
}
