package audiences

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// Verification says whether an incremental trait or audience gives what a full
// pass gives.
type Verification struct {
	Kind        project.Kind `json:"kind"`
	Name        string       `json:"name"`
	LogicalTime time.Time    `json:"logical_time"`
	Base        uint64       `json:"base"`       // the published version whose rows were carried over
	Rows        uint64       `json:"rows"`       // of the full pass
	Recomputed  uint64       `json:"recomputed"` // profiles that the incremental pass computed anew
	Different   uint64       `json:"different"`  // rows that only one of the two has, or that differ
	Differences []Difference `json:"differences"`
	FullMs      int64        `json:"full_ms"`        // how long the full pass took
	StepMs      int64        `json:"incremental_ms"` // how long the incremental pass took
}

// Difference is a row that the two passes don't agree on, as JSON; "" where
// there is none.
type Difference struct {
	Key         string          `json:"key"`
	Full        json.RawMessage `json:"full,omitempty"`
	Incremental json.RawMessage `json:"incremental,omitempty"`
}

// Verify computes a trait or audience in full and, from its published version,
// incrementally, as of one moment and the same events, and compares the two.
// Nothing is published. Errors: ErrNotFound; ErrInvalid when the file isn't
// incremental; ErrConflict when it has no version that it could go on from.
func (a *Audiences) Verify(ctx context.Context, kind project.Kind, name string) (Verification, error) {
	p := a.project()
	if p == nil || findFile(p, kind, name) == nil {
		return Verification{}, fmt.Errorf("%s %s: %w", kind, name, ErrNotFound)
	}
	f := findFile(p, kind, name)
	if f.Header.Incremental == nil {
		return Verification{}, fmt.Errorf("%s %s isn't incremental, every version is a full pass: %w", kind, name, ErrInvalid)
	}
	at := a.clock()
	checked, err := a.gate(ctx, p, f, at)
	if err != nil {
		return Verification{}, err
	}
	s, err := shapeOf(p, f, checked)
	if err != nil {
		return Verification{}, err
	}
	base, before, err := a.lastStep(ctx, kind, name)
	if err != nil {
		return Verification{}, err
	}
	now, lost, err := a.progress(ctx, p, f, before)
	switch {
	case err != nil:
		return Verification{}, err
	case base == nil || before == nil || before.Print != now.Print || base.Table != s.tableName():
		return Verification{}, fmt.Errorf("%s %s has no version of its present text yet: materialize it first: %w", kind, name, ErrConflict)
	case lost:
		return Verification{}, fmt.Errorf("events were erased or came late since the last version of %s %s, so its next one is a full pass: materialize it first: %w", kind, name, ErrConflict)
	}
	by, err := a.affected(ctx, f, base, *before, &now, at, uuid.NewString())
	if err != nil {
		return Verification{}, err
	}
	if by == nil {
		return Verification{}, fmt.Errorf("profiles went on being merged: try again: %w", ErrConflict)
	}
	defer a.dropAffected(ctx, by)
	out := Verification{Kind: kind, Name: name, LogicalTime: at, Base: base.Version, Recomputed: by.profiles}
	full, err := a.try(ctx, p, s, checked, at, nil, now.Loaded, &out.FullMs)
	defer a.dropTry(ctx, full)
	if err != nil {
		return out, err
	}
	incremental, err := a.try(ctx, p, s, checked, at, by, now.Loaded, &out.StepMs)
	defer a.dropTry(ctx, incremental)
	if err != nil {
		return out, err
	}
	out.Rows = full.Rows
	return out, a.compareTries(ctx, s, full, incremental, &out)
}

// try computes a version that nobody will see, of the events that were loaded
// until a moment, in full or by a step.
func (a *Audiences) try(ctx context.Context, p *project.Project, s *shape, checked *warehouse.Checked, at time.Time, by *step, until int64, took *int64) (*Materialization, error) {
	f := s.file
	m := &Materialization{ID: uuid.NewString(), Kind: f.Kind, Name: f.Name, LogicalTime: at, Table: s.tableName(), Columns: s.stored}
	version, err := a.claimVersion(ctx, f.Kind, f.Name)
	if err != nil {
		return m, err
	}
	m.Version = version
	events := "SELECT * FROM " + a.table("events")
	if by != nil {
		if events, err = a.statement("affected_events", map[string]string{"affected": by.affected}); err != nil {
			return m, err
		}
	}
	events = fmt.Sprintf("SELECT * FROM (\n%s\n) WHERE loaded_at <= fromUnixTimestamp64Milli(toInt64(%d), 'UTC')", events, until)
	in := &inputs{versions: map[string]string{}, results: map[project.Node]*Materialization{}}
	from, err := a.sourcesWith(ctx, p, f, in, at, events)
	if err != nil {
		return m, err
	}
	start := time.Now()
	err = a.writeRows(ctx, p, s, m, checked, from, by)
	*took = time.Since(start).Milliseconds()
	if err != nil {
		return m, err
	}
	return m, a.settle(ctx, s, m, queryLimits(p, f))
}

// dropTry drops the rows of a try.
func (a *Audiences) dropTry(ctx context.Context, m *Materialization) {
	if m == nil || m.Version == 0 {
		return
	}
	sql := fmt.Sprintf("ALTER TABLE %s DROP PARTITION %d", a.table(m.Table), m.Version)
	if err := a.db.Exec(context.WithoutCancel(ctx), sql); err != nil {
		a.log.WarnContext(ctx, "rows of a verification are left over", "table", m.Table, "version", m.Version, "error", err)
	}
}

// compareTries finds where two versions differ.
func (a *Audiences) compareTries(ctx context.Context, s *shape, full, incremental *Materialization, out *Verification) error {
	pairs := make([]string, len(s.stored))
	for i, c := range s.stored {
		pairs[i] = quoteText(c.Name) + ", " + text(c.Name)
	}
	sql, err := a.statement("verify", map[string]string{
		"table": a.table(full.Table), "hash": rowHash(s.stored), "row": "toJSONString(map(" + strings.Join(pairs, ", ") + "))",
	})
	if err != nil {
		return err
	}
	var rows []struct {
		Key         string `ch:"key"`
		Full        string `ch:"full"`
		Incremental string `ch:"incremental"`
		Total       uint64 `ch:"total"`
	}
	if err := a.db.Select(ctx, &rows, sql, warehouse.P{"full": full.Version, "incremental": incremental.Version}); err != nil {
		return fmt.Errorf("comparing the two passes of %s: %w", full.Name, err)
	}
	out.Differences = []Difference{}
	for _, r := range rows {
		out.Different = r.Total
		out.Differences = append(out.Differences, Difference{Key: r.Key, Full: json.RawMessage(r.Full), Incremental: json.RawMessage(r.Incremental)})
	}
	return nil
}
