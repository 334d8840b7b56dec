package syncs

import (
	"context"
	"fmt"
	"sync"
)

// look is which parts each of our tables had when somebody began to look, as a
// checksum. Parts never change: equal parts are equal rows. Their rows and times
// are in it, since a table that is restored or made anew gives out names again.
type look map[string]uint64

// of tells apart states of some tables.
func (l look) of(tables ...string) (sum uint64) {
	for _, table := range tables {
		sum = sum*1_000_003 + l[table]
	}
	return sum
}

// look costs the same for a thousand rows as for a billion, so that it can be
// asked every second, and before every request. A merge changes what it tells;
// then rows are only read once more.
func (e *Engine) look(ctx context.Context) (look, error) {
	var rows []struct {
		Table string `ch:"table"`
		Parts uint64 `ch:"parts"`
	}
	err := e.db.Select(ctx, &rows, "SELECT table, groupBitXor(cityHash64(name, rows, modification_time)) AS parts FROM system.parts WHERE active AND database = ? GROUP BY table", e.db.Database())
	if err != nil {
		return nil, fmt.Errorf("looking at the parts of tables: %w", err)
	}
	at := look{}
	for _, r := range rows {
		at[r.Table] = r.Parts
	}
	return at, nil
}

// remembered holds what was read of tables that have the same parts since. Who
// asks every second in what state millions of rows are then reads them only
// after they changed.
type remembered struct {
	mu    sync.Mutex
	known map[string]reading
}

type reading struct {
	parts uint64
	value any
}

// maxRemembered bounds how much; past it everything is read again.
const maxRemembered = 10_000

// remember reads something of no tables but the given ones, under a key that
// says what, unless it was read since they changed last. What it returns is as
// new as the look, or newer; it is shared and must not be changed.
func remember[T any](r *remembered, at look, tables []string, key string, read func() (T, error)) (T, error) {
	parts := at.of(tables...)
	r.mu.Lock()
	v, ok := r.known[key]
	r.mu.Unlock()
	if ok && v.parts == parts {
		return v.value.(T), nil
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxRemembered {
		r.known = map[string]reading{}
	}
	r.known[key] = reading{parts: parts, value: value}
	return value, nil
}

// latest is newestRuns for who asks all the time.
func (e *Engine) latest(ctx context.Context, at look, syncID, having string) ([]Run, error) {
	return remember(&e.remembered, at, []string{"sync_runs"}, "runs:"+syncID+":"+having, func() ([]Run, error) {
		return e.newestRuns(ctx, syncID, having, 1)
	})
}

// readings collects versions by name.
type readings struct {
	*Engine
	ctx context.Context
	at  look
	out map[string]string
}

func (e *Engine) readings(ctx context.Context, at look) *readings {
	return &readings{Engine: e, ctx: ctx, at: at, out: map[string]string{}}
}

func (r *readings) read(name string, tables []string, sql string, args ...any) error {
	text, err := remember(&r.remembered, r.at, tables, fmt.Sprintln(append([]any{sql}, args...)...), func() (text string, err error) {
		err = r.db.Get(r.ctx, &text, sql, args...)
		return text, err
	})
	if err != nil {
		return fmt.Errorf("reading the version of %s: %w", name, err)
	}
	r.out[name] = text
	return nil
}
