package syncs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Mark names the newest intent that a process wrote. Whoever holds a mark that
// the ledger doesn't know has seen a newer ledger: this one is an old copy.
// It names no person.
type Mark struct {
	SyncID  string    `json:"sync_id"`
	RunNo   uint64    `json:"run_no"`
	PlanID  string    `json:"plan_id"`
	BatchNo uint32    `json:"batch_no"`
	Part    string    `json:"part"`
	Attempt uint32    `json:"attempt"`
	At      time.Time `json:"at"`
}

// text is the mark as the ledger's epochs keep it.
func (m Mark) text() string {
	return fmt.Sprintf("%s/%d/%s/%d", m.PlanID, m.BatchNo, m.Part, m.Attempt)
}

// MarkStore keeps the newest mark in a place that isn't restored together with
// the ledger. One that has forgotten it (a flushed Redis, a new folder) says
// ok = false: what is missing isn't behind.
type MarkStore interface {
	Name() string
	Mark(ctx context.Context) (m Mark, ok bool, err error)
	SetMark(ctx context.Context, m Mark) error
}

// FileMark is a mark in a file.
type FileMark struct{ Path string }

// Name implements MarkStore.
func (f FileMark) Name() string { return f.Path }

// Mark implements MarkStore.
func (f FileMark) Mark(context.Context) (m Mark, ok bool, err error) {
	raw, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("reading the ledger's mark: %w", err)
	}
	return ParseMark(raw)
}

// SetMark implements MarkStore: the file is replaced as a whole.
func (f FileMark) SetMark(_ context.Context, m Mark) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing the ledger's mark: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(f.Path), ".mark-*")
	if err != nil {
		return fmt.Errorf("writing the ledger's mark: %w", err)
	}
	_, err = temp.Write(raw)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), f.Path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the ledger's mark: %w", err), os.Remove(temp.Name()))
	}
	return nil
}

// ParseMark reads what SetMark wrote. A mark that a power failure tore is no
// mark: ok is false.
func ParseMark(raw []byte) (m Mark, ok bool, err error) {
	if json.Unmarshal(raw, &m) != nil || m.PlanID == "" {
		return Mark{}, false, nil
	}
	return m, true, nil
}

// setMarks remembers the newest of the intents that were just written, before
// any of them is sent. A place that can't be reached is told and passed over:
// the others know.
func (d *delivery) setMarks(ctx context.Context, intents [][]any) {
	if len(d.o.Marks) == 0 || len(intents) == 0 {
		return
	}
	m, err := d.markOf(intents[len(intents)-1])
	if err != nil {
		d.o.Log.Error("the ledger's mark wasn't kept; a restore from a backup may go unnoticed", "error", err)
		return
	}
	for _, place := range d.o.Marks {
		if err := place.SetMark(ctx, m); err != nil {
			d.o.Log.Warn("the ledger's mark wasn't kept; a restore from a backup may go unnoticed", "place", place.Name(), "error", err)
		}
	}
}

// markOf is the mark of one row of sync_intents.
func (d *delivery) markOf(row []any) (Mark, error) {
	m := Mark{SyncID: d.run.SyncID, RunNo: d.run.No, PlanID: d.run.PlanID}
	if len(row) != 13 {
		return m, fmt.Errorf("an intent of %d columns, not 13", len(row))
	}
	var whole [4]bool
	m.BatchNo, whole[0] = row[3].(uint32)
	m.Part, whole[1] = row[4].(string)
	m.Attempt, whole[2] = row[5].(uint32)
	m.At, whole[3] = row[12].(time.Time)
	if whole != [4]bool{true, true, true, true} {
		return m, fmt.Errorf("an intent of other types: %T, %T, %T, %T", row[3], row[4], row[5], row[12])
	}
	return m, nil
}
