package syncs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// delivery is one slice of a run's delivery in one worker.
type delivery struct {
	*Engine
	job   *job
	run   *Run
	claim *sliceClaim

	intents  *groupCommit
	outcomes *groupCommit
	busy     atomic.Int64 // workers that may commit soon

	mu        sync.Mutex
	later     time.Time // do nothing before
	laterWhy  string
	stop      string // why the run stops early
	failed    error
	failures  int // unknown answers in a row
	exchanges [][]any
	checked   time.Time

	permissions uint64 // as they were when the lot was checked; set between lots
	page        []batch
}

// Deliver sends a slice of a run's batches, at most Options.Slice long. It is
// idempotent, and several workers may call it at once. Errors: *Later says when
// to call again; any other error leaves all to the next call.
func (e *Engine) Deliver(ctx context.Context, runID string) error {
	if destination, waits := e.turns.waits(runID); waits {
		return e.noTurn(destination)
	}
	r, err := e.run(ctx, runID)
	if err != nil {
		return err
	}
	if r.State != Delivering {
		return nil
	}
	if newest, err := e.newestOpen(ctx, r.SyncID); err != nil {
		return err
	} else if passesHeld(newest.Trigger) && newest.No > r.No {
		return &Later{At: e.now().Add(time.Second), Reason: "withdrawals go first"}
	} else if newest.No != r.No {
		return e.close(ctx, r, fmt.Sprintf("run %d is newer", newest.No))
	}
	if err := e.mayLeave(ctx, r.SyncID); err != nil {
		var held *RestoredError
		if errors.As(err, &held) { // what it planned may have been sent since the backup
			return e.close(ctx, r, err.Error())
		}
		return err
	}
	j, err := e.resolve(ctx, r)
	if err != nil {
		return e.close(ctx, r, err.Error())
	}
	leave, ok := e.turns.enter(runID, j.sync.Destination)
	if !ok {
		return e.noTurn(j.sync.Destination)
	}
	defer leave()
	d := &delivery{Engine: e, job: j, run: r, claim: e.openClaim(r.PlanID)}
	defer e.release(context.WithoutCancel(ctx), d.claim)
	defer e.signs(ctx, d.claim)()
	busy := func() bool { return d.busy.Load() <= 0 }
	d.intents = newGroupCommit(func(rows [][]any) error { return d.writeIntents(ctx, rows) }, busy)
	d.outcomes = newGroupCommit(func(rows [][]any) error { return d.write(ctx, "sync_outcomes", outcomeColumns, rows) }, busy)
	done, err := d.slice(ctx)
	d.intents.close()
	d.outcomes.close()
	d.writeExchanges(context.WithoutCancel(ctx))
	var tampered *DigestError
	switch {
	case errors.As(err, &tampered):
		return e.close(ctx, r, err.Error())
	case err != nil:
		return fmt.Errorf("delivering run %s: %w", runID, err)
	case d.stop != "":
		return e.close(ctx, r, d.stop)
	case done:
		return e.close(ctx, r, "")
	case !d.later.IsZero():
		return &Later{At: d.later, Reason: d.laterWhy}
	}
	return &Later{At: e.now(), Reason: "the slice is over"}
}

func (e *Engine) noTurn(destination string) error {
	return &Later{At: e.now().Add(turnWait), Reason: "destination " + destination + " has its share of this process"}
}

// newestOpen is the sync's newest open run that isn't dry.
func (e *Engine) newestOpen(ctx context.Context, syncID string) (Run, error) {
	open, err := e.openRuns(ctx, syncID)
	if err != nil {
		return Run{}, err
	}
	for _, r := range open {
		if !r.DryRun {
			return r, nil
		}
	}
	return Run{}, nil
}

// close ends the delivery: all is answered, or why says why it stops early.
func (e *Engine) close(ctx context.Context, r *Run, why string) error {
	err := e.move(ctx, r, Finishing, func(next *Run) { next.Reason = why })
	if errors.Is(err, ErrMoved) {
		return nil
	}
	if err != nil {
		return err
	}
	e.enqueue(ctx, TaskFinish, r.ID)
	return nil
}

// write inserts a group. Outcomes of requests that were sent are recorded even
// when the slice is cancelled meanwhile.
func (d *delivery) write(ctx context.Context, table string, columns []string, rows [][]any) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return d.insert(ctx, table, columns, rows, table+":"+d.run.PlanID+":"+contentHash(rows))
}

// errPermissionsMoved stops intents: consent or suppression changed since the lot was checked.
var errPermissionsMoved = errors.New("consent or suppression changed")

// permissions tells apart states of who may be sent.
func permissions(at look) uint64 { return at.of("consents", "suppressions") }

// writeIntents looks once more, for a whole group, whether anything was withdrawn since the lot was checked: what was
// must not leave. Nobody of the group sends before this look and the insert are over.
func (d *delivery) writeIntents(ctx context.Context, rows [][]any) error {
	at, err := d.look(ctx)
	if err != nil {
		return err
	}
	if permissions(at) != d.permissions {
		return errPermissionsMoved
	}
	if err := d.write(ctx, "sync_intents", intentColumns, rows); err != nil {
		return err
	}
	d.setMarks(context.WithoutCancel(ctx), rows)
	return nil
}

// slice works lot after lot; done reports that no batch is left.
func (d *delivery) slice(ctx context.Context) (done bool, err error) {
	end := time.Now().Add(d.o.Slice)
	for after := uint32(0); ; {
		batches, err := d.nextLot(ctx, after)
		if err != nil {
			return false, err
		}
		if len(batches) == 0 {
			if after > 0 {
				d.wait(d.now().Add(time.Second), "other workers have the rest")
			}
			return after == 0, nil
		}
		ours, err := d.Engine.claim(ctx, d.claim, batches)
		if err != nil {
			return false, err
		}
		if len(ours) == 0 {
			after = batches[len(batches)-1].no
			continue
		}
		if err := d.lot(ctx, ours, end); err != nil {
			return false, err
		}
		if d.halted() || time.Now().After(end) {
			return false, nil
		}
	}
}

// lot sends claimed batches, several at once.
func (d *delivery) lot(ctx context.Context, batches []batch, end time.Time) error {
	lot, err := d.load(ctx, d.run, batches)
	if err != nil {
		return err
	}
	at, err := d.look(ctx)
	if err != nil {
		return err
	}
	d.permissions = permissions(at)
	forbidden, err := d.forbidden(ctx, at, d.job, d.run, batches)
	if err != nil {
		return err
	}
	todo := make(chan *loadedBatch)
	var workers sync.WaitGroup
	atOnce := d.o.Concurrency
	if most := d.job.dst.InFlight(); most > 0 {
		atOnce = min(atOnce, most)
	}
	for range min(atOnce, len(lot)) {
		workers.Go(func() {
			for b := range todo {
				d.busy.Add(1)
				err := d.batch(ctx, b, forbidden)
				d.busy.Add(-1)
				if err != nil {
					d.fail(err)
				}
			}
		})
	}
	for _, b := range lot {
		if d.halted() || time.Now().After(end) || ctx.Err() != nil || !d.stillDelivering(ctx) {
			break
		}
		todo <- b
	}
	close(todo)
	workers.Wait()
	if d.failed != nil {
		return d.failed
	}
	return ctx.Err()
}

// stillDelivering looks at most every second whether somebody cancelled the run.
func (d *delivery) stillDelivering(ctx context.Context) bool {
	if now := time.Now(); now.Sub(d.checked) > time.Second {
		d.checked = now
		r, err := d.Engine.run(ctx, d.run.ID)
		if err != nil {
			d.fail(err)
			return false
		}
		if r.State != Delivering {
			d.wait(d.now(), "the run is "+string(r.State))
			return false
		}
	}
	return true
}

func (d *delivery) wait(until time.Time, why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.later.IsZero() || until.After(d.later) {
		d.later, d.laterWhy = until, why
	}
}

func (d *delivery) halt(why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop == "" {
		d.stop = why
	}
}

func (d *delivery) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil {
		d.failed = err
	}
}

func (d *delivery) halted() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stop != "" || d.failed != nil || !d.later.IsZero()
}
