package collector

import (
	"context"
	"fmt"
	"hash/maphash"
)

// idHash stands for a message id. At 128 random-seeded bits, two ids that meet
// are less likely than a broken memory cell.
type idHash [2]uint64

// recentIDs is the set of the newest message ids, up to a number of them.
type recentIDs struct {
	seeds [2]maphash.Seed
	limit int
	known map[idHash]struct{}
	ring  []idHash
	next  int
}

func newRecentIDs(limit int) *recentIDs {
	return &recentIDs{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, limit: limit, known: map[idHash]struct{}{}}
}

func (r *recentIDs) hash(id string) idHash {
	return idHash{maphash.String(r.seeds[0], id), maphash.String(r.seeds[1], id)}
}

func (r *recentIDs) has(h idHash) bool {
	_, ok := r.known[h]
	return ok
}

// add takes an id in and lets the oldest one go when there are too many.
func (r *recentIDs) add(h idHash) {
	if r.has(h) {
		return
	}
	r.known[h] = struct{}{}
	if len(r.ring) < r.limit {
		r.ring = append(r.ring, h)
		return
	}
	delete(r.known, r.ring[r.next])
	r.ring[r.next] = h
	r.next = (r.next + 1) % r.limit
}

// refillStep is how many ids are read from the warehouse at once.
const refillStep = 500_000

// refill reads the newest ids from events_raw, oldest first.
func (r *recentIDs) refill(ctx context.Context, db Warehouse) error {
	fresh := newRecentIDs(r.limit)
	// Blocks are loaded in order, so ids that share a loaded_at belong together;
	// where the limit cuts through them, the net below still holds.
	sql := fmt.Sprintf(`SELECT message_id FROM (
    SELECT message_id, loaded_at FROM %s.events_raw ORDER BY loaded_at DESC LIMIT ?
) ORDER BY loaded_at LIMIT ? OFFSET ?`, db.Database())
	for offset := 0; offset < r.limit; offset += refillStep {
		var ids []string
		if err := db.Select(ctx, &ids, sql, r.limit, refillStep, offset); err != nil {
			return fmt.Errorf("reading the newest message ids: %w", err)
		}
		for _, id := range ids {
			fresh.add(fresh.hash(id))
		}
		if len(ids) < refillStep {
			break
		}
	}
	*r = *fresh
	return nil
}
