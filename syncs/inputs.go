package syncs

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/project"
)

// inputVersions says in what state everything is that a sync's selection is
// computed from. Equal versions mean an equal selection. A model is a view over
// anything, so it has no version: "source" is missing then.
func (e *Engine) inputVersions(ctx context.Context, at look, p *project.Project, s *project.Sync, syncID string) (map[string]string, error) {
	r := e.readings(ctx, at)
	kind, name := s.Reads()
	if kind != project.KindModel {
		err := r.read("source", []string{"materialization_log"}, "SELECT concat(?, '@', toString(max(version))) FROM "+e.table("materialization_log")+
			" WHERE kind = ? AND name = ? AND state = 'published'", name, string(kind), name)
		if err != nil {
			return nil, err
		}
	}
	if kind == project.KindModel {
		if err := e.externalVersions(ctx, p, s, r.out); err != nil {
			return nil, err
		}
	}
	if kind == project.KindModel && !onlyExternal(p, s) {
		// A view may read anything: this tells when to look, not what is the same.
		err := r.read("reads", []string{"events_raw", "identities", "materialization_log"}, "SELECT concat((SELECT toString((count(), max(loaded_at))) FROM "+e.table("events_raw")+
			"), (SELECT toString(max(version)) FROM "+e.table("identities")+"), (SELECT toString(count()) FROM "+e.table("materialization_log")+" WHERE state = 'published'))")
		if err != nil {
			return nil, err
		}
	}
	if err := r.permissions(p.Purposes(s)); err != nil {
		return nil, err
	}
	if err := r.after(p, s); err != nil {
		return nil, err
	}
	if err := r.excluded(p, s); err != nil {
		return nil, err
	}
	readsProfiles := false
	for _, c := range mappedColumns(s) {
		if !c.Profile {
			continue
		}
		readsProfiles = true
		if p.Trait(c.Name) != nil {
			err := r.read("trait:"+c.Name, []string{"materialization_log"}, "SELECT toString(max(version)) FROM "+e.table("materialization_log")+
				" WHERE kind = 'trait' AND name = ? AND state = 'published'", c.Name)
			if err != nil {
				return nil, err
			}
		}
	}
	if readsProfiles {
		if err := r.read("profiles", []string{"events_raw", "identities"}, "SELECT concat((SELECT toString((count(), max(loaded_at))) FROM "+e.table("events_raw")+
			" WHERE type IN ('identify', 'alias')), (SELECT toString(max(version)) FROM "+e.table("identities")+"))"); err != nil {
			return nil, err
		}
	}
	if err := r.read("identities", []string{"identity_merges"}, "SELECT toString((count(), sum(sipHash64(from_profile, into_profile)))) FROM "+e.table("identity_merges")+" FINAL"); err != nil {
		return nil, err
	}
	state, err := remember(&e.remembered, at, []string{"sync_state"}, "sums:"+syncID, func() (*stateSums, error) { return e.stateSums(ctx, syncID) })
	if err != nil {
		return nil, err
	}
	return r.out, r.read("held_back", []string{"sync_state", "sync_dead"}, "SELECT concat(?, (SELECT toString((count(), sum(sipHash64(key, payload_hash)))) FROM "+
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

// after reads the newest result of what a sync runs after: a finished run of
// another sync, or a published version of a trait or audience.
func (r *readings) after(p *project.Project, s *project.Sync) error {
	for _, name := range s.Schedule.After {
		tables, sql := []string{"materialization_log"}, "SELECT toString(max(version)) FROM "+r.table("materialization_log")+" WHERE state = 'published' AND name = ?"
		if p.Sync(name) != nil {
			tables, sql = []string{"sync_runs", "sync_definitions"}, "SELECT toString(max(run_no)) FROM "+r.table("sync_runs")+
				" WHERE state IN ('succeeded', 'partial') AND sync_id IN (SELECT sync_id FROM "+r.table("sync_definitions")+" FINAL WHERE name = ?)"
		}
		if err := r.read(afterPrefix+name, tables, sql, name); err != nil {
			return err
		}
	}
	return nil
}

// permissions says in what state consent and suppression are.
func (r *readings) permissions(purposes []string) error {
	for name, columns := range map[string]string{"suppressions": "kind, value, active", "consents": "kind, value, category, status"} {
		if name == "consents" && len(purposes) == 0 {
			continue
		}
		err := r.read(name, []string{name}, "SELECT toString((count(), sum(sipHash64("+columns+")))) FROM "+r.table(name)+" FINAL")
		if err != nil {
			return err
		}
	}
	return nil
}
