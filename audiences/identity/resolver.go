package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
	DefaultMaxLinks = 100_000
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

	mu     sync.Mutex           // one Run at a time
	blocks map[time.Time]uint64 // rows by loaded_at, of the last overlap, that were read; nil before the first Run

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

// Run reads all events loaded since the last pass, in windows, and writes one
// row of identity_passes a window, last. It may be killed anywhere and run
// again. One process at a time should run it (a lease of jobs sees to that);
// two at once do double work, and the profiles are right after the next Run.
func (r *Resolver) Run(ctx context.Context) (Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, err := r.lastPass(ctx)
	if err != nil {
		return Report{}, err
	}
	since, blocks, err := r.look(ctx, last.Until)
	if err != nil || (len(blocks) == 0 && last.Newest == last.Pass) {
		return Report{}, err
	}
	pass := last.Newest + 1
	if err := r.recover(ctx, last, pass); err != nil {
		return Report{}, err
	}
	var total Report
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
	r.remember(blocks)
	if total.Merges+total.Refused > 0 {
		r.Log.InfoContext(ctx, "identities resolved", "pass", total.Pass, "links", total.Links, "merges", total.Merges, "refused", total.Refused)
	}
	return total, nil
}

// look finds the blocks of events that were not read yet, and where reading
// has to begin. A block may become visible after one with a later loaded_at, so
// the last overlap is looked at again: by its blocks as long as this process
// remembers them, else it is read again. It is taken before the windows are
// read, so that what becomes visible meanwhile is found by the next Run.
func (r *Resolver) look(ctx context.Context, until time.Time) (since time.Time, fresh map[time.Time]uint64, err error) {
	if until.Unix() > 0 {
		since = until.Add(-r.overlap())
	} else {
		since = time.Unix(0, 0).UTC()
	}
	var found []struct {
		LoadedAt time.Time `ch:"loaded_at"`
		Rows     uint64    `ch:"rows"`
	}
	sql := "SELECT loaded_at, count() AS rows FROM " + r.database() + ".events_raw WHERE loaded_at > ? GROUP BY loaded_at ORDER BY loaded_at"
	if err := r.DB.Select(ctx, &found, sql, since); err != nil {
		return since, nil, fmt.Errorf("looking for new events: %w", err)
	}
	fresh = map[time.Time]uint64{}
	for _, b := range found {
		if r.blocks[b.LoadedAt.UTC()] != b.Rows {
			fresh[b.LoadedAt.UTC()] = b.Rows
		}
	}
	for _, b := range found {
		if _, isFresh := fresh[b.LoadedAt.UTC()]; isFresh {
			return b.LoadedAt.UTC().Add(-time.Millisecond), fresh, nil
		}
	}
	return since, fresh, nil
}

// remember keeps the blocks that were read, of the last overlap only.
func (r *Resolver) remember(read map[time.Time]uint64) {
	if r.blocks == nil {
		r.blocks = map[time.Time]uint64{}
	}
	maps.Copy(r.blocks, read)
	var newest time.Time
	for at := range r.blocks {
		if at.After(newest) {
			newest = at
		}
	}
	maps.DeleteFunc(r.blocks, func(at time.Time, _ uint64) bool { return newest.Sub(at) > r.overlap()+time.Minute })
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
