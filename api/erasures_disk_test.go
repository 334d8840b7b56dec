package api_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/syncs/erasure"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// filesWith lists the files below a folder in which a text stands, of whatever kind.
func filesWith(t *testing.T, dir string, text []byte) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			var raw []byte
			if raw, err = os.ReadFile(path); bytes.Contains(raw, text) {
				found = append(found, path)
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // parts come and go
		}
		return err
	}))
	return found
}

// TestErasedBytesLeaveTheDisk looks into the engine's own files, where a rewritten part stays for a while.
func TestErasedBytesLeaveTheDisk(t *testing.T) {
	b := setup(t)
	b.advance(time.Until(b.clock()))
	var tables []string
	require.NoError(t, b.db.Select(t.Context(), &tables, "SELECT name FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree'", b.db.Database()))
	for _, table := range tables {
		// As an erasure sets it; a table that is attached afresh doesn't sleep for minutes first.
		require.NoError(t, b.db.Exec(t.Context(), "ALTER TABLE "+table+" MODIFY SETTING cleanup_delay_period = 1, max_cleanup_delay_period = 2, cleanup_delay_period_random_add = 0, cleanup_thread_preferred_points_per_iteration = 0"))
		require.NoError(t, b.db.Exec(t.Context(), "DETACH TABLE "+table))
		require.NoError(t, b.db.Exec(t.Context(), "ATTACH TABLE "+table))
	}
	b.erasures = erasure.New(erasure.Options{DB: b.db, Syncs: b.syncs, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	const canary, user = "qx7vzk3wjh@canary-on-disk.example", "Zk81hQmv0pTd-on-disk"
	b.load(event{kind: "identify", user: user, email: canary}, event{kind: "track", name: "Order Completed", user: user, revenue: 130},
		event{kind: "identify", user: "u2", email: "bob@example.com"}, event{kind: "track", name: "Order Completed", user: "u2", revenue: 20})
	m, err := b.audiences.Start(t.Context(), project.KindAudience, "buyers", audiences.StartOptions{Trigger: audiences.TriggerAPI, Actor: "test"})
	require.NoError(t, err)
	require.NoError(t, b.audiences.Run(t.Context(), m.ID))
	require.Equal(t, syncs.Succeeded, b.sync().State)
	dir := strings.TrimPrefix(warehousetest.DSN(t), "embedded://")
	dir, _, _ = strings.Cut(dir, "?")
	require.NotEmpty(t, filesWith(t, dir, []byte(canary)), "it stands on disk before, so that its absence means something")
	require.NotEmpty(t, filesWith(t, dir, []byte(user)))

	var x api.ErasureView
	b.ask(api.Officer, http.MethodPost, "/api/v1/erasures", map[string]any{"items": []map[string]any{{"kind": "email", "value": canary}}}).into(202, &x)
	x = b.erase(x.ID)
	require.Equal(t, erasure.Done, x.State, "%s %+v", x.Error, x.Checks)
	for _, c := range x.Checks {
		require.Zero(t, c.Found, c.Place)
	}
	require.Empty(t, b.everywhere(canary))
	require.Empty(t, filesWith(t, dir, []byte(canary)))
	require.Empty(t, filesWith(t, dir, []byte(user)))
	var hurried uint64
	require.NoError(t, b.db.Get(t.Context(), &hurried, "SELECT count() FROM system.tables WHERE database = ? AND position(engine_full, 'old_parts_lifetime = 1,') > 0", b.db.Database()))
	require.Zero(t, hurried, "tables clean up at their own pace again")
}
