package dbt

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Run is what run_results.json says.
type Run struct {
	Invocation  string
	GeneratedAt time.Time
	Status      map[string]string // by unique id
}

// ReadRun reads run_results.json. Errors: ErrNotDbt, and those of r.
func ReadRun(r io.Reader) (*Run, error) {
	run := &Run{Status: map[string]string{}}
	schema := ""
	err := readObject(json.NewDecoder(r), func(d *json.Decoder, key string) error {
		switch key {
		case "metadata":
			var meta rawMetadata
			err := d.Decode(&meta)
			schema, run.Invocation, run.GeneratedAt = meta.Schema, meta.Invocation, meta.GeneratedAt
			return err
		case "results":
			return run.readResults(d)
		}
		return skip(d)
	})
	if err == nil && !strings.Contains(schema, "/run-results/") {
		err = fmt.Errorf("%w: metadata.dbt_schema_version is %q; give target/run_results.json", ErrNotDbt, schema)
	}
	if err != nil {
		return nil, fmt.Errorf("reading dbt's run results: %w", err)
	}
	return run, nil
}

// MarshalJSON writes run results with no more than ReadRun keeps.
func (r *Run) MarshalJSON() ([]byte, error) {
	type result struct {
		UniqueID string `json:"unique_id"`
		Status   string `json:"status"`
	}
	results := []result{}
	for _, id := range slices.Sorted(maps.Keys(r.Status)) {
		results = append(results, result{id, r.Status[id]})
	}
	return json.Marshal(map[string]any{"results": results,
		"metadata": rawMetadata{Schema: "https://schemas.getdbt.com/dbt/run-results/v6.json", Invocation: r.Invocation, GeneratedAt: r.GeneratedAt}})
}

func (r *Run) readResults(d *json.Decoder) error {
	if err := expect(d, json.Delim('[')); err != nil {
		return err
	}
	for d.More() {
		var result struct {
			UniqueID string `json:"unique_id"`
			Status   string `json:"status"`
		}
		if err := d.Decode(&result); err != nil {
			return err
		}
		r.Status[result.UniqueID] = result.Status
	}
	return expect(d, json.Delim(']'))
}

// State is what became of a node in a run of dbt.
type State struct {
	*Node
	Built  bool   // its rows may be others now
	Reason string // why, or why not
}

// Built tells of every node with a table whether a run of dbt made its rows
// anew: it succeeded, or it is a view over something that did. Without run
// results every model, seed and snapshot counts as built. In order of tables.
func (m *Manifest) Built(run *Run) []State {
	states := map[string]*State{}
	var visit func(id string) *State
	visit = func(id string) *State {
		if s, ok := states[id]; ok {
			return s
		}
		n := m.Nodes[id]
		if n == nil {
			return nil
		}
		s := &State{Node: n}
		states[id] = s // before what it depends on: a circle ends here
		s.Built, s.Reason = n.state(run)
		if s.Built || !(n.View || n.Table == "") || s.failed(run) {
			return s
		}
		for _, up := range n.DependsOn {
			if from := visit(up); from != nil && from.Built {
				s.Built, s.Reason = true, "a view over "+from.Name+", which was built"
				break
			}
		}
		return s
	}
	var out []State
	for id := range m.Nodes {
		if s := visit(id); s.Table != "" {
			out = append(out, *s)
		}
	}
	slices.SortFunc(out, func(a, b State) int { return strings.Compare(a.Table+" "+a.ID, b.Table+" "+b.ID) })
	return out
}

// state is what the run itself says of a node.
func (n *Node) state(run *Run) (built bool, reason string) {
	if run == nil {
		if n.Type == "source" {
			return false, "a source, which dbt doesn't build"
		}
		return true, "in the manifest, and no run results tell more"
	}
	switch status := run.Status[n.ID]; {
	case status == "success":
		return true, "built"
	case status != "":
		return false, "dbt says " + status
	case n.Type == "source":
		return false, "a source, which dbt doesn't build"
	}
	return false, "not in this run"
}

func (s *State) failed(run *Run) bool { return run != nil && run.Status[s.ID] != "" }

// ID names the run for who keeps builds: the run's own id, else the manifest's.
func (m *Manifest) ID(run *Run) (id string, at time.Time) {
	if run != nil && run.Invocation != "" {
		return run.Invocation, run.GeneratedAt
	}
	return m.Invocation, m.GeneratedAt
}
