package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/connectors/sandbox"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/syncs/erasure"
	"github.com/tailrace/tailrace/warehouse"
)

// TestKillInErasure erases a person by e-mail and kills the server while a vendor is told and while tables are erased.
// It goes on by itself; then no vendor, no table and no file knows the person, and everybody else is as before.
func TestKillInErasure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20, 20*time.Millisecond)
	const user = "canary-Zk81hQmv0pTd"
	const email = user + "@people.example"
	status, err := w.post([]map[string]any{{"type": "identify", "messageId": "canary-identify", "userId": user, "traits": map[string]any{"email": email, "name": "Ada"}}})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	w.score(map[string]int{user: 90})
	w.materialize()
	for _, name := range []string{"to_mailer", "to_crm"} {
		r := w.startRun(name)
		require.NoError(t, settled(w.finish(r.ID)), name)
	}
	require.Len(t, w.high(), w.held())
	require.True(t, w.known(email), "both vendors have the person before")
	require.NotEmpty(t, w.filesWith(user))

	w.mailer.Faults().Add(sandbox.Fault{Kind: hangs, Applied: true})
	out, stderr, code := w.tailrace("erase", "email:"+email, "--reason", "request 4711", "--no-wait", "--json")
	require.Zero(t, code, stderr)
	var x api.ErasureView
	require.NoError(t, json.Unmarshal([]byte(out), &x), out)
	show := func() api.ErasureView {
		return call[api.ErasureView](w.process, http.MethodGet, "/api/v1/erasures/"+x.ID, nil)
	}
	w.eventually("a vendor is being told", func() bool { return w.mailer.Faults().Hits() > 0 && show().State == erasure.Removing })
	w.kill()
	w.start()
	w.eventually("tables are being erased", func() bool { return slices.Contains([]erasure.State{erasure.Erasing, erasure.Verifying}, show().State) })
	w.kill()
	w.start()
	w.eventually("it is erased and looked at", func() bool {
		x = show()
		return x.State.Over() || x.Counts["rounds"] > 0 && x.State == erasure.Verifying
	})
	w.eventually("the erasure is over", func() bool { x = show(); return x.State.Over() })
	for _, c := range x.Checks {
		require.Zero(t, c.Found, c.Place)
	}
	require.Equal(t, erasure.Done, x.State, x.Error)
	require.Len(t, x.Receipts, 2)
	for _, r := range x.Receipts {
		require.Equal(t, "accepted", r.Status, r.Sync)
		require.Equal(t, "erase", r.Action, r.Sync)
		require.EqualValues(t, 1, r.Rows, r.Sync)
	}
	require.False(t, w.known(email), "no vendor has the person")
	out, stderr, code = w.tailrace("erase", "verify", x.ID, "email:"+email)
	require.Zero(t, code, out+stderr)
	require.Contains(t, out, "nothing found")

	// Everybody else is where they were, and what is computed and sent next has nobody more.
	delete(w.scores, user)
	require.Len(t, w.high(), w.held())
	w.materialize()
	done := w.finish(w.startRun("to_crm").ID)
	require.Equal(t, syncs.Succeeded, done.State, done.Error)
	require.Zero(t, done.Sums.Planned)
	require.False(t, w.known(email))

	_, err = w.terminate()
	require.NoError(t, err)
	require.Empty(t, w.filesWith(user))
	require.NotContains(t, w.tail(1<<30), user)
	require.Empty(t, w.tablesWith(user))
	require.Contains(t, w.tablesWith("p0001"), "events_raw", "the search finds others")
}

// known reports whether both vendors hold somebody; either alone fails the test.
func (w *world) known(email string) bool {
	w.t.Helper()
	crm, mailer := false, false
	for _, c := range w.crm.State().Contacts {
		crm = crm || c.Properties["email"] == string(bytes.ToLower([]byte(email)))
	}
	for _, item := range w.mailer.State().Records["people"] {
		mailer = mailer || item.Identifiers["email"] == email
	}
	require.Equal(w.t, crm, mailer, "one vendor has the person and one has not")
	return crm
}

// filesWith lists the files of the data folder in which a text stands: the engine's, the log's, all.
func (w *world) filesWith(text string) (found []string) {
	w.t.Helper()
	require.NoError(w.t, filepath.WalkDir(w.data, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			var raw []byte
			if raw, err = os.ReadFile(path); bytes.Contains(raw, []byte(text)) {
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

// tablesWith lists the tables of a stopped server in which a text stands, masked rows too.
func (w *world) tablesWith(text string) (found []string) {
	w.t.Helper()
	db, err := warehouse.Open(w.t.Context(), warehouse.Options{DSN: "embedded://" + filepath.Join(w.data, "warehouse")})
	require.NoError(w.t, err)
	defer func() { require.NoError(w.t, db.Close()) }()
	var tables []string
	require.NoError(w.t, db.Select(w.t.Context(), &tables, "SELECT name FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree' ORDER BY name", db.Database()))
	require.NotEmpty(w.t, tables)
	for _, table := range tables {
		var rows bytes.Buffer
		require.NoError(w.t, db.StreamFormat(w.t.Context(), &rows, "SELECT * FROM "+db.Database()+"."+table, "JSONEachRow", warehouse.Settings{"apply_deleted_mask": 0}))
		if bytes.Contains(rows.Bytes(), []byte(text)) {
			found = append(found, table)
		}
	}
	return found
}
