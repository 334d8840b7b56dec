package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/tailrace/tailrace/warehouse"
)

// Source is who may send events with a write key.
type Source struct {
	Name string
	// Origins lists the web origins ("https://shop.example") that browsers may
	// send from; none means all.
	Origins []string
}

// Warehouse is what the loader needs of *warehouse.DB.
type Warehouse interface {
	Insert(ctx context.Context, table string, columns []string, rows [][]any, o warehouse.InsertOptions) error
	Select(ctx context.Context, dest any, sql string, args ...any) error
	Query(ctx context.Context, sql string, args ...any) (*warehouse.Rows, error)
	Database() string
}

var _ Warehouse = (*warehouse.DB)(nil)

// Options configure a Collector. Zero values mean the defaults named.
type Options struct {
	Dir       string // of the log and its cursor; belongs to one process
	Warehouse Warehouse
	// Sources finds the source of a write key.
	Sources func(key string) (Source, bool)
	Metrics *Metrics         // none: counted, but not exported
	Log     *slog.Logger     // none: discarded
	Now     func() time.Time // time.Now

	// PublicURL is where browsers reach the collector; none: the host that a
	// request for settings was sent to.
	PublicURL *url.URL
	// AnalyticsJS is a folder with Segment's browser SDK (dist/umd of its npm
	// package) for pages that load it with the snippet; empty: not served.
	AnalyticsJS string

	MaxLogBytes  int64         // 4 GiB; from 80 % on requests are shed, at 100 % all get 503
	SegmentBytes int64         // 16 MiB, at most an eighth of MaxLogBytes
	BlockEvents  int           // 10,000 events in an insert
	BlockWait    time.Duration // 1 s until an insert of fewer
	RecentIDs    int           // 2,000,000 message ids that are recognised when they come again
}

func (o *Options) setDefaults() {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxLogBytes <= 0 {
		o.MaxLogBytes = 4 << 30
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 16 << 20
	}
	o.SegmentBytes = min(o.SegmentBytes, o.MaxLogBytes/8)
	if o.BlockEvents <= 0 {
		o.BlockEvents = 10_000
	}
	if o.BlockWait <= 0 {
		o.BlockWait = time.Second
	}
	if o.RecentIDs <= 0 {
		o.RecentIDs = 2_000_000
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
}

// Collector accepts events (Routes, Handler) and loads them (Run).
type Collector struct {
	opts    Options
	sources atomic.Pointer[func(string) (Source, bool)]
	wal     *wal
	loader  *loader
	lock    *os.File
	id      string // of the log, kept in its folder
	closing sync.Once
	closed  error // of Close
	newID   func() uuid.UUID
	shed    atomic.Uint64 // requests looked at while the log was filling up
}

// Open opens the log in o.Dir and recovers it. It reads no warehouse, starts
// nothing, and accepts events at once; Run loads them. Close it at the end.
func Open(o Options) (*Collector, error) {
	o.setDefaults()
	switch {
	case o.Dir == "":
		return nil, errors.New("opening the collector: no folder for its log")
	case o.Warehouse == nil:
		return nil, errors.New("opening the collector: no warehouse")
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the collector: %w", err)
	}
	c, err := openLocked(o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the collector: %w", err), lock.Close())
	}
	c.lock = lock
	if c.id, err = logID(o.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the collector: %w", err), c.Close())
	}
	return c, nil
}

// ID names this collector's log: the same for as long as its folder lives, whatever process has it.
func (c *Collector) ID() string { return c.id }

func openLocked(o Options) (*Collector, error) {
	cursor, err := openCursor(o.Dir)
	if err != nil {
		return nil, err
	}
	w, err := openWAL(o.Dir, o.SegmentBytes, o.MaxLogBytes, cursor.state.Done, o.Log)
	if err != nil {
		return nil, err
	}
	o.Metrics.tornBytes.Add(float64(w.tornBytes))
	c := &Collector{opts: o, wal: w, newID: uuid.New}
	c.SetSources(o.Sources)
	c.loader = newLoader(o, w, cursor)
	o.Metrics.observe(c)
	return c, nil
}

// SetSources replaces how write keys are looked up, for requests from now on.
// nil knows no key.
func (c *Collector) SetSources(find func(key string) (Source, bool)) {
	if find == nil {
		find = func(string) (Source, bool) { return Source{}, false }
	}
	c.sources.Store(&find)
}

// SetBlocked replaces the values that name nobody beside those of
// [BlockedIdentifier], in any case and with blanks around: events that are loaded
// from now on aren't of a profile by such a user or anonymous id.
func (c *Collector) SetBlocked(values []string) { c.loader.blocked.Store(newBlockedValues(values)) }

// Run loads what the log holds into the warehouse until ctx ends, and returns
// nil then. While the warehouse is away it waits and tries again. Any other
// error means that the log's own folder can't be used.
func (c *Collector) Run(ctx context.Context) error { return c.loader.run(ctx) }

// Flush returns when everything accepted before the call is in the warehouse,
// without waiting for a block to fill. Run must be running.
func (c *Collector) Flush(ctx context.Context) error { return c.loader.flush(ctx) }

// Close refuses requests from now on and closes the log. Call it after the
// HTTP server has stopped and Run has returned.
func (c *Collector) Close() error {
	c.closing.Do(func() {
		if err := errors.Join(c.wal.close(), c.lock.Close()); err != nil {
			c.closed = fmt.Errorf("closing the collector's log: %w", err)
		}
	})
	return c.closed
}
