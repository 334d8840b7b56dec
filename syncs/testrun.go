package syncs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/warehouse"
)

// TriggerTest is the trigger of a run that sends a few rows, for a person to
// look at. It removes nobody, no guard holds it, and it counts neither as the
// sync's first run nor as one that took what changed.
const TriggerTest = "test"

// MaxTestRows bounds what a test sends.
const MaxTestRows = 10

// asideTriggers are those of runs that leave the rest to be done.
const asideTriggers = "('withdrawal', 'erasure', 'test', 'adopt')"

// TestRows says which rows a test sends: those of Keys, changed or not, or else
// the first Rows of the difference.
type TestRows struct {
	Keys []string
	Rows int
}

// TestError is a test that can't be: what to ask for instead.
type TestError struct{ Words string }

// Error implements error.
func (t *TestError) Error() string { return t.Words }

// TestKey is what became of a key that a test was to send.
type TestKey struct {
	Key string `json:"key"`
	// State is planned, not_selected, or why the row is left out.
	State string `json:"state"`
}

// tests are the rows of the tests that this process plans. Keys may be personal,
// so nothing else keeps them: a test whose process dies before its plan is over.
type tests struct {
	sync.Mutex
	rows map[string]TestRows
}

func (t *tests) of(runID string) (TestRows, bool) {
	t.Lock()
	defer t.Unlock()
	rows, ok := t.rows[runID]
	return rows, ok
}

func (t *tests) set(runID string, rows TestRows) (forget func()) {
	t.Lock()
	defer t.Unlock()
	if t.rows == nil {
		t.rows = map[string]TestRows{}
	}
	t.rows[runID] = rows
	return func() {
		t.Lock()
		defer t.Unlock()
		delete(t.rows, runID)
	}
}

// Test starts a run of at most ten rows and returns when its plan is made; it is
// delivered as every run is, through the ledger, so the next run knows what the
// destination holds. A paused sync can be tested. Errors: ErrNotFound,
// *TestError, *RestoredError, *OpenRunError (a held run too).
func (e *Engine) Test(ctx context.Context, syncName string, rows TestRows, actor string) (Run, []TestKey, error) {
	if s := e.o.Project().Sync(syncName); s != nil && s.Forwards() {
		return Run{}, nil, &TestError{"a sync in mode append sends each event once, so there are no test rows of it; use a dry run"}
	}
	slices.Sort(rows.Keys)
	rows.Keys = slices.Compact(rows.Keys)
	if n := len(rows.Keys) + rows.Rows; n < 1 || n > MaxTestRows || (len(rows.Keys) > 0 && rows.Rows > 0) {
		return Run{}, nil, &TestError{fmt.Sprintf("a test sends the rows of 1 to %d keys, or the first 1 to %d rows of the difference", MaxTestRows, MaxTestRows)}
	}
	id := uuid.Must(uuid.NewV7()).String()
	defer e.tests.set(id, rows)() // before anybody can find the run
	r, err := e.start(ctx, syncName, StartOptions{Trigger: TriggerTest, Actor: actor, RunID: id})
	if err != nil {
		return Run{}, nil, fmt.Errorf("testing sync %s: %w", syncName, err)
	}
	for r.State == Queued || r.State == Planning {
		var later *Later
		switch err := e.Plan(ctx, r.ID); {
		case errors.As(err, &later):
			err = pause(ctx, max(later.At.Sub(e.now()), 50*time.Millisecond))
			if err != nil {
				return *r, nil, err
			}
		case err != nil:
			return *r, nil, err
		}
		if r, err = e.run(ctx, r.ID); err != nil {
			return Run{}, nil, err
		}
	}
	keys, err := e.testKeys(ctx, r, rows.Keys)
	return *r, keys, err
}

// testKeys tells what became of each key.
func (e *Engine) testKeys(ctx context.Context, r *Run, keys []string) ([]TestKey, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var found []struct {
		Key    string `ch:"key"`
		Reason string `ch:"reason"`
	}
	err := e.db.Select(ctx, &found, "SELECT key, toString(reason) AS reason FROM "+e.table("sync_snapshot_rows")+" WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND key IN ({keys:Array(String)})",
		warehouse.P{"sync_id": r.SyncID, "version": r.Counts["snapshot"], "keys": keys})
	if err != nil {
		return nil, fmt.Errorf("looking for the test's keys: %w", err)
	}
	out := make([]TestKey, len(keys))
	for i, k := range keys {
		out[i] = TestKey{Key: k, State: "not_selected"}
		for _, f := range found {
			if f.Key == k {
				out[i].State = f.Reason
				if f.Reason == "" {
					out[i].State = "planned"
				}
			}
		}
	}
	return out, nil
}

// limitTo narrows the statement of a plan to a test's rows.
func (d *draft) limitTo(fill map[string]string, params warehouse.P) {
	fill["only"], fill["limit"] = "", ""
	switch {
	case d.test == nil:
	case len(d.test.Keys) > 0:
		fill["only"] = "AND key IN ({only:Array(String)})"
		params["only"], params["full"], params["removes"] = d.test.Keys, true, false
	default:
		fill["limit"] = fmt.Sprintf("ORDER BY row_no LIMIT %d", d.test.Rows)
		params["removes"] = false
	}
}

// countTest accounts for the selection: what isn't tested is left out by name.
func (e *Engine) countTest(ctx context.Context, d *draft, plan string) error {
	var planned uint64
	if err := e.db.Get(ctx, &planned, "SELECT count() FROM "+plan); err != nil {
		return fmt.Errorf("counting the test's rows: %w", err)
	}
	d.counts["unchanged"], d.counts["left_out.not_tested"] = 0, d.snap.rowsIn-planned
	return nil
}

// orphan ends a run that only the process which started it could plan.
func (e *Engine) orphan(ctx context.Context, r *Run) error {
	if e.now().Sub(r.At) < time.Minute && !e.db.Embedded() {
		return &Later{At: e.now().Add(time.Second), Reason: "another process plans it"}
	}
	err := e.move(ctx, r, Discarded, func(next *Run) { next.Reason = "the process that started it died; start it again" })
	if errors.Is(err, ErrMoved) {
		return nil
	}
	return err
}
