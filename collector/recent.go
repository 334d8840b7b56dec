package collector

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"
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

// refill reads the newest ids from events_raw.
func (r *recentIDs) refill(ctx context.Context, db Warehouse) error {
	newest, err := r.newest(ctx, db)
	if err != nil {
		return fmt.Errorf("reading the newest message ids: %w", err)
	}
	fresh := &recentIDs{seeds: r.seeds, limit: r.limit, known: make(map[idHash]struct{}, len(newest))}
	for _, h := range slices.Backward(newest) {
		fresh.add(h)
	}
	*r = *fresh
	return nil
}

// newest returns the newest ids, newest first. The hour from which they come is
// found from loaded_at alone, so that a large table isn't read as a whole.
func (r *recentIDs) newest(ctx context.Context, db Warehouse) (hashes []idHash, err error) {
	var since []time.Time
	if err := db.Select(ctx, &since, `
SELECT min(hour) FROM
(
    SELECT hour, events, sum(events) OVER (ORDER BY hour DESC) AS so_far
    FROM (SELECT toStartOfHour(loaded_at) AS hour, count() AS events FROM `+db.Database()+`.events_raw GROUP BY hour)
)
WHERE so_far - events < ?`, r.limit); err != nil {
		return nil, err
	}
	if len(since) == 0 {
		return nil, nil
	}
	rows, err := db.Query(ctx, "SELECT message_id FROM "+db.Database()+".events_raw WHERE loaded_at >= ? ORDER BY loaded_at DESC LIMIT ?", since[0], r.limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var id string
	for rows.Next() {
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		hashes = append(hashes, r.hash(id))
	}
	return hashes, rows.Err()
}
