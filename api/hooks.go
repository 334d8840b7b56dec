package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/project/dbt"
)

// maxManifest bounds the body of dbt's hook. `tailrace run --after-dbt` sends only what is read of a manifest, so a file
// of any size comes through it.
const maxManifest = 64 << 20

// DbtResult is what a run of dbt means for the project.
type DbtResult struct {
	Build   string     `json:"build" doc:"dbt's id of the run; the same one again changes nothing"`
	BuiltAt time.Time  `json:"built_at"`
	Tables  []DbtTable `json:"tables" doc:"Tables of the manifest that the project reads"`
	Due     []DbtDue   `json:"due" doc:"What depends on tables that were built, what is read first"`
}

// DbtTable is a table of dbt's that the project reads.
type DbtTable struct {
	Table  string `json:"table"`
	Node   string `json:"node" doc:"dbt's unique id"`
	Built  bool   `json:"built" doc:"Its rows may be others now"`
	Reason string `json:"reason"`
}

// DbtDue is a trait, audience or sync that depends on a table that was built.
type DbtDue struct {
	Kind     project.Kind `json:"kind"`
	Name     string       `json:"name"`
	Reads    []string     `json:"reads" doc:"The tables that were built"`
	Schedule string       `json:"schedule"`
	Waits    bool         `json:"waits" doc:"It runs by the clock, by hand, or is paused, so the build makes it due only then"`
}

func (s *Server) registerHooks() {
	register(s, endpoint{id: "dbt-hook", method: http.MethodPost, path: "/api/v1/hooks/dbt", summary: "Tell that dbt has run: what reads the tables that it built becomes due", tag: "project", role: Operator, maxBody: maxManifest},
		func(ctx context.Context, in *struct {
			RawBody []byte
			Body    struct {
				_          struct{}        `json:"-" additionalProperties:"true"`
				Manifest   json.RawMessage `json:"manifest,omitempty" doc:"target/manifest.json; or send that file as the body"`
				RunResults json.RawMessage `json:"run_results,omitempty" doc:"target/run_results.json: only what succeeded counts as built"`
			}
		}) (*body[DbtResult], error) {
			manifest := []byte(in.Body.Manifest)
			if len(manifest) == 0 {
				manifest = in.RawBody
			}
			m, err := dbt.ReadManifest(bytes.NewReader(manifest))
			if err != nil {
				return nil, problem(Invalid, "Send target/manifest.json of a dbt run, or {\"manifest\": …, \"run_results\": …}.", "%s", err)
			}
			var run *dbt.Run
			if len(in.Body.RunResults) > 0 && string(in.Body.RunResults) != "null" {
				if run, err = dbt.ReadRun(bytes.NewReader(in.Body.RunResults)); err != nil {
					return nil, problem(Invalid, "Send target/run_results.json of the same run.", "%s", err)
				}
			}
			out, err := s.afterDbt(ctx, m, run)
			if err != nil {
				return nil, err
			}
			return &body[DbtResult]{*out}, nil
		})
}

// afterDbt records what dbt built of what the project reads.
func (s *Server) afterDbt(ctx context.Context, m *dbt.Manifest, run *dbt.Run) (*DbtResult, error) {
	p := s.opts.Project()
	out := &DbtResult{Tables: []DbtTable{}, Due: []DbtDue{}}
	out.Build, out.BuiltAt = m.ID(run)
	read := p.ExternalTables()
	var builds []audiences.Build
	states := m.Built(run)
	for _, state := range states {
		if !slices.Contains(read, state.Table) {
			continue
		}
		out.Tables = append(out.Tables, DbtTable{state.Table, state.ID, state.Built, state.Reason})
		if state.Built {
			builds = append(builds, audiences.Build{Table: state.Table, Node: state.ID, Description: state.Description, Columns: state.Columns,
				Build: out.Build, BuiltAt: out.BuiltAt, Actor: who(ctx).actor()})
		}
	}
	if len(out.Tables) == 0 {
		return nil, problem(Invalid, "List dbt's database under warehouse.read in tailrace.yml, and read a table in SQL as database.table, or send one with external: database.table in a sync.",
			"the project reads none of the manifest's tables%s", examples(states))
	}
	if err := s.audit(ctx, "dbt_hook", out.Build, ""); err != nil {
		return nil, err
	}
	if err := s.opts.Audiences.RecordBuilds(ctx, builds); err != nil {
		return nil, err
	}
	if len(builds) > 0 {
		// A build may have given a table other columns, and views keep those that they were made with.
		if _, err := s.opts.Audiences.Apply(ctx); err != nil {
			return nil, err
		}
	}
	out.Due = dueAfter(p, builds)
	return out, nil
}

// examples names a few tables of a manifest.
func examples(states []dbt.State) string {
	var tables []string
	for _, state := range states {
		if state.Type != "source" && !slices.Contains(tables, state.Table) {
			tables = append(tables, state.Table)
		}
	}
	switch {
	case len(tables) == 0:
		return ": it has none"
	case len(tables) > 4:
		return ", such as " + strings.Join(tables[:4], ", ")
	}
	return ": " + strings.Join(tables, ", ")
}

// dueAfter lists what depends on tables that were built, what is read first.
func dueAfter(p *project.Project, builds []audiences.Build) []DbtDue {
	reads := map[project.Node][]string{}
	for _, b := range builds {
		for _, n := range dependants(p, b.Table) {
			reads[n] = append(reads[n], b.Table)
		}
	}
	due := []DbtDue{}
	for _, n := range p.Graph().Nodes() {
		if reads[n] == nil {
			continue
		}
		d := DbtDue{Kind: n.Kind, Name: n.Name, Reads: reads[n]}
		var schedule project.Schedule
		switch n.Kind {
		case project.KindTrait, project.KindAudience:
			schedule = p.SQL(n.Name).Header.Schedule
		case project.KindSync:
			schedule, d.Waits = p.Sync(n.Name).Schedule, p.Sync(n.Name).Paused
		default:
			continue
		}
		d.Schedule = schedule.String()
		d.Waits = d.Waits || (schedule.Kind != project.OnChange && schedule.Kind != project.After)
		due = append(due, d)
	}
	return due
}
