package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/syncs"
)

// redisMark keeps the ledger's mark in Redis.
type redisMark struct{ queue *jobs.Queue }

var _ syncs.MarkStore = redisMark{}

// Name implements syncs.MarkStore.
func (r redisMark) Name() string { return "Redis" }

// Mark implements syncs.MarkStore.
func (r redisMark) Mark(ctx context.Context) (syncs.Mark, bool, error) {
	raw, ok, err := r.queue.Kept(ctx, "mark")
	if err != nil || !ok {
		return syncs.Mark{}, false, err
	}
	return syncs.ParseMark(raw)
}

// SetMark implements syncs.MarkStore.
func (r redisMark) SetMark(ctx context.Context, m syncs.Mark) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing the ledger's mark: %w", err)
	}
	return r.queue.Keep(ctx, "mark", raw)
}

// marks are the places that remember what was sent, outside of the ledger: Redis unless it ends with this process, the
// data folder, and the file that TAILRACE_MARK_FILE names, for those who restore the folder as a whole.
func (a *app) marks() []syncs.MarkStore {
	out := []syncs.MarkStore{syncs.FileMark{Path: filepath.Join(a.cfg.Data, "ledger.mark")}}
	if a.cfg.MarkFile != "" {
		out = append(out, syncs.FileMark{Path: a.cfg.MarkFile})
	}
	if !a.queue.InProcess() {
		out = append(out, redisMark{a.queue})
	}
	return out
}

// watchMarks looks every few seconds whether the ledger was put back to an older state while this process leads.
func (a *app) watchMarks(ctx context.Context) error {
	return every(ctx, 5*time.Second, func() {
		if err := a.syncs.CheckMarks(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("comparing the ledger with its marks", "error", err)
		}
	})
}

// restoredWords is what /readyz and doctor say of a ledger that is behind its destinations, or "".
func (a *app) restoredWords(ctx context.Context) (string, error) {
	epochs, err := a.syncs.Epochs(ctx)
	if err != nil {
		return "", err
	}
	for _, e := range epochs {
		if !e.Over() {
			return "Syncs are held since " + e.At.UTC().Format("2006-01-02 15:04 UTC") + ": " + e.Reason +
				". `tailrace syncs list` shows which; docs/operations.md, Restore, says what to do before `tailrace syncs release`.", nil
		}
	}
	return "", nil
}
