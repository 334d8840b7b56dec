package sandbox

import (
	"hash/fnv"
	"strings"
	"sync"
	"time"
)

// Options of a stand-in. The zero value works.
type Options struct {
	Seed uint64
	Now  func() time.Time // nil: the system's clock
	// Receipts gets one durable line per request that changed something,
	// before it is answered; nil: none.
	Receipts *Receipts
	// Token is the credential to insist on; empty: any.
	Token string
	// Secret is the webhook's signing secret; empty: the sandbox's own.
	Secret string
	// Rate is the rate limit, in requests per window of the vendor; 0: the
	// vendor's smallest plan; below 0: none.
	Rate int
	// SmallAudience is how many people an audience must keep at vendors that
	// refuse removals from small ones; 0: the stand-in's default; below 0: none.
	SmallAudience int
	// ErrorShare is the share of rows refused by seed, from 0 to 1.
	ErrorShare float64
	// Latency is how long each answer takes; slow@… takes Slow on top.
	Latency time.Duration
	Slow    time.Duration
}

// behaviour is how a row's address makes a stand-in answer.
type behaviour string

const (
	behaves   behaviour = ""
	invalid   behaviour = "invalid"
	forgotten behaviour = "forgotten"
	locked    behaviour = "locked"
	unnamed   behaviour = "unnamed"
	poison    behaviour = "poison"
	slow      behaviour = "slow"
)

// tempers decides how rows behave; locked ones remember.
type tempers struct {
	o        Options
	mu       sync.Mutex
	unlocked map[string]bool
}

func newTempers(o Options) *tempers { return &tempers{o: o, unlocked: map[string]bool{}} }

// of decides by identifiers; the first that says something wins.
func (t *tempers) of(identifiers ...string) behaviour {
	for _, id := range identifiers {
		local, _, ok := strings.Cut(strings.ToLower(id), "@")
		if !ok {
			continue
		}
		// invalid@x.io and invalid+7@x.io behave alike.
		local, _, _ = strings.Cut(local, "+")
		switch b := behaviour(local); b {
		case invalid, forgotten, unnamed, poison, slow:
			return b
		case locked:
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.unlocked[id] {
				return behaves
			}
			t.unlocked[id] = true
			return locked
		}
	}
	if t.o.ErrorShare > 0 && len(identifiers) > 0 && share(t.o.Seed, identifiers[0]) < t.o.ErrorShare {
		return invalid
	}
	return behaves
}

// share maps an identifier to [0, 1), the same for the same seed.
func share(seed uint64, id string) float64 {
	h := fnv.New64a()
	var b [8]byte
	for i := range b {
		b[i] = byte(seed >> (8 * i))
	}
	_, _ = h.Write(b[:]) // a hash never fails
	_, _ = h.Write([]byte(id))
	x := h.Sum64()
	// FNV's high bits are poor for short inputs.
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
