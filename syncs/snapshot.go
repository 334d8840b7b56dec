package syncs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"

	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// snapshot is a sealed selection.
type snapshot struct {
	version  uint64
	rowsIn   uint64
	checksum *big.Int
	leftOut  map[string]uint64
	inputs   map[string]string
	reused   bool
	backfill bool // of an append sync: it looks at the past
}

func (s *snapshot) selected() uint64 {
	n := s.rowsIn
	for _, out := range s.leftOut {
		n += out
	}
	return n
}

// takeSnapshot computes the selection, or reuses the last one where no input
// has changed since.
func (e *Engine) takeSnapshot(ctx context.Context, j *job) (*snapshot, error) {
	if j.sync.Forwards() {
		return e.takeWindow(ctx, j)
	}
	at, err := e.look(ctx)
	if err != nil {
		return nil, err
	}
	inputs, err := e.inputVersions(ctx, at, j.project, j.sync, j.def.SyncID)
	if err != nil {
		return nil, err
	}
	if _, versioned := inputs["source"]; versioned {
		last, err := e.lastSnapshot(ctx, j.def.SyncID)
		if err != nil {
			return nil, err
		}
		if last != nil && last.definition == j.def.Hash && maps.Equal(last.inputs, inputs) {
			last.snapshot.reused = true
			return &last.snapshot, nil
		}
	}
	src, err := e.source(ctx, j)
	if err != nil {
		return nil, err
	}
	version, err := jobs.ClaimNext(ctx, e.db, "snapshot:"+j.def.SyncID, 1, e.o.Worker)
	if err != nil {
		return nil, fmt.Errorf("claiming a snapshot's version: %w", err)
	}
	sql, err := e.snapshotSQL(ctx, j, src, inputs)
	if err != nil {
		return nil, err
	}
	err = e.through(ctx, "exec:snapshot", func() error {
		return e.db.Exec(ctx, sql, warehouse.P{"sync_id": j.def.SyncID, "version": version}, warehouse.QueryID("snapshot-"+j.run.PlanID))
	})
	if err != nil {
		return nil, fmt.Errorf("computing the selection: %w", err)
	}
	if kind, _ := j.sync.Reads(); kind == project.KindModel {
		if err := e.refuseDuplicateKeys(ctx, j, version); err != nil {
			return nil, err
		}
	}
	return e.sealSnapshot(ctx, j, version, inputs)
}

// snapshotSQL renders the statement.
func (e *Engine) snapshotSQL(ctx context.Context, j *job, src *source, inputs map[string]string) (string, error) {
	m, err := j.mapping(src)
	if err != nil {
		return "", err
	}
	named, err := j.namedBy(m)
	if err != nil {
		return "", err
	}
	may := e.permission(j.purposes, src.personID, named)
	exclusion, err := e.exclusionSQL(ctx, j, src, m.key, inputs)
	if err != nil {
		return "", err
	}
	unresolved := "0"
	if j.parksUnknown() {
		unresolved = "tr_key IN (SELECT key FROM " + e.table("sync_state") + " FINAL WHERE sync_id = {sync_id:String} AND last_status = 'unknown')"
	}
	match := j.foldSQL("tr_ids")
	if j.sync.Mode == project.ModeAppend {
		match = "tr_key" // a person may have many rows
	}
	return e.statement("snapshot", map[string]string{
		"key": m.key, "ids": m.ids, "payload": m.payload, "hash": rowHashSQL("tr_key, tr_ids, tr_payload"), "match": match,
		"suppressed": may.suppressed, "denied": may.denied, "unknown": may.unknown, "exclusion": exclusion, "unresolved": unresolved, "refused": m.refused,
		"source": warehouse.QuoteIdentifier(e.db.ProjectDatabase()) + "." + warehouse.QuoteIdentifier(src.view),
		"joins":  src.profileJoin(e.db.ProjectDatabase(), j.sync) + may.joins,
	}), nil
}

// namedBy are the identifiers by which the person of a mapped row may be named.
func (j *job) namedBy(m *mapping) ([]named, error) {
	var out []named
	for _, name := range j.matchNames() {
		out = append(out, j.plain(name, m.texts[name]))
		if j.identifier(name).Normaliser != "" {
			hashed, err := j.asSent(name, m.sent[name])
			if err != nil {
				return nil, fmt.Errorf("mapping match.%s: %w", name, err)
			}
			out = append(out, hashed)
		}
	}
	return out, nil
}

// DuplicateKeysError is a model with several rows for one key.
type DuplicateKeysError struct{ Keys []string }

// Error names some of the keys.
func (d *DuplicateKeysError) Error() string {
	return "several rows have one key, for example " + strings.Join(d.Keys, ", ")
}

func (e *Engine) refuseDuplicateKeys(ctx context.Context, j *job, version uint64) error {
	var keys []string
	err := e.db.Select(ctx, &keys, "SELECT key FROM "+e.table("sync_snapshot_rows")+
		" WHERE sync_id = ? AND version = ? GROUP BY key HAVING count() > 1 ORDER BY key LIMIT 3"+
		" SETTINGS max_bytes_before_external_group_by = 268435456", j.def.SyncID, version)
	if err != nil {
		return fmt.Errorf("looking for duplicate keys: %w", err)
	}
	if len(keys) > 0 {
		return &DuplicateKeysError{keys}
	}
	return nil
}

type classCount struct {
	Reason   string   `ch:"reason"`
	Rows     uint64   `ch:"rows"`
	Checksum *big.Int `ch:"checksum"`
}

// sealSnapshot reads the classes back and publishes the version by one row.
func (e *Engine) sealSnapshot(ctx context.Context, j *job, version uint64, inputs map[string]string) (*snapshot, error) {
	var classes []classCount
	err := e.db.Select(ctx, &classes, e.statement("snapshot_summary", nil), warehouse.P{"sync_id": j.def.SyncID, "version": version})
	if err != nil {
		return nil, fmt.Errorf("reading the snapshot back: %w", err)
	}
	s := &snapshot{version: version, checksum: new(big.Int), leftOut: map[string]uint64{}, inputs: inputs}
	for _, c := range classes {
		if c.Reason == "" {
			s.rowsIn, s.checksum = c.Rows, c.Checksum
		} else {
			s.leftOut[c.Reason] = c.Rows
		}
	}
	err = e.insert(ctx, "sync_snapshots", []string{"sync_id", "version", "run_no", "encoding", "rows_in", "checksum", "left_out",
		"input_versions", "definition_hash", "at"},
		[][]any{{j.def.SyncID, version, j.run.No, uint16(Encoding), s.rowsIn, s.checksum, s.leftOut, inputs, j.def.Hash, e.now()}},
		fmt.Sprintf("snapshot:%s:%d", j.def.SyncID, version))
	if err != nil {
		return nil, fmt.Errorf("sealing the snapshot: %w", err)
	}
	return s, nil
}

// sealedSnapshot is a snapshot as its seal tells it.
type sealedSnapshot struct {
	snapshot
	definition string
}

func (e *Engine) lastSnapshot(ctx context.Context, syncID string) (*sealedSnapshot, error) {
	return e.readSnapshot(ctx, "ORDER BY version DESC LIMIT 1", syncID)
}

func (e *Engine) readSnapshot(ctx context.Context, tail, syncID string, args ...any) (*sealedSnapshot, error) {
	var row struct {
		Version    uint64            `ch:"version"`
		RowsIn     uint64            `ch:"rows_in"`
		Checksum   *big.Int          `ch:"checksum"`
		LeftOut    map[string]uint64 `ch:"left_out"`
		Inputs     map[string]string `ch:"input_versions"`
		Definition string            `ch:"definition_hash"`
	}
	err := e.db.Get(ctx, &row, "SELECT version, rows_in, checksum, left_out, input_versions, definition_hash FROM "+
		e.table("sync_snapshots")+" WHERE sync_id = ? "+tail, append([]any{syncID}, args...)...)
	if errors.Is(err, warehouse.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the last snapshot: %w", err)
	}
	return &sealedSnapshot{definition: row.Definition, snapshot: snapshot{version: row.Version, rowsIn: row.RowsIn,
		checksum: row.Checksum, leftOut: row.LeftOut, inputs: row.Inputs}}, nil
}

// dropOldSnapshots drops the partitions of snapshots before a version. A
// dropped one is only missed by a run that is over.
func (e *Engine) dropOldSnapshots(ctx context.Context, syncID string, before uint64) error {
	var old []uint64
	err := e.db.Select(ctx, &old, "SELECT DISTINCT version FROM "+e.table("sync_snapshot_rows")+" WHERE sync_id = ? AND version < ?", syncID, before)
	if err != nil {
		return fmt.Errorf("looking for old snapshots: %w", err)
	}
	for _, v := range old {
		// sync ids are made by us, so the text can't hold a quote.
		sql := fmt.Sprintf("ALTER TABLE %s DROP PARTITION (%s, %d)", e.table("sync_snapshot_rows"), quote(syncID), v)
		if err := e.db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("dropping snapshot %d: %w", v, err)
		}
	}
	return nil
}
