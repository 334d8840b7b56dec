package syncs

import (
	"context"
	"fmt"
	"maps"

	"github.com/tailrace/tailrace/project"
)

// inputVersions says in what state everything is that a sync's selection is
// computed from. Equal versions mean an equal selection. A model is a view over
// anything, so it has no version: "source" is missing then.
func (e *Engine) inputVersions(ctx context.Context, p *project.Project, s *project.Sync, syncID string) (map[string]string, error) {
	out := map[string]string{}
	read := func(name, sql string, args ...any) error {
		var text string
		if err := e.db.Get(ctx, &text, sql, args...); err != nil {
			return fmt.Errorf("reading the version of %s: %w", name, err)
		}
		out[name] = text
		return nil
	}
	kind, name := s.Reads()
	if kind != project.KindModel {
		err := read("source", "SELECT concat(?, '@', toString(max(version))) FROM "+e.table("materialization_log")+
			" WHERE kind = ? AND name = ? AND state = 'published'", name, string(kind), name)
		if err != nil {
			return nil, err
		}
	}
	if kind == project.KindModel {
		if err := e.externalVersions(ctx, p, s, out); err != nil {
			return nil, err
		}
	}
	if kind == project.KindModel && !onlyExternal(p, s) {
		// A view may read anything: this tells when to look, not what is the same.
		err := read("reads", "SELECT concat((SELECT toString((count(), max(loaded_at))) FROM "+e.table("events_raw")+
			"), (SELECT toString(count()) FROM "+e.table("materialization_log")+" WHERE state = 'published'))")
		if err != nil {
			return nil, err
		}
	}
	permissions, err := e.permissionVersions(ctx, p.Purposes(s))
	if err != nil {
		return nil, err
	}
	maps.Copy(out, permissions)
	for _, after := range s.Schedule.After {
		if err := read(afterPrefix+after, e.afterSQL(p, after), after); err != nil {
			return nil, err
		}
	}
	if err := e.excludedVersions(p, s, read); err != nil {
		return nil, err
	}
	readsProfiles := false
	for _, c := range mappedColumns(s) {
		if !c.Profile {
			continue
		}
		readsProfiles = true
		if p.Trait(c.Name) != nil {
			err := read("trait:"+c.Name, "SELECT toString(max(version)) FROM "+e.table("materialization_log")+
				" WHERE kind = 'trait' AND name = ? AND state = 'published'", c.Name)
			if err != nil {
				return nil, err
			}
		}
	}
	if readsProfiles {
		if err := read("profiles", "SELECT toString((count(), max(loaded_at))) FROM "+e.table("events_raw")+" WHERE type IN ('identify', 'alias')"); err != nil {
			return nil, err
		}
	}
	if err := read("identities", "SELECT toString((count(), sum(sipHash64(from_profile, into_profile)))) FROM "+e.table("identity_merges")+" FINAL"); err != nil {
		return nil, err
	}
	state, err := e.stateSums(ctx, syncID)
	if err != nil {
		return nil, err
	}
	return out, read("held_back", "SELECT concat(?, (SELECT toString((count(), sum(sipHash64(key, payload_hash)))) FROM "+
		e.table("sync_dead")+" FINAL WHERE sync_id = ? AND NOT released))", fmt.Sprintf("(%d,%d)", state.Unknowns, state.UnknownKeys), syncID)
}

// externalVersions adds what is known of the tables of other databases that a
// model reads.
func (e *Engine) externalVersions(ctx context.Context, p *project.Project, s *project.Sync, out map[string]string) error {
	if e.o.External == nil {
		return nil
	}
	var tables []string
	for _, n := range p.Graph().Upstream(project.Node{Kind: project.KindSync, Name: s.Name}) {
		if n.Kind == project.KindExternal {
			tables = append(tables, n.Name)
		}
	}
	if len(tables) == 0 {
		return nil
	}
	marks, err := e.o.External(ctx)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if mark, ok := marks[table]; ok {
			out["external:"+table] = mark
		}
	}
	return nil
}

// onlyExternal reports whether a sync's rows come from tables of other
// databases alone: then new events say nothing about them.
func onlyExternal(p *project.Project, s *project.Sync) bool {
	kind, name := s.Reads()
	leaves := 0
	for _, n := range p.Graph().Upstream(project.Node{Kind: kind, Name: name}) {
		switch n.Kind {
		case project.KindExternal:
			leaves++
		case project.KindModel:
		default:
			return false
		}
	}
	return leaves > 0
}

// afterPrefix marks the versions that `schedule: { after: … }` waits for.
const afterPrefix = "after:"

// afterSQL reads the newest result of what a sync runs after: a finished run of
// another sync, or a published version of a trait or audience.
func (e *Engine) afterSQL(p *project.Project, name string) string {
	if p.Sync(name) != nil {
		return "SELECT toString(max(run_no)) FROM " + e.table("sync_runs") + " WHERE state IN ('succeeded', 'partial') AND sync_id IN (SELECT sync_id FROM " +
			e.table("sync_definitions") + " FINAL WHERE name = ?)"
	}
	return "SELECT toString(max(version)) FROM " + e.table("materialization_log") + " WHERE state = 'published' AND name = ?"
}

// permissionVersions says in what state consent and suppression are.
func (e *Engine) permissionVersions(ctx context.Context, purposes []string) (map[string]string, error) {
	out := map[string]string{}
	for name, columns := range map[string]string{"suppressions": "kind, value, active", "consents": "kind, value, category, status"} {
		if name == "consents" && len(purposes) == 0 {
			continue
		}
		var text string
		err := e.db.Get(ctx, &text, "SELECT toString((count(), sum(sipHash64("+columns+")))) FROM "+e.table(name)+" FINAL")
		if err != nil {
			return nil, fmt.Errorf("reading the version of %s: %w", name, err)
		}
		out[name] = text
	}
	return out, nil
}
