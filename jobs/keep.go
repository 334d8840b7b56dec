package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Keep remembers a short text under a name until it is kept anew or Redis is
// flushed. No personal data.
func (q *Queue) Keep(ctx context.Context, name string, value []byte) error {
	if err := q.redis.Set(ctx, q.keys.ours("keep", name), value, 0).Err(); err != nil {
		return fmt.Errorf("keeping %s in Redis: %w", name, err)
	}
	return nil
}

// Kept returns what Keep remembered; ok is false where nothing is.
func (q *Queue) Kept(ctx context.Context, name string) (value []byte, ok bool, err error) {
	value, err = q.redis.Get(ctx, q.keys.ours("keep", name)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading %s from Redis: %w", name, err)
	}
	return value, true, nil
}
