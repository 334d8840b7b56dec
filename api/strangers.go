package api

import (
	"sync"
	"time"
)

// strangers slows down who guesses tokens: after wrongTokens of them from one address it must wait, also with a right one,
// and the tokens that it brings aren't looked up. A right token from the address forgets the wrong ones.
type strangers struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[string]*stranger
}

type stranger struct {
	wrong int
	since time.Time
}

const (
	wrongTokens = 20
	wrongIn     = time.Minute
	// mostStrangers bounds the memory; when it is full, those go whose minute is over, else all.
	mostStrangers = 10_000
)

func newStrangers(now func() time.Time) *strangers {
	return &strangers{now: now, seen: map[string]*stranger{}}
}

// wait is how long an address has to wait; 0: it may bring a token.
func (s *strangers) wait(remote string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.seen[remote]
	if x == nil {
		return 0
	}
	left := wrongIn - s.now().Sub(x.since)
	if left <= 0 {
		delete(s.seen, remote)
		return 0
	}
	if x.wrong < wrongTokens {
		return 0
	}
	return left
}

// wrong counts a wrong token from an address.
func (s *strangers) wrong(remote string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.seen[remote]; x != nil {
		x.wrong++
		return
	}
	if len(s.seen) >= mostStrangers {
		for address, x := range s.seen {
			if s.now().Sub(x.since) >= wrongIn {
				delete(s.seen, address)
			}
		}
		if len(s.seen) >= mostStrangers {
			clear(s.seen)
		}
	}
	s.seen[remote] = &stranger{wrong: 1, since: s.now()}
}

// right forgets an address that has brought a right token.
func (s *strangers) right(remote string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, remote)
}
