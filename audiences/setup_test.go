package audiences_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

var start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// queue keeps what was enqueued.
type queue struct {
	mu  sync.Mutex
	ids []string
}

func (q *queue) Enqueue(_ context.Context, kind, id string, _ ...jobs.EnqueueOption) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ids = append(q.ids, kind+":"+id)
	return nil
}

type bench struct {
	*testing.T
	ctx      context.Context
	db       *warehouse.DB
	a        *audiences.Audiences
	resolver *identity.Resolver
	queue    *queue
	dir      string
	project  *project.Project
	now      time.Time
	events   int
}

func setup(t *testing.T, files map[string]string) *bench {
	t.Helper()
	t.Parallel()
	return newBench(t, warehousetest.Open(t), files)
}

func newBench(t *testing.T, db *warehouse.DB, files map[string]string) *bench {
	t.Helper()
	b := &bench{T: t, ctx: context.Background(), db: db, queue: &queue{}, dir: t.TempDir(), now: start}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	now := func() time.Time { return b.now }
	b.a = audiences.New(audiences.Options{
		DB: b.db, Project: func() *project.Project { return b.project }, Queue: b.queue, Now: now, Log: log,
	})
	b.resolver = &identity.Resolver{DB: b.db, Now: now, Log: log}
	b.write(files)
	return b
}

// write puts files into the project and applies it; "" removes one.
func (b *bench) write(files map[string]string) {
	b.Helper()
	found := b.writeUnchecked(files)
	require.False(b, found.HasErrors(), "%v", found)
}

// writeUnchecked is write for a project that validation may refuse.
func (b *bench) writeUnchecked(files map[string]string) project.Diagnostics {
	b.Helper()
	p, diagnostics := b.read(files)
	b.project = p
	found, err := b.a.Apply(b.ctx)
	require.NoError(b, err)
	return append(diagnostics, found...)
}

// read puts files into the project's folder and reads it.
func (b *bench) read(files map[string]string) (*project.Project, project.Diagnostics) {
	b.Helper()
	for name, text := range files {
		path := filepath.Join(b.dir, name)
		if text == "" {
			require.NoError(b, os.Remove(path))
			continue
		}
		require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(b, os.WriteFile(path, []byte(text), 0o644))
	}
	config := filepath.Join(b.dir, "tailrace.yml")
	if _, err := os.Stat(config); err != nil {
		require.NoError(b, os.WriteFile(config, []byte("name: test\n"), 0o644))
	}
	p, diagnostics := project.Load(b.dir, func(string) (string, bool) { return "", false })
	require.NotNil(b, p, "%v", diagnostics)
	return p, diagnostics
}

// event is what matters of an event here; at is before start.
type event struct {
	kind, name, user, anon, email string
	revenue                       float64
	ago                           time.Duration
}

const day = 24 * time.Hour

func (b *bench) load(events ...event) {
	b.Helper()
	rows := make([][]any, len(events))
	for i, e := range events {
		b.events++
		profile := identity.ProfileID("anonymous_id", e.anon)
		if e.user != "" {
			profile = identity.ProfileID("user_id", e.user)
		}
		kind := e.kind
		if kind == "" {
			kind = "track"
		}
		at := start.Add(-e.ago)
		traits := "{}"
		if e.email != "" {
			traits = fmt.Sprintf(`{"email":%q}`, e.email)
		}
		rows[i] = []any{fmt.Sprintf("m%05d", b.events), "web", kind, e.name, e.user, e.anon, profile, at, at, at, at,
			fmt.Sprintf(`{"revenue":%v}`, e.revenue), traits, "{}"}
	}
	columns := []string{"message_id", "source", "type", "event", "user_id", "anonymous_id", "profile_id", "timestamp",
		"original_timestamp", "stable_time", "received_at", "properties", "traits", "payload"}
	require.NoError(b, b.db.Insert(b.ctx, "events_raw", columns, rows, warehouse.InsertOptions{}))
}

func (b *bench) resolve() {
	b.Helper()
	_, err := b.resolver.Run(b.ctx)
	require.NoError(b, err)
}

// materialize starts and runs a version, and returns it.
func (b *bench) materialize(kind project.Kind, name string) audiences.Materialization {
	b.Helper()
	m, err := b.a.Start(b.ctx, kind, name, audiences.StartOptions{Trigger: audiences.TriggerPerson, Actor: "test"})
	require.NoError(b, err)
	require.NoError(b, b.a.Run(b.ctx, m.ID))
	return b.get(m.ID)
}

func (b *bench) audience(name string) audiences.Materialization {
	b.Helper()
	return b.materialize(project.KindAudience, name)
}

func (b *bench) get(id string) audiences.Materialization {
	b.Helper()
	m, err := b.a.Materialization(b.ctx, id)
	require.NoError(b, err)
	return m
}

func (b *bench) texts(sql string, args ...any) []string {
	b.Helper()
	var out []string
	require.NoError(b, b.db.Select(b.ctx, &out, sql, args...))
	return out
}

// in qualifies a name of the project's database.
func (b *bench) in(name string) string { return b.db.ProjectDatabase() + "." + name }

func (b *bench) changes(name string) []string {
	b.Helper()
	return b.texts("SELECT concat(toString(version), ' ', change, ' ', key, ' ', arrayStringConcat(because, '+'))"+
		" FROM audience_changes WHERE name = ? ORDER BY version, change, key", name)
}

func profile(kind, value string) string { return identity.ProfileID(kind, value).String() }

// loadAlias says that two user ids are one person.
func (b *bench) loadAlias(user, previous string) {
	b.Helper()
	b.events++
	columns := []string{"message_id", "source", "type", "user_id", "profile_id", "timestamp", "original_timestamp", "stable_time", "received_at", "payload"}
	row := []any{fmt.Sprintf("m%05d", b.events), "web", "alias", user, identity.ProfileID("user_id", user), start, start, start, start,
		fmt.Sprintf(`{"previousId":%q}`, previous)}
	require.NoError(b, b.db.Insert(b.ctx, "events_raw", columns, [][]any{row}, warehouse.InsertOptions{}))
}

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}
