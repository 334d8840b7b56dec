package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

func TestProject(t *testing.T) {
	b := setup(t)
	var p api.ProjectView
	got := b.ask(api.Viewer, http.MethodGet, "/api/v1/project", nil)
	got.into(200, &p)
	require.Equal(t, b.project.Hash, p.Hash)
	require.Equal(t, "shop", p.Name)
	require.Len(t, p.Audiences, 1)
	require.Equal(t, []string{}, append([]string{}, p.Syncs[0].Consent...))
	require.NotContains(t, string(got.raw), "wk\"", "write keys are secrets")
	require.Contains(t, p.Graph.Edges, api.EdgeView{From: project.Node{Kind: project.KindModel, Name: "shoppers"}, To: project.Node{Kind: project.KindAudience, Name: "buyers"}})

	var reloaded api.ReloadResult
	b.ask(api.Operator, http.MethodPost, "/api/v1/project/reload", map[string]any{}).into(200, &reloaded)
	require.True(t, reloaded.Published)

	var v api.Validation
	b.ask(api.Operator, http.MethodPost, "/api/v1/project/validate", map[string]any{"bundle": json.RawMessage(b.project.Bundle())}).into(200, &v)
	require.True(t, v.Valid, "%v", v.Diagnostics)
	broken := strings.Replace(string(b.project.Bundle()), "FROM shoppers WHERE bought", "FROM nowhere WHERE bought", 1)
	require.NotEqual(t, string(b.project.Bundle()), broken)
	b.ask(api.Operator, http.MethodPost, "/api/v1/project/validate", map[string]any{"bundle": json.RawMessage(broken)}).into(200, &v)
	require.False(t, v.Valid)
	require.Equal(t, "audiences/buyers.sql", v.Diagnostics.Errors()[0].Path)
	b.ask(api.Operator, http.MethodPost, "/api/v1/project/validate", map[string]any{"bundle": "nonsense"}).problem(422)

	var stats api.CollectorStats
	b.ask(api.Viewer, http.MethodGet, "/api/v1/collector", nil).into(200, &stats)
	require.EqualValues(t, 17, stats.PendingBytes)
	require.Nil(t, stats.LastLoad)

	var all list[api.DestinationView]
	b.ask(api.Viewer, http.MethodGet, "/api/v1/destinations", nil).into(200, &all)
	require.Len(t, all.Items, 1)
	require.True(t, all.Items[0].Standin)
	require.Equal(t, []string{"buyers_to_hook"}, all.Items[0].Syncs)
	require.Len(t, all.Items[0].Identities, 1)
	b.account = connectors.Account{Fingerprint: "hub-1", Standin: true}
	var tested api.DestinationTest
	b.ask(api.Operator, http.MethodPost, "/api/v1/destinations/hook/test", nil).into(200, &tested)
	require.Equal(t, api.DestinationTest{Tested: true, Account: &api.AccountView{Fingerprint: "hub-1", Standin: true}}, tested)
	b.refusal = connectors.ErrUnsupported
	b.ask(api.Operator, http.MethodPost, "/api/v1/destinations/hook/test", nil).into(200, &tested)
	require.False(t, tested.Tested)
	b.refusal = errors.New("dialling hook.example: connection refused")
	problem := b.ask(api.Operator, http.MethodPost, "/api/v1/destinations/hook/test", nil).problem(502)
	require.Contains(t, problem.Detail, "connection refused")
	b.ask(api.Operator, http.MethodPost, "/api/v1/destinations/none/test", nil).problem(404)
}

func TestRejectedEvents(t *testing.T) {
	b := setup(t)
	now := time.Now().UTC().Truncate(time.Millisecond) // the table forgets what is older than 90 days by the engine's clock
	var rows [][]any
	for i, reason := range []string{"too_large", "too_large", "invalid_event"} {
		rows = append(rows, []any{"00000000-0000-0000-0000-00000000000" + string(rune('1'+i)), "web", reason, "", "/properties", "m", now.Add(time.Duration(i) * time.Second), `{"email":"ada@example.com","n":1}`})
	}
	require.NoError(t, b.db.Insert(t.Context(), "events_rejected", []string{"id", "source", "reason", "rule", "pointer", "message_id", "received_at", "payload"}, rows, warehouse.InsertOptions{}))
	var first, second list[api.RejectedEvent]
	b.ask(api.Operator, http.MethodGet, "/api/v1/events/rejected?limit=2", nil).into(200, &first)
	require.Len(t, first.Items, 2)
	require.Equal(t, "invalid_event", first.Items[0].Reason)
	require.Contains(t, first.Items[0].Payload, "ada@example.com")
	b.ask(api.Operator, http.MethodGet, "/api/v1/events/rejected?limit=2&cursor="+first.NextCursor, nil).into(200, &second)
	require.Len(t, second.Items, 1)
	require.Empty(t, second.NextCursor)
	got := b.ask(api.Viewer, http.MethodGet, "/api/v1/events/rejected?reason=too_large&source=web", nil)
	requireMasked(t, got)
	var counts list[api.RejectedCount]
	b.ask(api.Viewer, http.MethodGet, "/api/v1/events/rejected/counts", nil).into(200, &counts)
	require.Len(t, counts.Items, 2)
	require.EqualValues(t, 2, counts.Items[0].Events)
	b.ask(api.Viewer, http.MethodGet, "/api/v1/events/rejected?since=2099-01-01T00:00:00Z", nil).into(200, &counts)
	require.Empty(t, counts.Items)
	b.ask(api.Viewer, http.MethodGet, "/api/v1/events/rejected?since=yesterday", nil).problem(422)
}
