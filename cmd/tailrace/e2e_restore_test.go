package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/jobs/redistest"
	"github.com/tailrace/tailrace/syncs"
)

// TestRestoreOfAnOldCopy puts an old copy of the data folder back, as after a lost disk: nothing is sent before a person
// says so. It is noticed by Redis, or by the mark that was kept beside, and a Redis or folder that forgot is no restore.
func TestRestoreOfAnOldCopy(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	options, err := goredis.ParseURL(redis.URL())
	require.NoError(t, err)
	client := goredis.NewClient(options)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	flush := func() { require.NoError(t, client.FlushAll(t.Context()).Err()) }
	w := newWorld(t, 40, 0, "TAILRACE_REDIS="+redis.URL())
	w.materialize()
	require.Equal(t, syncs.Succeeded, w.finish(w.startRun("to_mailer").ID).State)
	stop := func() {
		_, err := w.terminate()
		require.NoError(t, err)
	}
	stop()
	backup := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, os.CopyFS(backup, os.DirFS(w.data)))

	flush()
	require.NoError(t, os.Remove(filepath.Join(w.data, "ledger.mark")))
	w.start()
	w.shuffle()
	w.materialize()
	require.Equal(t, syncs.Succeeded, w.finish(w.startRun("to_mailer").ID).State, "what is forgotten is no restore")
	before := w.mailer.State()
	stop()

	restore := func() {
		require.NoError(t, os.RemoveAll(w.data))
		require.NoError(t, os.CopyFS(w.data, os.DirFS(backup)))
	}
	refused := func() {
		t.Helper()
		status, raw, err := w.ask(http.MethodPost, "/api/v1/syncs/to_mailer/runs", map[string]any{})
		require.NoError(t, err)
		require.Equal(t, http.StatusConflict, status, "%s", raw)
		require.Contains(t, string(raw), "restored from a backup")
	}
	mark, err := os.ReadFile(filepath.Join(w.data, "ledger.mark"))
	require.NoError(t, err)
	restore()
	w.start() // Redis remembers
	refused()
	stop()
	flush()
	restore()
	require.NoError(t, os.WriteFile(filepath.Join(w.data, "ledger.mark"), mark, 0o600)) // the mark was kept beside the copy
	w.start()
	refused()

	out, errs, code := w.tailrace("syncs", "list", "--held")
	require.Zero(t, code, errs)
	require.Contains(t, out, "restored")
	require.Contains(t, out, "to_crm")
	out, _, _ = w.tailrace("doctor") // which also finds that a webhook can't be tested
	require.Contains(t, out, "Syncs are held")
	require.Equal(t, before.Counts, w.mailer.State().Counts, "nothing was sent")

	_, errs, code = w.tailrace("syncs", "release", "to_mailer", "--reason", "looked at it")
	require.Zero(t, code, errs)
	w.score(w.scores) // the events since the copy are lost with it; their senders have them
	w.materialize()
	_, errs, code = w.tailrace("sync", "to_mailer", "--full")
	require.Zero(t, code, errs)
	require.Equal(t, len(w.high()), w.held())
	held := call[api.LedgerView](w.process, http.MethodGet, "/api/v1/ledger", nil)
	require.Equal(t, []string{"to_crm"}, held.Held)
}
