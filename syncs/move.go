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

// errMoved says that another process took the run a step further meanwhile, or is about to.
var errMoved = errors.New("the run moved on meanwhile")

const (
	// stepFor is how long a claimed step may take to be written: its writer gives
	// up long before, and others go past a claim only after.
	stepFor   = 30 * time.Second
	stepTries = 8
)

// move takes the run to a state by one claimed transition; change fills in
// what comes with it. errMoved: another process was first, r is what it made.
func (e *Engine) move(ctx context.Context, r *Run, to State, change func(*Run)) error {
	if !r.State.CanBecome(to) {
		return &TransitionError{From: r.State, To: to}
	}
	s := claimedStep{Engine: e, scope: "run-seq:" + r.ID, begun: time.Now()}
	defer s.end()
	seq, err := s.claim(ctx, r)
	if errors.Is(err, errMoved) {
		newest, err := e.run(ctx, r.ID)
		if err != nil {
			return err
		}
		*r = *newest
		return errMoved
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
	if time.Since(s.begun) > stepFor/2 {
		return fmt.Errorf("moving run %s to %s: the warehouse took too long to give the step", r.ID, to)
	}
	write, cancel := context.WithDeadline(ctx, s.begun.Add(stepFor))
	defer cancel()
	if err := e.append(write, &next); err != nil {
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
}

func (s *claimedStep) claim(ctx context.Context, r *Run) (uint64, error) {
	number := uint64(r.Seq) + 1
	for try := range stepTries {
		won, err := s.take(ctx, number)
		if err != nil {
			return 0, err
		}
		if won && try == 0 {
			return number, nil
		}
		newest, err := s.run(ctx, r.ID)
		if err != nil {
			return 0, err
		}
		if newest.Seq != r.Seq {
			return 0, errMoved
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
		if won && free {
			return number, nil
		}
		if err := s.lose(ctx); err != nil {
			return 0, err
		}
		if won {
			return 0, errMoved // it is about to
		}
		// Claimants in step would collide again; a random pause sets them apart.
		pause := time.NewTimer(rand.N(time.Duration(try+1) * 20 * time.Millisecond))
		select {
		case <-ctx.Done():
			pause.Stop()
			return 0, ctx.Err()
		case <-pause.C:
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
	if c.Released {
		return true
	}
	if living, ours := ofThisProcess(c); ours {
		return !living
	}
	return s.db.Embedded() || time.Duration(c.AgeMs)*time.Millisecond > stepFor
}

// lose says that nothing will be written under the newest claim, so that nobody waits for it.
func (s *claimedStep) lose(ctx context.Context) error {
	claim := s.claims[len(s.claims)-1]
	return s.insert(ctx, "jobs_claims", []string{"scope", "number", "claim", "worker"},
		[][]any{{"lost:" + s.scope, uint64(0), claim, s.worker()}}, "lost:"+claim.String())
}

func (s *claimedStep) end() {
	liveClaims.Lock()
	defer liveClaims.Unlock()
	for _, c := range s.claims {
		delete(liveClaims.active, c)
	}
}
