package syncs

import (
	"sync"
	"time"
)

// turns gives each destination a share of this process's workers, so that one
// that answers slowly, or not at all, never delays another.
type turns struct {
	mu   sync.Mutex
	busy map[string]int
}

const (
	// turnsEach is how many slices may deliver to one destination at once. Two
	// keep it busy while one of them claims and records.
	turnsEach = 2
	turnWait  = 500 * time.Millisecond
)

// enter takes a turn, if there is one. leave must be called when it is over.
func (t *turns) enter(destination string) (leave func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy == nil {
		t.busy = map[string]int{}
	}
	if t.busy[destination] >= turnsEach {
		return nil, false
	}
	t.busy[destination]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.busy[destination]--; t.busy[destination] == 0 {
			delete(t.busy, destination)
		}
	}, true
}
