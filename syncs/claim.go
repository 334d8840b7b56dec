package syncs

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// process tells this process's claims from those of others. Of an embedded
// warehouse only one process can be alive, so claims of any other are dead.
var process = uuid.NewString()

// liveClaims are the claims of this process whose slice, or step, still runs.
var liveClaims = struct {
	sync.Mutex
	active map[uuid.UUID]bool
}{active: map[uuid.UUID]bool{}}

// sliceClaim is one slice's claim on batches: every batch that it has carries
// this id, and one row releases them all. On a warehouse that several processes
// share it holds as long as signs of life keep coming.
type sliceClaim struct {
	id    uuid.UUID
	since time.Time
	plan  string

	mu     sync.Mutex
	signed time.Time // when the newest sign that is surely on record was begun
}

func (e *Engine) openClaim(planID string) *sliceClaim {
	c := &sliceClaim{id: uuid.New(), since: e.now(), plan: planID, signed: time.Now()}
	liveClaims.Lock()
	liveClaims.active[c.id] = true
	liveClaims.Unlock()
	return c
}

// signs keeps a claim alive until stop is called. A claim of a process that was
// killed or frozen goes quiet, and after ClaimFor others take its batches.
func (e *Engine) signs(ctx context.Context, c *sliceClaim) (stop func()) {
	if e.db.Embedded() {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(e.o.ClaimFor / 4)
		defer tick.Stop()
		for n := uint64(1); ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			begun := time.Now()
			insert, cancel := context.WithTimeout(ctx, e.o.ClaimFor/2)
			err := e.insert(insert, "jobs_claims", []string{"scope", "number", "claim", "worker"},
				[][]any{{"alive:" + c.plan, n, c.id, e.worker()}}, fmt.Sprintf("alive:%s:%d", c.id, n))
			cancel()
			if err != nil {
				if ctx.Err() == nil {
					e.o.Log.Warn("a claim on batches got no sign of life; it may run out", "plan", c.plan, "error", err)
				}
				continue
			}
			c.mu.Lock()
			if elapsed(c.signed) < e.o.ClaimFor { // a sign that is late may be one for a claim that was taken over
				c.signed = begun
			}
			c.mu.Unlock()
		}
	})
	return func() { cancel(); done.Wait() }
}

// holds reports whether nobody else can have taken the claim's batches: whoever
// does so later finds what is on record by now.
func (e *Engine) holds(c *sliceClaim) bool {
	if e.db.Embedded() {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return elapsed(c.signed) < e.o.ClaimFor
}

// elapsed is the time since a moment by whichever clock says more: one of them
// may have stood still while the machine was paused.
func elapsed(since time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(since), now.Round(0).Sub(since.Round(0)))
}

// release lets other workers take over at once what the slice didn't finish. It
// only saves waiting: an unreleased claim runs out.
func (e *Engine) release(ctx context.Context, c *sliceClaim) {
	err := e.insert(ctx, "jobs_claims", []string{"scope", "number", "claim", "worker"},
		[][]any{{"released:" + c.plan, uint64(0), c.id, e.worker()}}, "release:"+c.id.String())
	if err != nil {
		e.o.Log.Warn("a claim on batches will run out instead of being released", "plan", c.plan, "error", err)
	}
	liveClaims.Lock()
	delete(liveClaims.active, c.id)
	liveClaims.Unlock()
}

func (e *Engine) worker() string { return e.o.Worker + "/" + process }

type claimRow struct {
	Number   uint64    `ch:"number"`
	Claim    uuid.UUID `ch:"claim"`
	Worker   string    `ch:"worker"`
	AgeMs    int64     `ch:"age_ms"`
	Released bool      `ch:"released"`
}

// claims reads the living claims on batches from the warehouse, by its clock.
func (e *Engine) claims(ctx context.Context, c *sliceClaim, batches []batch) (map[uint32][]claimRow, error) {
	var rows []claimRow
	err := e.db.Select(ctx, &rows, "SELECT c.number AS number, c.claim AS claim, c.worker AS worker, "+
		"toInt64(dateDiff('millisecond', greatest(c.claimed_at, s.at), now64(3))) AS age_ms, s.released AS released "+
		"FROM (SELECT number, claim, worker, claimed_at FROM "+e.table("jobs_claims")+" WHERE scope = ? AND number BETWEEN ? AND ?) AS c "+
		"LEFT JOIN (SELECT claim, max(claimed_at) AS at, max(scope = ?) AS released FROM "+e.table("jobs_claims")+
		" WHERE scope IN (?, ?) GROUP BY claim) AS s ON s.claim = c.claim SETTINGS join_use_nulls = 0",
		"batches:"+c.plan, uint64(batches[0].no), uint64(batches[len(batches)-1].no), "released:"+c.plan, "released:"+c.plan, "alive:"+c.plan)
	if err != nil {
		return nil, fmt.Errorf("reading claims on batches: %w", err)
	}
	out := map[uint32][]claimRow{}
	for _, r := range rows {
		if r.Claim == c.id || !e.dead(r) {
			out[uint32(r.Number)] = append(out[uint32(r.Number)], r)
		}
	}
	return out, nil
}

// dead reports a claim that nobody acts on any more.
func (e *Engine) dead(r claimRow) bool {
	if r.Released {
		return true
	}
	if living, ours := ofThisProcess(r); ours {
		return !living
	}
	return e.db.Embedded() || time.Duration(r.AgeMs)*time.Millisecond > e.o.ClaimFor
}

// ofThisProcess reports whether a claim is one of ours, and if so whether anybody acts on it.
func ofThisProcess(r claimRow) (living, ours bool) {
	if _, owner, _ := strings.Cut(r.Worker, "/"); owner != process {
		return false, false
	}
	liveClaims.Lock()
	defer liveClaims.Unlock()
	return liveClaims.active[r.Claim], true
}

// claim takes batches, in order of their number, by appending rows and reading
// all back: a batch is ours where no other living claim is on it. Since each
// append ends before its own read begins, two slices can't both have it; that
// neither does is possible, and cured when both claims have run out.
func (e *Engine) claim(ctx context.Context, c *sliceClaim, batches []batch) (ours []batch, err error) {
	before, err := e.claims(ctx, c, batches)
	if err != nil {
		return nil, err
	}
	var free []batch
	var rows [][]any
	for _, b := range batches {
		switch held := before[b.no]; {
		case len(held) == 0:
			free = append(free, b)
			rows = append(rows, []any{"batches:" + c.plan, uint64(b.no), c.id, e.worker()})
		case len(held) == 1 && held[0].Claim == c.id:
			free = append(free, b)
		}
	}
	if len(rows) > 0 {
		token := fmt.Sprintf("claim:%s:%d:%d:%d", c.id, free[0].no, free[len(free)-1].no, len(rows))
		if err := e.insert(ctx, "jobs_claims", []string{"scope", "number", "claim", "worker"}, rows, token); err != nil {
			return nil, fmt.Errorf("claiming batches: %w", err)
		}
	}
	if len(free) == 0 {
		return nil, nil
	}
	after, err := e.claims(ctx, c, free)
	if err != nil {
		return nil, err
	}
	for _, b := range free {
		if held := after[b.no]; len(held) == 1 && held[0].Claim == c.id {
			ours = append(ours, b)
		}
	}
	return ours, nil
}
