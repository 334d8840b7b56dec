package collector

import (
	"context"
	"fmt"
	"sync"
)

// flushRequests remembers up to where somebody waits for the log to be loaded.
type flushRequests struct {
	mu     sync.Mutex
	upTo   position
	signal signal
}

func (f *flushRequests) asked() <-chan struct{} { return f.signal.wait() }

func (f *flushRequests) pending(done position) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return done.before(f.upTo)
}

func (f *flushRequests) ask(to position) {
	f.mu.Lock()
	if f.upTo.before(to) {
		f.upTo = to
	}
	f.mu.Unlock()
	f.signal.notify()
}

// flush asks for everything durable now to be loaded and waits for it.
func (l *loader) flush(ctx context.Context) error {
	target := l.wal.durable()
	for {
		advanced := l.advanced.wait()
		if !l.position().before(target) || l.wal.pending(l.position()) == 0 {
			return nil
		}
		l.flushes.ask(target)
		select {
		case <-ctx.Done():
			_, reason := l.last()
			if reason != "" {
				return fmt.Errorf("waiting for events to be loaded: %w (%s)", ctx.Err(), reason)
			}
			return fmt.Errorf("waiting for events to be loaded: %w", ctx.Err())
		case <-advanced:
		}
	}
}
