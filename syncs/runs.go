package syncs

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/jobs"
)

// StartOptions of a run.
type StartOptions struct {
	DryRun  bool
	Full    bool   // send everything again, on purpose
	Trigger string // schedule, change, api, cli, person
	Actor   string
	// RunID makes starting repeatable: a run of that id that is there already
	// is returned as it is.
	RunID string

	erasure, syncID string // of StartErasure
}

// TriggerWithdrawal is the trigger of a run that only takes out people whose
// consent was withdrawn or who are suppressed. No guard holds it, and it runs
// beside a held plan and in a paused sync.
const TriggerWithdrawal = "withdrawal"

// ErrPaused is returned for a sync that is paused.
var ErrPaused = errors.New("the sync is paused")

// ErrAppendOnce is returned for a full run of a sync that appends what happened.
var ErrAppendOnce = errors.New("a sync in mode append sends each event once, so nothing can be sent again; since: takes in older ones")

// OpenRunError is a sync whose newest run isn't over.
type OpenRunError struct{ Run Run }

// Error names the run.
func (o *OpenRunError) Error() string {
	return fmt.Sprintf("run %s is still %s", o.Run.ID, o.Run.State)
}

// Start queues a run. Errors: ErrNotFound, ErrPaused, *RestoredError, *OpenRunError. A held run
// is superseded by one that isn't dry.
func (e *Engine) Start(ctx context.Context, syncName string, o StartOptions) (Run, error) {
	if o.RunID != "" {
		if r, err := e.run(ctx, o.RunID); err == nil {
			return *r, nil
		} else if !errors.Is(err, ErrNotFound) {
			return Run{}, err
		}
	}
	r, err := e.start(ctx, syncName, o)
	if err != nil {
		return Run{}, fmt.Errorf("starting sync %s: %w", syncName, err)
	}
	e.enqueue(ctx, TaskPlan, r.ID)
	return *r, nil
}

func (e *Engine) start(ctx context.Context, syncName string, o StartOptions) (*Run, error) {
	def, err := e.definition(ctx, syncName)
	if o.erasure != "" {
		def, err = e.definitionByID(ctx, o.syncID)
	}
	if err != nil {
		return nil, err
	}
	s := e.o.Project().Sync(syncName)
	if o.Trigger == "change" && !o.DryRun && s != nil && onlyWithdrawals(s, *def) {
		o.Trigger = TriggerWithdrawal
	}
	if paused := def.Paused || s != nil && s.Paused; paused && !o.DryRun && !passesHeld(o.Trigger) && o.Trigger != TriggerTest && o.Trigger != TriggerAdopt {
		return nil, ErrPaused
	}
	if !o.DryRun && o.Trigger != TriggerAdopt { // which sends nothing, and is how a restored ledger catches up
		if err := e.mayLeave(ctx, def.SyncID); err != nil {
			return nil, err
		}
	}
	if err := e.makeRoom(ctx, def.SyncID, o.DryRun || passesHeld(o.Trigger), o.Trigger == TriggerTest || o.Trigger == TriggerAdopt); err != nil {
		return nil, err
	}
	var next uint64
	if err := e.db.Get(ctx, &next, "SELECT max(run_no) + 1 FROM "+e.table("sync_runs")+" WHERE sync_id = ?", def.SyncID); err != nil {
		return nil, fmt.Errorf("numbering the run: %w", err)
	}
	no, err := jobs.ClaimNext(ctx, e.db, "run:"+def.SyncID, next, e.o.Worker)
	if err != nil {
		return nil, fmt.Errorf("numbering the run: %w", err)
	}
	if o.Full && s != nil && s.Forwards() {
		return nil, ErrAppendOnce
	}
	r := &Run{SyncID: def.SyncID, No: no, ID: o.RunID, Seq: 1, State: Queued, At: e.now(), Trigger: o.Trigger, Actor: o.Actor,
		DryRun: o.DryRun, Full: o.Full, DefinitionHash: def.Hash, InputVersions: map[string]string{}, Counts: map[string]uint64{}, Timings: map[string]uint64{}}
	if r.ID == "" {
		r.ID = uuid.Must(uuid.NewV7()).String()
	}
	if o.erasure != "" {
		r.InputVersions[erasureInput] = o.erasure
	}
	if o.Full {
		r.FullReason = "asked for"
	}
	if err := e.append(ctx, r); err != nil {
		return nil, err
	}
	// Whoever sees another open run gives way: of two that started at once at
	// least one sees the other.
	open, err := e.openRuns(ctx, def.SyncID)
	if err != nil {
		return nil, err
	}
	for _, other := range open {
		if other.ID == r.ID || r.DryRun || other.DryRun || (other.State == Held && passesHeld(r.Trigger)) {
			continue
		}
		if err := e.move(ctx, r, Discarded, func(n *Run) { n.Reason = "another run started at the same time" }); err != nil && !errors.Is(err, ErrMoved) {
			return nil, err
		}
		return nil, &OpenRunError{Run: other}
	}
	return r, nil
}

// makeRoom refuses a start while a run is open, and discards a held one unless
// the new run goes on beside it, or is one for which nobody's review is thrown away.
func (e *Engine) makeRoom(ctx context.Context, syncID string, beside, keepsHeld bool) error {
	open, err := e.openRuns(ctx, syncID)
	if err != nil {
		return err
	}
	for i := range open {
		other := &open[i]
		if other.State == Held && keepsHeld {
			return &OpenRunError{Run: *other}
		}
		if beside && (other.State == Held || other.DryRun) {
			continue
		}
		if other.State != Held {
			return &OpenRunError{Run: *other}
		}
		err := e.move(ctx, other, Discarded, func(next *Run) { next.Reason = Superseded })
		if err != nil && !errors.Is(err, ErrMoved) {
			return err
		}
		if !other.Over() {
			return &OpenRunError{Run: *other}
		}
	}
	return nil
}
