package syncs

import (
	"context"
	"fmt"
	"sync"
)

// look is which parts each of our tables had when somebody began to look, as a
// checksum. Parts never change: equal parts are equal rows.
type look map[string]uint64

// look costs the same for a thousand rows as for a billion.
func (e *Engine) look(ctx context.Context) (look, error) {
	var rows []struct {
		Table string `ch:"table"`
		Parts uint64 `ch:"parts"`
	}
	err := e.db.Select(ctx, &rows, "SELECT table, groupBitXor(cityHash64(name)) AS parts FROM system.parts WHERE active AND database = ? GROUP BY table", e.db.Database())
	if err != nil {
		return nil, fmt.Errorf("looking at the parts of tables: %w", err)
	}
	at := look{}
	for _, r := range rows {
		at[r.Table] = r.Parts
	}
	return at, nil
}

// versions remembers what statements said of tables that have the same parts
// since. Who asks every second in what state millions of rows are then reads
// them only after they changed.
type versions struct {
	mu    sync.Mutex
	known map[string]version
}

type version struct {
	parts uint64
	text  string
}

// maxVersions bounds what is remembered; past it everything is read again.
const maxVersions = 10_000

// version runs a statement that yields one text and reads no tables but the
// given ones, unless it did since they changed last. What it tells is as new as
// the look, or newer.
func (e *Engine) version(ctx context.Context, at look, tables []string, sql string, args ...any) (string, error) {
	key, parts := fmt.Sprintln(append([]any{sql}, args...)...), uint64(0)
	for _, table := range tables {
		parts = parts*1_000_003 + at[table]
	}
	e.versions.mu.Lock()
	v, ok := e.versions.known[key]
	e.versions.mu.Unlock()
	if ok && v.parts == parts {
		return v.text, nil
	}
	var text string
	if err := e.db.Get(ctx, &text, sql, args...); err != nil {
		return "", err
	}
	e.versions.mu.Lock()
	defer e.versions.mu.Unlock()
	if e.versions.known == nil || len(e.versions.known) >= maxVersions {
		e.versions.known = map[string]version{}
	}
	e.versions.known[key] = version{parts: parts, text: text}
	return text, nil
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
	text, err := r.version(r.ctx, r.at, tables, sql, args...)
	if err != nil {
		return fmt.Errorf("reading the version of %s: %w", name, err)
	}
	r.out[name] = text
	return nil
}
