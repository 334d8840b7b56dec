package api_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/syncs/erasure"
	"github.com/tailrace/tailrace/warehouse"
)

// sync runs buyers_to_hook to its end, with an approval where the guard wants one.
func (b *bench) sync() syncs.Run {
	b.Helper()
	run, err := b.syncs.Start(b.Context(), "buyers_to_hook", syncs.StartOptions{Trigger: "api", Actor: "test"})
	require.NoError(b, err)
	run, err = b.syncs.Drive(b.Context(), run.ID)
	require.NoError(b, err)
	if run.State == syncs.Held {
		_, err = b.syncs.Approve(b.Context(), run.ID, run.PlanDigest, "test")
		require.NoError(b, err)
		run, err = b.syncs.Drive(b.Context(), run.ID)
		require.NoError(b, err)
	}
	return run
}

// everywhere lists the tables of ours in which a text stands, whatever the column.
func (b *bench) everywhere(text string) []string {
	b.Helper()
	var tables, found []string
	require.NoError(b, b.db.Select(b.Context(), &tables, "SELECT name FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree' ORDER BY name", b.db.Database()))
	for _, table := range tables {
		var row bytes.Buffer
		require.NoError(b, b.db.StreamFormat(b.Context(), &row, "SELECT * FROM "+b.db.Database()+"."+table, "JSONEachRow", warehouse.Settings{"apply_deleted_mask": 0}))
		if strings.Contains(strings.ToLower(row.String()), text) {
			found = append(found, table)
		}
	}
	return found
}

// erase takes an erasure to its end, the runs of its syncs too.
func (b *bench) erase(id string) api.ErasureView {
	b.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := b.erasures.Step(b.Context(), id)
		if err == nil {
			break
		}
		require.True(b, erasure.Waits(err), "%v", err)
		if time.Now().After(deadline) {
			x, _ := b.erasures.Get(b.Context(), id)
			checks, _ := b.erasures.Checks(b.Context(), id)
			require.FailNow(b, "the erasure came to no end", "%+v %+v", x, checks)
		}
		<-time.After(50 * time.Millisecond)
		receipts, err := b.erasures.Receipts(b.Context(), id)
		require.NoError(b, err)
		for _, r := range receipts {
			if r.RunID != "" {
				_, err := b.syncs.Drive(b.Context(), r.RunID)
				require.NoError(b, err)
			}
		}
	}
	var x api.ErasureView
	b.ask(api.Officer, http.MethodGet, "/api/v1/erasures/"+id, nil).into(200, &x)
	return x
}

// requireErased sees that nothing was found, and that only parts which the engine is about to delete may be left.
func requireErased(t *testing.T, x api.ErasureView) {
	t.Helper()
	require.NotEmpty(t, x.Checks)
	states := []erasure.State{erasure.Done}
	for _, c := range x.Checks {
		if c.Place == "parts to be deleted" {
			states = append(states, erasure.ManualActionRequired)
			continue
		}
		require.Zero(t, c.Found, c.Place)
	}
	require.Contains(t, states, x.State, x.Error)
}

func TestErasure(t *testing.T) {
	b := setup(t)
	b.shop()
	require.Equal(t, syncs.Succeeded, b.sync().State)
	const ada = "ada@example.com"
	b.ask(api.Operator, http.MethodPut, "/api/v1/consents", map[string]any{"items": []map[string]any{{"kind": "email", "value": ada, "category": "marketing", "status": "granted"}}})
	require.Equal(t, 200, b.ask(api.Operator, http.MethodGet, "/api/v1/profiles/"+ada, nil).status)
	b.ask(api.Operator, http.MethodPost, "/api/v1/query", map[string]any{"sql": "SELECT count() FROM profiles WHERE email = '" + ada + "'"})
	require.NoError(t, b.db.Insert(t.Context(), "events_rejected", []string{"source", "reason", "payload", "received_at"},
		[][]any{{"web", "too_old", `{"userId":"u1","event":"x"}`, start}, {"web", "too_old", `{"userId":"u2","event":"x"}`, start}}, warehouse.InsertOptions{}))
	for _, table := range []string{"audit_log", "consents", "events_raw", "identities", "sync_changes", "sync_exchanges", "sync_state"} {
		require.Contains(t, b.everywhere(ada), table)
	}

	items := map[string]any{"items": []map[string]any{{"kind": "email", "value": "Ada@Example.com"}}, "reason": "request 1"}
	b.ask(api.Operator, http.MethodPost, "/api/v1/erasures", items).problem(403)
	b.ask(api.Officer, http.MethodPost, "/api/v1/erasures", map[string]any{"items": []map[string]any{{"kind": "user_id", "value": "null"}}}).problem(422)
	b.ask(api.Officer, http.MethodGet, "/api/v1/erasures/none", nil).problem(404)

	export := b.ask(api.Officer, http.MethodPost, "/api/v1/exports", map[string]any{"items": items["items"]})
	require.Equal(t, 200, export.status, "%s", export.raw)
	for _, want := range []string{`"_table":"events_raw"`, `"_table":"identities"`, `"_table":"consents"`, `"_table":"sync_state"`, `"_table":"sync_changes"`, `"_table":"audience_changes_raw"`, `"_table":"m_audience_buyers`, ada} {
		require.Contains(t, string(export.raw), want)
	}
	require.NotContains(t, string(export.raw), "bob@example.com")

	var x api.ErasureView
	b.ask(api.Officer, http.MethodPost, "/api/v1/erasures", items).into(202, &x)
	require.Equal(t, erasure.Requested, x.State)
	require.Len(t, x.Receipts, 1)
	var suppressed list[api.Suppression]
	b.ask(api.Operator, http.MethodGet, "/api/v1/suppressions?kind=user_id&value=u1", nil).into(200, &suppressed)
	require.Len(t, suppressed.Items, 1, "they are suppressed before anything else")

	x = b.erase(x.ID)
	requireErased(t, x)
	require.Equal(t, "accepted", x.Receipts[0].Status)
	require.Equal(t, "erase", x.Receipts[0].Action)
	require.EqualValues(t, 1, x.Receipts[0].Rows)
	require.Empty(t, b.everywhere(ada))
	require.Empty(t, b.everywhere(`"u1"`))
	for _, table := range []string{"events_raw", "identities", "sync_changes", "sync_state"} {
		require.Contains(t, b.everywhere("bob@example.com"), table, "nobody else is touched")
	}
	// The ledger's numbers still add up, and the destination got one more message: the erasure.
	run, err := b.syncs.Run(t.Context(), x.Receipts[0].RunID)
	require.NoError(t, err)
	require.NoError(t, run.Sums().Check())
	// Who comes again is suppressed, though nobody here knows the name.
	b.advance(time.Hour)
	b.load(event{kind: "identify", user: "u1", email: ada}, event{kind: "track", name: "Order Completed", user: "u1", revenue: 120})
	m, err := b.audiences.Start(t.Context(), project.KindAudience, "buyers", audiences.StartOptions{Trigger: audiences.TriggerAPI, Actor: "test"})
	require.NoError(t, err)
	require.NoError(t, b.audiences.Run(t.Context(), m.ID))
	b.ask(api.Viewer, http.MethodGet, "/api/v1/materializations/"+m.ID, nil).into(200, &m)
	require.Equal(t, audiences.StatePublished, m.State, "the same rows as before the erasure are no reason to publish nothing")
	require.EqualValues(t, 1, m.Entered)
	run = b.sync()
	require.EqualValues(t, 1, run.Counts["left_out.suppressed"], "%v", run.Counts)

	// Looked for again, she is found where she came back.
	b.ask(api.Officer, http.MethodPost, "/api/v1/erasures/"+x.ID+"/verify", map[string]any{"items": items["items"]}).into(200, &x)
	require.NotZero(t, x.Checks[0].Found)
	var erasures list[erasure.Erasure]
	b.ask(api.Officer, http.MethodGet, "/api/v1/erasures", nil).into(200, &erasures)
	require.Len(t, erasures.Items, 1)
}

// TestErasureIsRepeatable takes each state's step twice over, as a killed process would.
func TestErasureIsRepeatable(t *testing.T) {
	b := setup(t)
	b.shop()
	require.Equal(t, syncs.Succeeded, b.sync().State)
	x, err := b.erasures.Request(t.Context(), []erasure.Identifier{{Kind: "user_id", Value: "u1"}}, "test", "")
	require.NoError(t, err)
	requireErased(t, b.erase(x.ID))
	for _, state := range []string{"requested", "removing", "erasing", "verifying"} {
		require.NoError(t, b.db.Exec(t.Context(), "INSERT INTO erasures SELECT * REPLACE ({state:String} AS state, seq + 1 AS seq) FROM erasures WHERE erasure_id = {id:String} ORDER BY seq DESC LIMIT 1",
			warehouse.P{"state": state, "id": x.ID}))
		tasks, err := b.erasures.Unfinished(t.Context())
		require.NoError(t, err)
		require.Len(t, tasks, 1)
		requireErased(t, b.erase(x.ID))
	}
	require.Empty(t, b.everywhere("ada@example.com"))
}

// TestErasureWaitsForEveryLog has two collectors beside the one of the process that erases: one answers, one doesn't.
func TestErasureWaitsForEveryLog(t *testing.T) {
	b := setup(t)
	b.shop()
	released := map[string]int{}
	engine := func(name string) *erasure.Engine {
		return erasure.New(erasure.Options{DB: b.db, Syncs: b.syncs, Now: b.clock, PartsFor: -1, Collector: name, Host: "host of " + name,
			Logs: func(context.Context) error { released[name]++; return nil }})
	}
	one, two := engine("one"), engine("two")
	b.erasures = one
	require.NoError(t, two.ReleaseLogs(t.Context()))
	require.Empty(t, released, "nothing waits")
	x, err := one.Request(t.Context(), []erasure.Identifier{{Kind: "user_id", Value: "u1"}}, "test", "")
	require.NoError(t, err)
	require.True(t, erasure.Waits(one.Step(t.Context(), x.ID)))
	x, err = one.Get(t.Context(), x.ID)
	require.NoError(t, err)
	require.Equal(t, erasure.Erasing, x.State)
	require.Contains(t, x.Error, "host of two")
	require.NotContains(t, x.Error, "host of one")
	require.NotEmpty(t, b.everywhere("ada@example.com"), "nothing is erased before every log is in the tables")
	require.NoError(t, two.ReleaseLogs(t.Context()))
	require.NoError(t, two.ReleaseLogs(t.Context()))
	requireErased(t, b.erase(x.ID))
	require.Equal(t, map[string]int{"one": 1, "two": 1}, released)

	// One that ended with an empty log isn't waited for, one that died is, for a while, and then named.
	require.NoError(t, two.LeaveLogs(t.Context()))
	x, err = one.Request(t.Context(), []erasure.Identifier{{Kind: "user_id", Value: "u2"}}, "test", "")
	require.NoError(t, err)
	requireErased(t, b.erase(x.ID))
	require.NoError(t, engine("three").ReleaseLogs(t.Context()))
	x, err = one.Request(t.Context(), []erasure.Identifier{{Kind: "user_id", Value: "u3"}}, "test", "")
	require.NoError(t, err)
	require.True(t, erasure.Waits(one.Step(t.Context(), x.ID)))
	b.advance(11 * time.Minute)
	view := b.erase(x.ID)
	require.Equal(t, erasure.ManualActionRequired, view.State)
	require.Contains(t, view.Error, "host of three (three)")
}
