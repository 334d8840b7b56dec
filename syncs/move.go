package syncs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/jobs"
)

// ErrMoved says that somebody else took the run a step further meanwhile, or is
// about to: look at it again.
var ErrMoved = errors.New("the run moved on meanwhile")

// errStepTooSlow is a step that was claimed too long ago to be written.
var errStepTooSlow = errors.New("the warehouse took too long to give the step")

const (
	// stepFor is how long a claimed step may take to be written: its writer gives
	// up then, and others go past a claim only after twice that.
	stepFor   = 30 * time.Second
	stepTries = 8
)

// move takes the run to a state by one claimed transition; change fills in
// what comes with it. ErrMoved: another process was first, r is what it made.
func (e *Engine) move(ctx context.Context, r *Run, to State, change func(*Run)) error {
	if !r.State.CanBecome(to) {
		return &TransitionError{From: r.State, To: to}
	}
	s := claimedStep{Engine: e, scope: "run-seq:" + r.ID, begun: time.Now()}
	defer s.end()
	seq, err := s.claim(ctx, r)
	if errors.Is(err, ErrMoved) {
		newest, err := e.run(ctx, r.ID)
		if err != nil {
			return err
		}
		*r = *newest
		return ErrMoved
	}
	if err != nil {
		return fmt.Errorf("moving run %s to %s: %w", r.ID, to, err)
	}
	next := *r
	next.InputVersions, next.Counts, next.Timings = maps.Clone(r.InputVersions), maps.Clone(r.Counts), maps.Clone(r.Timings)
	next.Seq, next.State, next.At = uint32(seq), to, e.now()
	if change != nil {
		change(&next)
	}
	if elapsed(s.begun) > stepFor/2 {
		s.lose(ctx)
		return fmt.Errorf("moving run %s to %s: %w", r.ID, to, errStepTooSlow)
	}
	write, cancel := context.WithDeadline(ctx, s.begun.Add(stepFor))
	defer cancel()
	if err := e.append(write, &next); err != nil {
		s.unsure = true
		return fmt.Errorf("moving run %s to %s: %w", r.ID, to, err)
	}
	*r = next
	return nil
}

// claimedStep is one attempt to take a run further. Who claims the number after the
// newest transition is alone: nobody has gone on from there, or ever will.
// Others that want to go on from there claim a higher number, and may use it
// only when nobody with a lower one can still write.
type claimedStep struct {
	*Engine
	scope  string
	begun  time.Time
	claims []uuid.UUID
	unsure bool // whether what was written may still arrive
}

func (s *claimedStep) claim(ctx context.Context, r *Run) (seq uint64, err error) {
	defer func() {
		if err != nil {
			s.lose(ctx)
		}
	}()
	number := uint64(r.Seq) + 1
	for try := range stepTries {
		won, err := s.take(ctx, number)
		if err != nil {
			return 0, err
		}
		if won && try == 0 {
			return number, nil
		}
		var highest uint64
		var others []claimRow
		if err := s.db.Select(ctx, &others, "SELECT number, claim, worker, toInt64(dateDiff('millisecond', claimed_at, now64(3))) AS age_ms, "+
			"claim IN (SELECT claim FROM "+s.table("jobs_claims")+" WHERE scope = ?) AS released FROM "+s.table("jobs_claims")+
			" WHERE scope = ? AND number > ?", "lost:"+s.scope, s.scope, uint64(r.Seq)); err != nil {
			return 0, fmt.Errorf("reading claims of steps: %w", err)
		}
		free := true
		for _, c := range others {
			highest = max(highest, c.Number)
			free = free && (c.Number >= number || slices.Contains(s.claims, c.Claim) || s.over(c))
		}
		// Only now: who was seen to have ended above has written what it had to write.
		newest, err := s.run(ctx, r.ID)
		if err != nil {
			return 0, err
		}
		if newest.Seq != r.Seq || won && !free { // it moved, or is about to
			return 0, ErrMoved
		}
		if won {
			return number, nil
		}
		s.lose(ctx)
		// Claimants in step would collide again; a random pause sets them apart.
		if err := pause(ctx, rand.N(time.Duration(try+1)*20*time.Millisecond)); err != nil {
			return 0, err
		}
		number = highest + 1
	}
	return 0, jobs.ErrContended
}

// take claims a number; who loses doesn't write under it.
func (s *claimedStep) take(ctx context.Context, number uint64) (bool, error) {
	id := uuid.New()
	s.claims = append(s.claims, id)
	liveClaims.Lock()
	liveClaims.active[id] = true
	liveClaims.Unlock()
	return jobs.ClaimAs(ctx, s.db, s.scope, number, s.worker(), id)
}

// over reports a claim under which nothing can be written any more.
func (s *claimedStep) over(c claimRow) bool {
	if c.Released || time.Duration(c.AgeMs)*time.Millisecond > 2*stepFor {
		return true
	}
	if living, ours := ofThisProcess(c); ours {
		return !living
	}
	return s.db.Embedded()
}

// lose says that nothing will be written under the newest claim, so that nobody waits for it until it is old.
func (s *claimedStep) lose(ctx context.Context) {
	claim := s.claims[len(s.claims)-1]
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepFor/2)
	defer cancel()
	err := s.insert(ctx, "jobs_claims", []string{"scope", "number", "claim", "worker"},
		[][]any{{"lost:" + s.scope, uint64(0), claim, s.worker()}}, "lost:"+claim.String())
	if err != nil {
		s.o.Log.Warn("a claim on a run's next step wasn't given up; others wait until it is old", "step", s.scope, "error", err)
	}
}

// end gives up this process's claims. A server may still do what it was asked
// for though nobody waits for the answer, so that claim only grows old.
func (s *claimedStep) end() {
	if s.unsure && !s.db.Embedded() {
		return
	}
	liveClaims.Lock()
	defer liveClaims.Unlock()
	for _, c := range s.claims {
		delete(liveClaims.active, c)
	}
}
