package audiences

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/big"
	"time"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// record is a row of materialization_log.
type record struct {
	ID             string            `ch:"id"`
	Kind           string            `ch:"kind"`
	Name           string            `ch:"name"`
	Version        uint64            `ch:"version"`
	Seq            uint32            `ch:"seq"`
	State          string            `ch:"state"`
	LogicalTime    time.Time         `ch:"logical_time"`
	QueuedAt       time.Time         `ch:"queued_at"`
	UpdatedAt      time.Time         `ch:"updated_at"`
	Trigger        string            `ch:"trigger"`
	Actor          string            `ch:"actor"`
	ProjectHash    string            `ch:"project_hash"`
	RowFingerprint string            `ch:"row_fingerprint"`
	InputVersions  map[string]string `ch:"input_versions"`
	Table          string            `ch:"table_name"`
	ColumnNames    []string          `ch:"column_names"`
	ColumnTypes    []string          `ch:"column_types"`
	Rows           uint64            `ch:"rows"`
	Entered        uint64            `ch:"entered"`
	Exited         uint64            `ch:"exited"`
	DroppedKeys    uint64            `ch:"dropped_keys"`
	UnresolvedKeys uint64            `ch:"unresolved_keys"`
	Checksum       string            `ch:"checksum_text"`
	Reason         string            `ch:"reason"`
	Warnings       []string          `ch:"warnings"`
	Error          string            `ch:"error"`
}

// newest selects the newest transition of each version, as records.
const newest = `SELECT
    id, kind, name, version, max(l.seq) AS seq, argMax(l.state, l.seq) AS state, max(l.logical_time) AS logical_time,
    min(l.at) AS queued_at, max(l.at) AS updated_at, argMax(l.trigger, l.seq) AS trigger, argMax(l.actor, l.seq) AS actor,
    argMax(l.project_hash, l.seq) AS project_hash, argMax(l.row_fingerprint, l.seq) AS row_fingerprint,
    argMax(l.input_versions, l.seq) AS input_versions, argMax(l.table_name, l.seq) AS table_name,
    argMax(l.columns.name, l.seq) AS column_names, argMax(l.columns.type, l.seq) AS column_types,
    argMax(l.rows, l.seq) AS rows, argMax(l.entered, l.seq) AS entered, argMax(l.exited, l.seq) AS exited,
    argMax(l.dropped_keys, l.seq) AS dropped_keys, argMax(l.unresolved_keys, l.seq) AS unresolved_keys,
    toString(argMax(l.checksum, l.seq)) AS checksum_text, argMax(l.reason, l.seq) AS reason, argMax(l.warnings, l.seq) AS warnings, argMax(l.error, l.seq) AS error
FROM `

func (a *Audiences) newestWhere(condition string) string {
	return newest + a.table("materialization_log") + " AS l WHERE " + condition + " GROUP BY id, kind, name, version"
}

func (r record) materialization() Materialization {
	m := Materialization{
		ID: r.ID, Kind: project.Kind(r.Kind), Name: r.Name, Version: r.Version, State: State(r.State),
		LogicalTime: r.LogicalTime.UTC(), QueuedAt: r.QueuedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		Trigger: Trigger(r.Trigger), Actor: r.Actor, ProjectHash: r.ProjectHash, RowFingerprint: r.RowFingerprint,
		InputVersions: r.InputVersions, Table: r.Table, Rows: r.Rows, Entered: r.Entered, Exited: r.Exited,
		DroppedKeys: r.DroppedKeys, UnresolvedKeys: r.UnresolvedKeys, Reason: r.Reason, Warnings: r.Warnings, Error: r.Error, Checksum: r.Checksum, seq: r.Seq,
	}
	for i, name := range r.ColumnNames {
		m.Columns = append(m.Columns, Column{Name: name, Type: r.ColumnTypes[i]})
	}
	return m
}

func (a *Audiences) records(ctx context.Context, sql string, args ...any) ([]Materialization, error) {
	var rows []record
	if err := a.db.Select(ctx, &rows, sql, args...); err != nil {
		return nil, fmt.Errorf("reading materializations: %w", err)
	}
	out := make([]Materialization, len(rows))
	for i, r := range rows {
		out[i] = r.materialization()
	}
	return out, nil
}

// latest is the newest version that the id stands for.
func (a *Audiences) latest(ctx context.Context, id string) (Materialization, error) {
	found, err := a.records(ctx, a.newestWhere("l.id = ?")+" ORDER BY version DESC LIMIT 1", id)
	if err != nil {
		return Materialization{}, err
	}
	if len(found) == 0 {
		return Materialization{}, fmt.Errorf("materialization %s: %w", id, ErrNotFound)
	}
	return found[0], nil
}

// published is the version that readers see; nil when there is none yet.
func (a *Audiences) published(ctx context.Context, kind project.Kind, name string) (*Materialization, error) {
	found, err := a.records(ctx, a.newestWhere("l.kind = ? AND l.name = ?")+
		" HAVING state = 'published' ORDER BY version DESC LIMIT 1", string(kind), name)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

var logColumns = []string{
	"id", "kind", "name", "version", "seq", "state", "logical_time", "at", "trigger", "actor", "project_hash",
	"row_fingerprint", "input_versions", "table_name", "columns", "rows", "entered", "exited", "dropped_keys",
	"unresolved_keys", "checksum", "reason", "warnings", "error",
}

// advance appends m with the given state as its version's next transition.
func (a *Audiences) advance(ctx context.Context, m *Materialization, to State) error {
	m.State, m.UpdatedAt = to, a.clock()
	m.seq++
	if m.QueuedAt.IsZero() {
		m.QueuedAt = m.UpdatedAt
	}
	checksum, ok := new(big.Int).SetString(m.Checksum, 10)
	if !ok {
		checksum = new(big.Int)
	}
	columns := make([]map[string]any, len(m.Columns))
	for i, c := range m.Columns {
		columns[i] = map[string]any{"name": c.Name, "type": c.Type}
	}
	warnings := m.Warnings
	if warnings == nil {
		warnings = []string{}
	}
	inputs := m.InputVersions
	if inputs == nil {
		inputs = map[string]string{}
	}
	row := []any{
		m.ID, string(m.Kind), m.Name, m.Version, m.seq, string(to), m.LogicalTime, m.UpdatedAt, string(m.Trigger), m.Actor,
		m.ProjectHash, m.RowFingerprint, inputs, m.Table, columns, m.Rows, m.Entered, m.Exited, m.DroppedKeys,
		m.UnresolvedKeys, checksum, m.Reason, warnings, m.Error,
	}
	token := fmt.Sprintf("materialization:%s:%d:%d:%x", m.ID, m.Version, m.seq, sha256.Sum256(fmt.Append(nil, row...)))
	o := warehouse.InsertOptions{Token: token}
	err := a.db.Insert(ctx, "materialization_log", logColumns, [][]any{row}, o)
	if err != nil && ctx.Err() == nil {
		// Its outcome is unknown; the same row under the same token settles it.
		err = a.db.Insert(ctx, "materialization_log", logColumns, [][]any{row}, o)
	}
	if err != nil {
		return fmt.Errorf("recording that %s %s version %d is %s: %w", m.Kind, m.Name, m.Version, to, err)
	}
	a.log.InfoContext(ctx, "materialization", "kind", m.Kind, "name", m.Name, "version", m.Version, "state", to, "rows", m.Rows,
		"entered", m.Entered, "exited", m.Exited)
	return nil
}
