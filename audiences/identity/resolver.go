package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// Defaults of a [Resolver].
const (
	DefaultMaxIDs   = 100
	DefaultOverlap  = 5 * time.Minute
	DefaultMaxLinks = 200_000
)

// Resolver ties identifiers to profiles, pass by pass. The zero values of
// MaxIDs, Overlap and MaxLinks mean the defaults.
type Resolver struct {
	DB  *warehouse.DB
	Now func() time.Time
	Log *slog.Logger
	// MaxIDs is how many identifiers one profile may have.
	MaxIDs int
	// Blocked are values that name nobody, beside BlockedValues. An event's own
	// profile_id is decided by the collector, which must be given them too.
	Blocked []string
	// Overlap is how far back a pass reads again, for blocks of events that
	// became visible after a block with a later loaded_at.
	Overlap time.Duration
	// MaxLinks is about how many identify and alias events one window holds.
	MaxLinks int

	mu   sync.Mutex // one Run at a time
	seen state

	configuring sync.Mutex // guards MaxIDs and Blocked after the first Run
}

// Configure changes MaxIDs and Blocked, also while Run is at work: a pass that
// has begun may still go by the former ones.
func (r *Resolver) Configure(maxIDs int, blocked []string) {
	r.configuring.Lock()
	defer r.configuring.Unlock()
	r.MaxIDs, r.Blocked = maxIDs, blocked
}

// Report is what one Run did.
type Report struct {
	Pass    uint64    `json:"pass"` // the last finished pass; 0 when there was nothing to do
	Until   time.Time `json:"until"`
	Links   int       `json:"links"`
	Merges  int       `json:"merges"`
	Refused int       `json:"refused"`
}

// state is what events_raw looked like when a Run ended: equal means nothing to do.
type state struct {
	Rows   uint64    `ch:"rows"`
	Newest time.Time `ch:"newest"`
}

// Run reads all events loaded since the last pass, in windows, and writes one
// row of identity_passes a window, last. It may be killed anywhere and run
// again. One process at a time should run it (a lease of jobs sees to that);
// two at once do double work, and the profiles are right after the next Run.
func (r *Resolver) Run(ctx context.Context) (Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, err := r.look(ctx)
	if err != nil {
		return Report{}, err
	}
	if now == r.seen {
		return Report{}, nil
	}
	last, err := r.lastPass(ctx)
	if err != nil {
		return Report{}, err
	}
	pass := last.Newest + 1
	if err := r.recover(ctx, last, pass); err != nil {
		return Report{}, err
	}
	var total Report
	since := last.Until
	if !since.IsZero() && since.Unix() > 0 {
		since = since.Add(-r.overlap())
	}
	for {
		w, err := r.nextWindow(ctx, since)
		if err != nil {
			return total, err
		}
		if w.Newest.Unix() <= 0 {
			break
		}
		done, err := r.pass(ctx, pass, window{since: since, until: w.Until, floor: last.Until})
		if err != nil {
			return total, fmt.Errorf("identity pass %d: %w", pass, err)
		}
		total.Pass, total.Until = pass, done.Until
		total.Links, total.Merges, total.Refused = total.Links+done.Links, total.Merges+done.Merges, total.Refused+done.Refused
		since, pass = w.Until, pass+1
		if !w.Until.Before(w.Newest) {
			break
		}
	}
	r.seen = now
	if total.Merges+total.Refused > 0 {
		r.Log.InfoContext(ctx, "identities resolved", "pass", total.Pass, "links", total.Links, "merges", total.Merges, "refused", total.Refused)
	}
	return total, nil
}

// look is taken before the windows are read, so that a block which becomes
// visible meanwhile makes the next Run look again.
func (r *Resolver) look(ctx context.Context) (state, error) {
	var s state
	sql := "SELECT count() AS rows, max(loaded_at) AS newest FROM " + r.database() + ".events_raw"
	if err := r.DB.Get(ctx, &s, sql); err != nil {
		return state{}, fmt.Errorf("looking for new events: %w", err)
	}
	return s, nil
}

type lastPass struct {
	Pass   uint64    `ch:"pass"`   // the last that finished
	Until  time.Time `ch:"until"`  // how far it and its predecessors have read
	Newest uint64    `ch:"newest"` // the last that wrote anything
}

func (r *Resolver) lastPass(ctx context.Context) (lastPass, error) {
	var last lastPass
	db := r.database()
	sql := "SELECT max(p.pass) AS pass, max(p.until) AS until, greatest(max(p.pass)," +
		" (SELECT intDiv(max(version), 4294967296) FROM " + db + ".identities)," +
		" (SELECT intDiv(max(version), 4294967296) FROM " + db + ".identity_merges)) AS newest" +
		" FROM " + db + ".identity_passes AS p"
	if err := r.DB.Get(ctx, &last, sql); err != nil {
		return last, fmt.Errorf("reading the last identity pass: %w", err)
	}
	return last, nil
}

// recover finishes the merges of a pass that died: their rows may be written
// while identifiers still point at who lost.
func (r *Resolver) recover(ctx context.Context, last lastPass, pass uint64) error {
	if last.Newest == last.Pass {
		return nil
	}
	r.Log.InfoContext(ctx, "repeating an identity pass that did not finish", "pass", last.Newest)
	return r.applyMerges(ctx, version(last.Pass+1, 0), version(pass, stepRecover))
}

func (r *Resolver) nextWindow(ctx context.Context, since time.Time) (bounds, error) {
	var b bounds
	sql, err := statement("window", r.database())
	if err != nil {
		return b, err
	}
	err = r.DB.Get(ctx, &b, sql, warehouse.P{"since": since, "max_links": r.maxLinks()})
	if errors.Is(err, warehouse.ErrNoRows) {
		return bounds{}, nil
	}
	if err != nil {
		return b, fmt.Errorf("cutting the next window of events: %w", err)
	}
	return b, nil
}

type bounds struct {
	Until  time.Time `ch:"until"`
	Newest time.Time `ch:"newest"`
}

func (r *Resolver) database() string { return warehouse.QuoteIdentifier(r.DB.Database()) }

func (r *Resolver) overlap() time.Duration {
	if r.Overlap > 0 {
		return r.Overlap
	}
	return DefaultOverlap
}

// AllBlocked are BlockedValues and the resolver's own, as statements compare them.
func (r *Resolver) AllBlocked() []string {
	r.configuring.Lock()
	defer r.configuring.Unlock()
	all := slices.Clone(BlockedValues)
	for _, b := range r.Blocked {
		all = append(all, strings.ToLower(strings.Trim(b, blanks)))
	}
	return all
}

func (r *Resolver) maxIDs() uint64 {
	r.configuring.Lock()
	defer r.configuring.Unlock()
	if r.MaxIDs > 0 {
		return uint64(r.MaxIDs)
	}
	return DefaultMaxIDs
}

func (r *Resolver) maxLinks() uint64 {
	if r.MaxLinks > 0 {
		return uint64(r.MaxLinks)
	}
	return DefaultMaxLinks
}
