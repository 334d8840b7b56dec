package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/syncs/audit"
	"github.com/tailrace/tailrace/warehouse"
)

// TestAuditChain changes, deletes and inserts rows behind the program's back; each is found, and nothing else is.
func TestAuditChain(t *testing.T) {
	b := setup(t)
	b.shop()
	for _, id := range []string{"u1", "u2", "ada@example.com"} {
		b.ask(api.Operator, http.MethodGet, "/api/v1/profiles/"+id, nil)
	}
	require.NoError(t, b.syncs.Pause(t.Context(), "buyers_to_hook", "test", ""))
	other := audit.NewLog(b.db, b.clock)
	for i := range 3 {
		require.NoError(t, other.Append(t.Context(), audit.Entry{Actor: "other", Action: "test", Object: fmt.Sprint(i)}))
	}
	verify := func() (out audit.Report) {
		t.Helper()
		b.ask(api.Admin, http.MethodGet, "/api/v1/audit/verify", nil).into(200, &out)
		return out
	}
	b.ask(api.Officer, http.MethodGet, "/api/v1/audit/verify", nil).problem(403)
	whole := verify()
	require.Empty(t, whole.Findings)
	require.EqualValues(t, 3, whole.Chains)
	require.Greater(t, whole.Rows, uint64(6))

	inPlace := warehouse.Settings{"mutations_sync": 2}
	exec := func(sql string) {
		t.Helper()
		require.NoError(t, b.db.Exec(t.Context(), sql, inPlace))
	}
	const mine = " WHERE actor = 'other'"
	exec("CREATE TABLE kept AS audit_log")
	exec("INSERT INTO kept SELECT * FROM audit_log")
	for what, tamper := range map[string][]string{
		"changed":         {"ALTER TABLE audit_log UPDATE actor = 'nobody' WHERE actor = 'other' AND seq = 2"},
		"detail changed":  {"ALTER TABLE audit_log UPDATE object = 'x' WHERE actor = 'other' AND seq = 2"},
		"time changed":    {"ALTER TABLE audit_log UPDATE remote_ip = '1.2.3.4' WHERE actor = 'other' AND seq = 3"},
		"blanked":         {"ALTER TABLE audit_log UPDATE object = '(erased)', detail = '(erased)', nonce = '' WHERE actor = 'other' AND seq = 1"},
		"deleted":         {"ALTER TABLE audit_log DELETE" + mine + " AND seq = 2"},
		"first deleted":   {"ALTER TABLE audit_log DELETE" + mine + " AND seq = 1"},
		"last deleted":    {"ALTER TABLE audit_log DELETE" + mine + " AND seq = 3"},
		"chain deleted":   {"ALTER TABLE audit_log DELETE" + mine},
		"inserted":        {"INSERT INTO audit_log SELECT * REPLACE (generateUUIDv4() AS id, 'forged' AS action) FROM (SELECT * FROM audit_log" + mine + " AND seq = 2)"},
		"inserted behind": {"INSERT INTO audit_log SELECT * REPLACE (seq + 1 AS seq, 'forged' AS action) FROM (SELECT * FROM audit_log" + mine + " AND seq = 3)"},
		"inserted before": {"INSERT INTO audit_log SELECT * REPLACE ('' AS writer, 0 AS seq) FROM (SELECT * FROM audit_log" + mine + " AND seq = 3)"},
	} {
		for _, sql := range tamper {
			exec(sql)
		}
		require.NotEmpty(t, verify().Findings, what)
		exec("TRUNCATE TABLE audit_log")
		exec("INSERT INTO audit_log SELECT * FROM kept")
		require.Empty(t, verify().Findings, what)
	}

	// What an erasure blanks still verifies, and the chain goes on behind it.
	var erased api.ErasureView
	b.ask(api.Officer, http.MethodPost, "/api/v1/erasures", map[string]any{"items": []map[string]any{{"kind": "email", "value": "ada@example.com"}}}).into(202, &erased)
	b.erase(erased.ID)
	b.ask(api.Operator, http.MethodGet, "/api/v1/profiles/u2", nil)
	after := verify()
	require.Empty(t, after.Findings)
	require.Positive(t, after.Erased)
	require.Greater(t, after.Rows, whole.Rows)
	require.NotEqual(t, whole.Head, after.Head)
}

// TestWrongTokensAreSlowedDown guesses tokens; a right one isn't let in either from that address until a minute is over.
func TestWrongTokensAreSlowedDown(t *testing.T) {
	b := setup(t)
	for i := range 20 {
		b.askWith(fmt.Sprint("guess ", i), http.MethodGet, "/api/v1/whoami", nil).problem(http.StatusUnauthorized)
	}
	refused := b.ask(api.Admin, http.MethodGet, "/api/v1/whoami", nil)
	refused.problem(http.StatusTooManyRequests)
	require.Equal(t, "61", refused.header.Get("Retry-After"))
	b.advance(time.Minute)
	require.Equal(t, 200, b.ask(api.Admin, http.MethodGet, "/api/v1/whoami", nil).status)
}

// TestLastAdminTokenStays: without it nobody but who opens the data folder could make another.
func TestLastAdminTokenStays(t *testing.T) {
	b := setup(t)
	tokens := api.NewTokens(b.db, b.clock)
	tokens.Fix("the local one", api.Identity{ID: "local", Role: api.Admin})
	first, _, err := tokens.Create(t.Context(), "first", api.Admin, "test")
	require.NoError(t, err)
	viewer, _, err := tokens.Create(t.Context(), "viewer", api.Viewer, "test")
	require.NoError(t, err)
	require.ErrorContains(t, tokens.Revoke(t.Context(), first.ID), "last admin token")
	require.NoError(t, tokens.Revoke(t.Context(), viewer.ID))
	b.advance(time.Second)
	second, _, err := tokens.Create(t.Context(), "second", api.Admin, "test")
	require.NoError(t, err)
	require.NoError(t, tokens.Revoke(t.Context(), first.ID))
	require.ErrorContains(t, tokens.Revoke(t.Context(), second.ID), "last admin token")
}
