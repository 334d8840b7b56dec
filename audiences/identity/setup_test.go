package identity_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

type bench struct {
	*testing.T
	db       *warehouse.DB
	resolver *identity.Resolver
	events   int
}

func setup(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	db := warehousetest.Open(t)
	now := func() time.Time { return start }
	return &bench{T: t, db: db, resolver: &identity.Resolver{DB: db, Now: now, Log: slog.New(slog.DiscardHandler)}}
}

// event is what matters of an event here; at is in minutes after start.
type event struct {
	kind, user, anon, email, previous string
	at                                int
}

func (b *bench) load(events ...event) {
	b.Helper()
	b.loadedAt(time.Now().UTC(), events...)
}

// loadedAt is load as if the block had come in at that time.
func (b *bench) loadedAt(loaded time.Time, events ...event) {
	b.Helper()
	rows := make([][]any, len(events))
	for i, e := range events {
		b.events++
		profile := uuid.Nil
		switch {
		case e.user != "":
			profile = identity.ProfileID("user_id", e.user)
		case e.anon != "":
			profile = identity.ProfileID("anonymous_id", e.anon)
		}
		at := start.Add(time.Duration(e.at) * time.Minute)
		traits := "{}"
		if e.email != "" {
			traits = fmt.Sprintf(`{"email":%q}`, e.email)
		}
		payload := fmt.Sprintf(`{"type":%q,"previousId":%q}`, e.kind, e.previous)
		rows[i] = []any{fmt.Sprintf("m%03d", b.events), "web", e.kind, e.user, e.anon, profile, at, at, at, at, loaded, traits, payload}
	}
	columns := []string{"message_id", "source", "type", "user_id", "anonymous_id", "profile_id", "timestamp", "original_timestamp", "stable_time", "received_at", "loaded_at", "traits", "payload"}
	require.NoError(b, b.db.Insert(context.Background(), "events_raw", columns, rows, warehouse.InsertOptions{}))
}

func (b *bench) run() identity.Report {
	b.Helper()
	report, err := b.resolver.Run(context.Background())
	require.NoError(b, err)
	return report
}

// profileOf is the canonical profile of an identifier.
func (b *bench) profileOf(kind, value string) uuid.UUID {
	b.Helper()
	var id uuid.UUID
	err := b.db.Get(context.Background(), &id, "SELECT profile_id FROM identities FINAL WHERE kind = ? AND value = ?", kind, value)
	require.NoError(b, err, "%s %s", kind, value)
	return id
}

func (b *bench) same(ids ...[2]string) {
	b.Helper()
	first := b.profileOf(ids[0][0], ids[0][1])
	for _, id := range ids[1:] {
		require.Equal(b, first, b.profileOf(id[0], id[1]), "%v and %v", ids[0], id)
	}
}

func (b *bench) apart(x, y [2]string) {
	b.Helper()
	require.NotEqual(b, b.profileOf(x[0], x[1]), b.profileOf(y[0], y[1]))
}

func (b *bench) count(sql string, args ...any) uint64 {
	b.Helper()
	var n uint64
	require.NoError(b, b.db.Get(context.Background(), &n, sql, args...))
	return n
}

func user(v string) [2]string  { return [2]string{"user_id", v} }
func anon(v string) [2]string  { return [2]string{"anonymous_id", v} }
func email(v string) [2]string { return [2]string{"email", v} }
