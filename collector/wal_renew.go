package collector

import (
	"context"
	"fmt"
)

// LetGo returns when everything accepted before the call is in the warehouse and the files that held it are deleted, so
// that nothing of it stays in the log. Run must be running. A damaged segment is kept aside all the same.
func (c *Collector) LetGo(ctx context.Context) error {
	if err := c.wal.renew(ctx); err != nil {
		return fmt.Errorf("starting a new segment of the log: %w", err)
	}
	if err := c.Flush(ctx); err != nil {
		return fmt.Errorf("loading the log: %w", err)
	}
	return c.loader.letGo()
}

// letGo deletes the segments before the open one, all of whose events are loaded.
func (l *loader) letGo() error {
	done := l.position()
	for _, s := range l.wal.list() {
		if s.seq == done.Segment && done.Offset < s.size || s.seq > done.Segment {
			break // more was accepted meanwhile; the loader deletes it when it has it
		}
		if err := l.wal.release(position{Segment: s.seq + 1}, l.isDamaged); err != nil {
			return fmt.Errorf("deleting loaded segments of the log: %w", err)
		}
	}
	return nil
}

// isDamaged reports whether a segment had bytes that held no record.
func (l *loader) isDamaged(seq uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.damaged[seq]
}

func (w *wal) list() []segment {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]segment(nil), w.segments...)
}

// renew starts a new segment, unless the open one is empty, in the place of a write: only one runs at a time.
func (w *wal) renew(ctx context.Context) error {
	for {
		w.mu.Lock()
		if w.closed {
			w.mu.Unlock()
			return errLogClosed
		}
		if !w.leading {
			break
		}
		wait := w.committed.wait()
		w.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	w.leading = true
	w.mu.Unlock()
	var err error
	if w.end.Offset > 0 {
		err = w.rotate()
	}
	w.mu.Lock()
	if len(w.group.frames) > 0 {
		w.group.lead <- struct{}{}
	} else {
		w.leading = false
	}
	w.mu.Unlock()
	w.committed.notify()
	return err
}
