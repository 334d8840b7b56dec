package syncs

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/tailrace/tailrace/warehouse"
)

// storeSumsFrom is from how many keys of state on its sums are stored: below,
// reading it costs no more than a look at what is stored.
const storeSumsFrom = 50_000

// stateSums are what a sync's state adds up to.
type stateSums struct {
	Keys        uint64   `ch:"keys"`         // also of what is held no more; 0 of stored sums
	Rows        uint64   `ch:"rows"`         // that are held
	Checksum    *big.Int `ch:"checksum"`     // of their hashes; it wraps
	Unknowns    uint64   `ch:"unknowns"`     // whose fate nobody knows
	UnknownKeys uint64   `ch:"unknown_keys"` // sum of their keys' hashes
}

// equals reports whether a selection is what is held, with nothing unknown.
func (s *stateSums) equals(snap *snapshot) bool {
	return s.Unknowns == 0 && s.Rows == snap.rowsIn && s.Checksum.Cmp(snap.checksum) == 0
}

// stateSums adds up a sync's state, or finds its sums where they were stored
// for the same content. What is stored can't hide a change: it counts only for
// the data parts that it was read from, by name and content. Each writer of the
// state (folds, adoptions, answers of a person, erasures) makes other parts; so
// does a merge, after which the sums are read once more.
func (e *Engine) stateSums(ctx context.Context, syncID string) (*stateSums, error) {
	if _, small := e.smallStates.Load(syncID); small {
		return e.readStateSums(ctx, syncID)
	}
	parts, stored, err := e.storedStateSums(ctx, syncID)
	if err != nil || stored != nil {
		return stored, err
	}
	s, err := e.readStateSums(ctx, syncID)
	if err != nil || s.Keys < e.o.storeSumsFrom {
		return s, err
	}
	// Stored only if nothing came or went while it was read.
	after, stored, err := e.storedStateSums(ctx, syncID)
	if err != nil || stored != nil || after != parts || parts == "" {
		return s, err
	}
	err = e.insert(ctx, "sync_state_sums", []string{"sync_id", "parts", "rows", "checksum", "unknowns", "unknown_keys", "at"},
		[][]any{{syncID, parts, s.Rows, s.Checksum, s.Unknowns, s.UnknownKeys, e.now()}}, "state-sums:"+syncID+":"+parts)
	if err != nil {
		return nil, fmt.Errorf("storing the state's sums: %w", err)
	}
	return s, nil
}

// readStateSums reads the whole state of a sync.
func (e *Engine) readStateSums(ctx context.Context, syncID string) (*stateSums, error) {
	var s stateSums
	err := e.db.Get(ctx, &s, "SELECT count() AS keys, countIf(applied_hash != 0) AS rows, sum(applied_hash) AS checksum, countIf(last_status = 'unknown') AS unknowns, "+
		"sumIf(sipHash64(key), last_status = 'unknown') AS unknown_keys FROM "+e.table("sync_state")+" FINAL WHERE sync_id = ?", syncID)
	if err != nil {
		return nil, fmt.Errorf("adding up the state: %w", err)
	}
	if s.Keys < e.o.storeSumsFrom {
		e.smallStates.Store(syncID, true)
	} else {
		e.smallStates.Delete(syncID)
	}
	return &s, nil
}

// storedStateSums names the content of a sync's state by its data parts, ""
// where there are none, and finds what was stored for it.
func (e *Engine) storedStateSums(ctx context.Context, syncID string) (parts string, stored *stateSums, err error) {
	err = e.db.Get(ctx, &parts, "SELECT if(count() = 0, '', lower(hex(sipHash128(arraySort(groupArray((name, rows, hash_of_all_files))))))) FROM system.parts"+
		" WHERE active AND database = ? AND table = 'sync_state' AND partition = ?", e.db.Database(), syncID)
	if err != nil {
		return "", nil, fmt.Errorf("looking at the state's parts: %w", err)
	}
	if parts == "" {
		return "", nil, nil
	}
	var s stateSums
	err = e.db.Get(ctx, &s, "SELECT rows, checksum, unknowns, unknown_keys FROM "+e.table("sync_state_sums")+" WHERE sync_id = ? AND parts = ? LIMIT 1", syncID, parts)
	if errors.Is(err, warehouse.ErrNoRows) {
		return parts, nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("looking for the state's sums: %w", err)
	}
	return parts, &s, nil
}
