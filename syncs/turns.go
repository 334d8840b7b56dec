package syncs

import (
	"slices"
	"sync"
	"time"
)

// turns gives each destination a share of this process's workers, so that one
// that answers slowly, or not at all, never delays another. Who waits for a
// turn gets it in the order of asking, and costs the warehouse nothing meanwhile.
type turns struct {
	mu      sync.Mutex
	busy    map[string]int       // slices at work, by destination
	waiting map[string][]waiting // by destination, first come first
}

type waiting struct {
	run  string
	seen time.Time // when it last asked
}

const (
	// turnsEach is how many slices may deliver to one destination at once. Two
	// keep it busy while one of them claims and records.
	turnsEach = 2
	turnWait  = 500 * time.Millisecond
	// placeFor is how long a place among those who wait is kept for one that
	// doesn't ask any more: it was cancelled, or another process has it.
	placeFor = 10 * turnWait
)

// waits reports whether a run waits for a destination, whose name it returns,
// and still has to.
func (t *turns) waits(run string) (destination string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for destination, line := range t.waiting {
		if slices.ContainsFunc(line, func(w waiting) bool { return w.run == run }) {
			return destination, !t.next(run, destination)
		}
	}
	return "", false
}

// enter takes a turn, if there is one; else the run has a place among those
// who wait. leave must be called when the turn is over.
func (t *turns) enter(run, destination string) (leave func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.next(run, destination) {
		return nil, false
	}
	t.waiting[destination] = slices.DeleteFunc(t.waiting[destination], func(w waiting) bool { return w.run == run })
	t.busy[destination]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.busy[destination]--
	}, true
}

// next reports whether it is a run's turn, and keeps its place if it isn't.
func (t *turns) next(run, destination string) bool {
	if t.busy == nil {
		t.busy, t.waiting = map[string]int{}, map[string][]waiting{}
	}
	now := time.Now()
	line := slices.DeleteFunc(t.waiting[destination], func(w waiting) bool { return w.run != run && now.Sub(w.seen) > placeFor })
	place := slices.IndexFunc(line, func(w waiting) bool { return w.run == run })
	if place < 0 {
		place = len(line)
		line = append(line, waiting{run: run})
	}
	line[place].seen = now
	t.waiting[destination] = line
	return t.busy[destination]+place < turnsEach
}
