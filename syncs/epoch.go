package syncs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/warehouse"
)

// The states of an epoch's rows.
const (
	epochRestored = "restored"
	epochReleased = "released"
)

// markMemory is for how long a mark means something: the ledger keeps intents
// for 400 days (sql/schema/0004_ledger.sql).
const markMemory = 399 * 24 * time.Hour

// Epoch is one time that the ledger turned out to be behind its destinations.
type Epoch struct {
	ID     string    `json:"id" ch:"epoch"`
	At     time.Time `json:"at" ch:"at"`
	Reason string    `json:"reason" ch:"reason"`
	Actor  string    `json:"actor" ch:"actor"`
	// Released are the names of the syncs that a person let go on; "*" is all.
	Released []string `json:"released" ch:"released"`
}

// Over reports whether no sync is held by it any more.
func (p Epoch) Over() bool {
	for _, name := range p.Released {
		if name == "*" {
			return true
		}
	}
	return false
}

// RestoredError is a sync that sends nothing because the ledger is behind what
// its destination holds, until a person releases it.
type RestoredError struct{ Epoch Epoch }

// Error says why.
func (r *RestoredError) Error() string {
	return "restored: " + r.Epoch.Reason
}

var epochColumns = []string{"epoch", "state", "sync_id", "mark", "mark_at", "reason", "actor", "at"}

// CheckMarks compares what the places outside of the ledger remember with what
// the ledger holds. Where one remembers an intent that isn't there, the ledger
// was restored from a backup, or is a new one: every sync is held from then on.
// It is called at start, every few seconds, and before anything is sent.
func (e *Engine) CheckMarks(ctx context.Context) error {
	for _, place := range e.o.Marks {
		m, ok, err := place.Mark(ctx)
		if err != nil {
			e.o.Log.Warn("the ledger's mark can't be read; a restore from a backup may go unnoticed", "place", place.Name(), "error", err)
			continue
		}
		if !ok || e.now().Sub(m.At) > markMemory {
			continue
		}
		if err := e.checkMark(ctx, place, m); err != nil {
			return fmt.Errorf("comparing the ledger with the mark in %s: %w", place.Name(), err)
		}
	}
	return nil
}

func (e *Engine) checkMark(ctx context.Context, place MarkStore, m Mark) error {
	var found struct {
		Known bool `ch:"known"`
		Seen  bool `ch:"seen"`
	}
	err := e.db.Get(ctx, &found, "SELECT (SELECT count() FROM "+e.table("sync_intents")+" WHERE sync_id = ? AND run_no = ? AND plan_id = ? AND batch_no = ? AND part = ? AND attempt = ?) > 0 AS known,"+
		" (SELECT count() FROM "+e.table("ledger_epochs")+" WHERE state = 'restored' AND (mark = ? OR at >= ?)) > 0 AS seen",
		m.SyncID, m.RunNo, m.PlanID, m.BatchNo, m.Part, m.Attempt, m.text(), m.At)
	if err != nil {
		return err
	}
	if found.Known || found.Seen { // seen: it is of the ledger that was given up when that restore was noticed
		return nil
	}
	reason := fmt.Sprintf("%s remembers a request of %s that this ledger doesn't hold: it was restored from a backup, or is a new one, and doesn't know what was sent since",
		place.Name(), m.At.UTC().Format("2006-01-02 15:04:05 UTC"))
	e.o.Log.Error("the ledger is behind its destinations; every sync is held until a person releases it", "place", place.Name(), "mark_at", m.At)
	return e.openEpoch(ctx, m.text(), m.At, reason, "ledger")
}

// openEpoch holds every sync. The epoch's id is made from the mark, so that
// processes that notice at once write one.
func (e *Engine) openEpoch(ctx context.Context, mark string, markAt time.Time, reason, actor string) error {
	id := uuid.NewSHA1(syncNamespace, []byte("epoch\x00"+mark)).String()
	if err := e.audit(ctx, actor, "ledger.restored", id, reason); err != nil {
		return err
	}
	err := e.insert(ctx, "ledger_epochs", epochColumns, [][]any{{id, epochRestored, "", mark, markAt, reason, actor, e.now()}}, "epoch:"+id)
	if err != nil {
		return fmt.Errorf("holding all syncs: %w", err)
	}
	return nil
}

// DeclareRestore holds every sync as if the restore had been noticed: for a
// person who put a backup back where nothing outside of it remembers.
func (e *Engine) DeclareRestore(ctx context.Context, actor, reason string) error {
	words := "somebody said that the ledger was restored from a backup"
	if reason != "" {
		words += ": " + reason
	}
	return e.openEpoch(ctx, "declared/"+uuid.NewString(), e.now(), words, actor)
}

// Epochs lists the restores that were noticed, the newest first.
func (e *Engine) Epochs(ctx context.Context) ([]Epoch, error) {
	var out []Epoch
	err := e.db.Select(ctx, &out, "SELECT r.epoch AS epoch, min(r.at) AS at, any(r.reason) AS reason, any(r.actor) AS actor,"+
		" arrayFilter(n -> n != '', groupUniqArray(multiIf(l.epoch = '', '', l.sync_id = '', '*', d.name))) AS released"+
		" FROM (SELECT * FROM "+e.table("ledger_epochs")+" WHERE state = 'restored') AS r"+
		" LEFT JOIN (SELECT epoch, sync_id FROM "+e.table("ledger_epochs")+" WHERE state = 'released') AS l ON r.epoch = l.epoch"+
		" LEFT JOIN (SELECT sync_id, name FROM "+e.table("sync_definitions")+" FINAL) AS d ON l.sync_id = d.sync_id"+
		" GROUP BY r.epoch ORDER BY at DESC SETTINGS join_use_nulls = 0")
	if err != nil {
		return nil, fmt.Errorf("reading the ledger's epochs: %w", err)
	}
	return out, nil
}

// restored returns a *RestoredError while a sync is held by an epoch.
func (e *Engine) restored(ctx context.Context, syncID string) error {
	var p Epoch
	err := e.db.Get(ctx, &p, "SELECT epoch, at, reason, actor, CAST([], 'Array(String)') AS released FROM "+e.table("ledger_epochs")+
		" WHERE state = 'restored' AND epoch NOT IN (SELECT epoch FROM "+e.table("ledger_epochs")+
		" WHERE state = 'released' AND sync_id IN ('', ?)) ORDER BY at DESC LIMIT 1", syncID)
	if errors.Is(err, warehouse.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking whether the ledger was restored: %w", err)
	}
	return &RestoredError{Epoch: p}
}

// mayLeave is the last door before requests: it compares the marks, and refuses
// a sync that is held by an epoch.
func (e *Engine) mayLeave(ctx context.Context, syncID string) error {
	if err := e.CheckMarks(ctx); err != nil {
		return err
	}
	return e.restored(ctx, syncID)
}

// Restored tells why a sync sends nothing since the ledger was restored, or "".
func (e *Engine) Restored(ctx context.Context, syncID string) (string, error) {
	err := e.restored(ctx, syncID)
	var held *RestoredError
	if errors.As(err, &held) {
		return held.Epoch.Reason, nil
	}
	return "", err
}

// Release lets a sync send again after a restore; "" is all of them. Returned
// are how many epochs held it.
func (e *Engine) Release(ctx context.Context, syncName, actor, reason string) (int, error) {
	syncID := ""
	if syncName != "" {
		d, err := e.definition(ctx, syncName)
		if err != nil {
			return 0, err
		}
		syncID = d.SyncID
	}
	var open []string
	err := e.db.Select(ctx, &open, "SELECT DISTINCT epoch FROM "+e.table("ledger_epochs")+" WHERE state = 'restored' AND epoch NOT IN (SELECT epoch FROM "+
		e.table("ledger_epochs")+" WHERE state = 'released' AND sync_id IN ('', ?)) ORDER BY epoch", syncID)
	if err != nil {
		return 0, fmt.Errorf("reading what holds the syncs: %w", err)
	}
	if len(open) == 0 {
		return 0, nil
	}
	object := syncID
	if object == "" {
		object = "all syncs"
	}
	if err := e.audit(ctx, actor, "ledger.release", object, reason); err != nil {
		return 0, err
	}
	rows := make([][]any, len(open))
	for i, id := range open {
		rows[i] = []any{id, epochReleased, syncID, "", time.Unix(0, 0).UTC(), reason, actor, e.now()}
	}
	if err := e.insert(ctx, "ledger_epochs", epochColumns, rows, "release:"+uuid.NewString()); err != nil {
		return 0, fmt.Errorf("releasing: %w", err)
	}
	return len(open), nil
}
