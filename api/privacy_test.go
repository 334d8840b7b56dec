package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
)

func TestConsentsAndSuppressions(t *testing.T) {
	b := setup(t)
	put := func(path string, items ...map[string]any) answer {
		return b.ask(api.Operator, http.MethodPut, path, map[string]any{"items": items})
	}
	var written api.Written
	put("/api/v1/consents",
		map[string]any{"kind": "email", "value": " Ada@Example.com ", "category": "marketing", "status": "granted"},
		map[string]any{"kind": "user_id", "value": "u2", "category": "marketing", "status": "denied", "source": "form", "at": "2026-01-02T03:04:05Z"},
	).into(200, &written)
	require.Equal(t, 2, written.Written)
	var consents struct {
		Items      []api.Consent
		NextCursor string `json:"next_cursor"`
	}
	b.ask(api.Operator, http.MethodGet, "/api/v1/consents?kind=email", nil).into(200, &consents)
	require.Len(t, consents.Items, 1)
	require.Equal(t, "ada@example.com", consents.Items[0].Value)
	require.Equal(t, "granted", consents.Items[0].Status)
	require.Equal(t, "api", consents.Items[0].Source)
	require.True(t, start.Equal(consents.Items[0].At))

	// The latest word wins, and one that is older comes too late.
	b.advance(time.Hour)
	put("/api/v1/consents", map[string]any{"kind": "email", "value": "ada@example.com", "category": "marketing", "status": "denied"}).into(200, &written)
	put("/api/v1/consents", map[string]any{"kind": "email", "value": "ada@example.com", "category": "marketing", "status": "granted", "at": "2026-01-01T00:00:00Z"}).into(200, &written)
	b.ask(api.Operator, http.MethodGet, "/api/v1/consents?value=ada@example.com", nil).into(200, &consents)
	require.Len(t, consents.Items, 1)
	require.Equal(t, "denied", consents.Items[0].Status)

	p := put("/api/v1/consents", map[string]any{"kind": "email", "value": "a@b.c", "category": "m", "status": "granted", "at": "2099-01-01T00:00:00Z"}).problem(422)
	require.Contains(t, p.Errors[0].Location, "items[0].at")
	put("/api/v1/consents", map[string]any{"kind": "shoe_size", "value": "44", "category": "m", "status": "maybe"}).problem(422)
	put("/api/v1/consents").problem(422)
	p = put("/api/v1/consents", map[string]any{"kind": "email", "value": "a@b.c", "category": "marketting", "status": "granted"}).problem(422)
	require.Contains(t, p.Detail, `names the category "marketting", did you mean marketing?`)
	b.ask(api.Operator, http.MethodPut, "/api/v1/consents", map[string]any{"allow_new": true, "items": []map[string]any{{"kind": "email", "value": "z@b.c", "category": "research", "status": "granted"}}}).into(200, &written)
	put("/api/v1/consents", map[string]any{"kind": "email", "value": "a@b.c", "category": "research", "status": "granted"}).into(200, &written)

	put("/api/v1/suppressions", map[string]any{"kind": "user_id", "value": "u1", "reason": "asked by phone"}).into(200, &written)
	var list struct{ Items []api.Suppression }
	b.ask(api.Operator, http.MethodGet, "/api/v1/suppressions", nil).into(200, &list)
	require.Len(t, list.Items, 1)
	require.Equal(t, "asked by phone", list.Items[0].Reason)
	b.advance(time.Second)
	put("/api/v1/suppressions", map[string]any{"kind": "user_id", "value": "u1", "active": false}).into(200, &written)
	b.ask(api.Operator, http.MethodGet, "/api/v1/suppressions", nil).into(200, &list)
	require.Empty(t, list.Items)

	var log struct{ Items []api.AuditEntry }
	b.ask(api.Admin, http.MethodGet, "/api/v1/audit?limit=1000", nil).into(200, &log)
	actions := map[string]bool{}
	for _, e := range log.Items {
		actions[e.Action] = true
		require.NotContains(t, e.Object+e.Detail, "ada@example.com")
	}
	for _, want := range []string{"read_consents", "write_consents", "read_suppressions", "write_suppressions"} {
		require.True(t, actions[want], want)
	}
}

func TestPagingByCursor(t *testing.T) {
	b := setup(t)
	items := make([]map[string]any, 25)
	for i := range items {
		items[i] = map[string]any{"kind": "user_id", "value": fmt.Sprintf("u%02d", i), "category": "marketing", "status": "granted"}
	}
	require.Equal(t, 200, b.ask(api.Operator, http.MethodPut, "/api/v1/consents", map[string]any{"items": items}).status)
	var seen []string
	cursor := ""
	for pages := 0; ; pages++ {
		require.Less(t, pages, 4)
		var got struct {
			Items      []api.Consent
			NextCursor string `json:"next_cursor"`
		}
		b.ask(api.Operator, http.MethodGet, "/api/v1/consents?limit=10&cursor="+cursor, nil).into(200, &got)
		for _, c := range got.Items {
			seen = append(seen, c.Value)
		}
		if cursor = got.NextCursor; cursor == "" {
			break
		}
	}
	require.Len(t, seen, 25)
	require.IsIncreasing(t, seen)
	for _, path := range []string{"/api/v1/consents", "/api/v1/audit", "/api/v1/runs", "/api/v1/events/rejected"} {
		b.ask(api.Admin, http.MethodGet, path+"?cursor=bm9uc2Vuc2U", nil).problem(422)
		b.ask(api.Admin, http.MethodGet, path+"?limit=100000", nil).problem(422)
	}
	// A cursor of the right form with nonsense in it.
	b.ask(api.Admin, http.MethodGet, "/api/v1/audit?cursor=WyJub3QgYSB0aW1lIiwibm8gdXVpZCJd", nil).problem(422)
	// The audit log, newest first, over pages.
	var first, second struct {
		Items      []api.AuditEntry
		NextCursor string `json:"next_cursor"`
	}
	b.ask(api.Admin, http.MethodGet, "/api/v1/audit?limit=2", nil).into(200, &first)
	require.Len(t, first.Items, 2)
	b.ask(api.Admin, http.MethodGet, "/api/v1/audit?limit=2&cursor="+first.NextCursor, nil).into(200, &second)
	require.NotEmpty(t, second.Items)
	require.NotEqual(t, first.Items[1].ID, second.Items[0].ID)
}
