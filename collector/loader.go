package collector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// loader carries what the log holds into the warehouse, block by block.
type loader struct {
	opts    Options
	wal     *wal
	cursor  *cursor
	recent  *recentIDs
	blocked atomic.Pointer[blockedValues]
	damaged map[uint64]bool // segments with bytes that held no record
	// lastSize is how many events the last block had: the next has as many.
	lastSize int
	flushes  flushRequests

	mu        sync.Mutex
	done      position
	lastLoad  time.Time
	lastError string
	advanced  signal
}

func newLoader(o Options, w *wal, c *cursor) *loader {
	l := &loader{opts: o, wal: w, cursor: c, recent: newRecentIDs(o.RecentIDs), damaged: map[uint64]bool{}, done: c.state.Done}
	l.blocked.Store(newBlockedValues(nil))
	return l
}

// run loads until ctx ends. A block that is being loaded then is finished if
// that takes no longer than grace; if it does, the next start sends it again.
func (l *loader) run(ctx context.Context) error {
	if err := l.retry(ctx, func(ctx context.Context) error { return l.recent.refill(ctx, l.opts.Warehouse) }); err != nil {
		return stopped(ctx, err)
	}
	if ref := l.cursor.state.Block; ref != nil {
		if err := l.resume(ctx, *ref); err != nil {
			return stopped(ctx, err)
		}
	}
	reader := l.wal.reader(l.cursor.state.Done, l.noteDamage)
	defer l.shut(reader)
	for {
		b, err := l.collect(ctx, reader)
		if err != nil {
			return stopped(ctx, err)
		}
		if err := l.load(ctx, b); err != nil {
			return stopped(ctx, err)
		}
	}
}

func (l *loader) shut(reader *walReader) {
	if err := reader.close(); err != nil {
		l.opts.Log.Warn("closing a segment of the log", "err", err)
	}
}

// stopped turns an error that only says that ctx has ended into none.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return nil
	}
	return fmt.Errorf("loading events: %w", err)
}

// collect reads records until a block is full, has waited long enough, or is
// asked for.
func (l *loader) collect(ctx context.Context, reader *walReader) (*block, error) {
	b := &block{from: reader.pos, to: reader.pos, events: make([]blockEvent, 0, l.lastSize)}
	defer func() { l.lastSize = min(len(b.events), 2*l.opts.BlockEvents) }()
	for {
		if len(b.events) >= l.opts.BlockEvents || b.bytes >= maxBlockBytes {
			return b, nil
		}
		// Both are asked for before the read, so that nothing is slept through.
		more, flush := l.wal.committed.wait(), l.flushes.asked()
		payload, from, to, ok, err := reader.next()
		if err != nil {
			return nil, err
		}
		if ok {
			b.add(payload, from, to, l.opts.Now())
			continue
		}
		if !b.empty() && l.flushes.pending(l.position()) {
			return b, nil
		}
		timer := time.NewTimer(l.opts.BlockWait)
		if b.empty() {
			timer.Stop() // nothing to wait for but more
		} else {
			timer.Reset(max(0, l.opts.BlockWait-l.opts.Now().Sub(b.first)))
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
			return b, nil
		case <-more:
		case <-flush:
		}
		timer.Stop()
	}
}

// load makes a block's bounds durable, inserts it, and moves on.
func (l *loader) load(ctx context.Context, b *block) error {
	ref := blockRef{From: b.from, To: b.to, Omit: b.duplicates(l.recent)}
	ref.Token = blockToken(ref)
	if err := l.retry(ctx, func(context.Context) error { return l.cursor.begin(ref) }); err != nil {
		return err
	}
	return l.finish(ctx, b, ref)
}

// blockToken names a block by its place in the log.
func blockToken(ref blockRef) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%d-%d:%d", ref.From.Segment, ref.From.Offset, ref.To.Segment, ref.To.Offset))
	return hex.EncodeToString(sum[:16])
}

// resume sends the block again that was being loaded when the process ended.
func (l *loader) resume(ctx context.Context, ref blockRef) error {
	reader := l.wal.reader(ref.From, l.noteDamage)
	defer l.shut(reader)
	b := &block{from: ref.From, to: ref.From}
	for {
		payload, from, to, ok, err := reader.next()
		if err != nil {
			return err
		}
		if !ok || ref.To.before(to) {
			break
		}
		b.add(payload, from, to, l.opts.Now())
	}
	b.to = ref.To
	return l.finish(ctx, b, ref)
}

func (l *loader) finish(ctx context.Context, b *block, ref blockRef) error {
	inserts := b.inserts(ref)
	loaded := 0
	for _, in := range inserts {
		n, err := l.insert(ctx, b, in)
		if err != nil {
			return err
		}
		loaded += n
	}
	for _, in := range inserts {
		if in.rejected {
			continue
		}
		for _, i := range in.rows {
			l.recent.add(l.recent.hash(b.events[i].messageID))
		}
	}
	if err := l.retry(ctx, func(context.Context) error { return l.cursor.advance(b.to) }); err != nil {
		return err
	}
	l.noteLoaded(b.to, loaded, len(ref.Omit))
	if err := l.wal.release(b.to, func(seq uint64) bool { return l.damaged[seq] }); err != nil {
		l.opts.Log.Error("deleting loaded segments of the log", "err", err)
	}
	return nil
}

func (l *loader) noteDamage(s segment, offset, bytes int64) {
	l.mu.Lock()
	l.damaged[s.seq] = true
	l.mu.Unlock()
	l.opts.Metrics.damaged.Add(float64(bytes))
	l.opts.Log.Error("the log is damaged; the records behind the damage are loaded, and the segment will be kept aside",
		"segment", s.name(), "offset", offset, "bytes", bytes)
}

func (l *loader) noteLoaded(to position, loaded, duplicates int) {
	m := l.opts.Metrics
	m.blocks.Inc()
	m.loaded.Add(float64(loaded))
	m.duplicates.Add(float64(duplicates))
	m.counts.loaded.Add(uint64(loaded))
	m.counts.duplicates.Add(uint64(duplicates))
	l.mu.Lock()
	l.done, l.lastLoad = to, l.opts.Now()
	l.mu.Unlock()
	l.advanced.notify()
}

func (l *loader) position() position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

func (l *loader) last() (time.Time, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastLoad, l.lastError
}

func (l *loader) noteError(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	l.mu.Lock()
	l.lastError = text
	l.mu.Unlock()
}
