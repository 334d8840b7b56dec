package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
)

// route is one operation of the OpenAPI document.
type route struct {
	method, path string
	role         api.Role
}

// routes walks the document that the server serves, so that no endpoint is forgotten.
func routes(t *testing.T, doc *huma.OpenAPI) []route {
	t.Helper()
	var out []route
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
			http.MethodDelete: item.Delete, http.MethodPatch: item.Patch} {
			if op == nil {
				continue
			}
			role, _ := op.Extensions["x-role"].(api.Role)
			require.Contains(t, []api.Role{api.Viewer, api.Operator, api.Officer, api.Admin}, role, "%s %s names no role", method, path)
			require.NotEmpty(t, op.Security, "%s %s asks for no token", method, path)
			out = append(out, route{method, path, role})
		}
	}
	slices.SortFunc(out, func(a, b route) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	require.Greater(t, len(out), 10)
	return out
}

// TestAuthorization asks every route with every role and every state of a token.
func TestAuthorization(t *testing.T) {
	b := setup(t)
	revoked, secret, err := b.tokens.Create(b.Context(), "gone", api.Admin, "test")
	require.NoError(t, err)
	require.NoError(t, b.tokens.Revoke(b.Context(), revoked.ID))
	rank := map[api.Role]int{api.Viewer: 1, api.Operator: 2, api.Officer: 3, api.Admin: 4}
	for _, r := range routes(t, b.server.OpenAPI()) {
		path := strings.NewReplacer("/profiles/{id}", "/profiles/"+uuid.NewString(), "{name}", "nobody", "{id}", "nothing").Replace(r.path)
		require.NotContains(t, path, "{", "name a value for the path's parameter")
		for _, bad := range []string{"", "wrong", secret} {
			got := b.askWith(bad, r.method, path, nil)
			got.problem(http.StatusUnauthorized)
			require.Contains(t, got.header.Get("WWW-Authenticate"), "Bearer")
		}
		for role := range rank {
			got := b.ask(role, r.method, path, nil)
			if rank[role] < rank[r.role] {
				p := got.problem(http.StatusForbidden)
				require.Contains(t, p.Detail, string(r.role))
				continue
			}
			require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusInternalServerError}, got.status, "%s %s as %s: %s", r.method, path, role, got.raw)
			require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), "%s %s", r.method, path)
			if got.status >= 400 {
				require.Equal(t, "application/problem+json", got.header.Get("Content-Type"), "%s %s: %s", r.method, path, got.raw)
			}
		}
	}
}

func TestWhoAmI(t *testing.T) {
	b := setup(t)
	var me api.Identity
	b.ask(api.Operator, http.MethodGet, "/api/v1/whoami", nil).into(200, &me)
	require.Equal(t, api.Identity{ID: "operator-1", Name: "operator", Role: api.Operator}, me)
}

func TestTokens(t *testing.T) {
	b := setup(t)
	var made api.NewToken
	b.ask(api.Admin, http.MethodPost, "/api/v1/tokens", map[string]string{"name": "ci", "role": "viewer"}).into(201, &made)
	require.True(t, strings.HasPrefix(made.Secret, "tr_api_"))
	var me api.Identity
	b.askWith(made.Secret, http.MethodGet, "/api/v1/whoami", nil).into(200, &me)
	require.Equal(t, made.ID, me.ID)
	got := b.ask(api.Admin, http.MethodGet, "/api/v1/tokens", nil)
	var list struct{ Items []api.Token }
	got.into(200, &list)
	require.Len(t, list.Items, 1)
	require.NotContains(t, string(got.raw), made.Secret)
	require.Equal(t, http.StatusNoContent, b.ask(api.Admin, http.MethodDelete, "/api/v1/tokens/"+made.ID, nil).status)
	b.askWith(made.Secret, http.MethodGet, "/api/v1/whoami", nil).problem(http.StatusUnauthorized)
	b.ask(api.Admin, http.MethodDelete, "/api/v1/tokens/tok_none", nil).problem(http.StatusNotFound)
	b.ask(api.Admin, http.MethodPost, "/api/v1/tokens", map[string]string{"name": "ci", "role": "root"}).problem(http.StatusUnprocessableEntity)
	var stored []string
	require.NoError(t, b.db.Select(b.Context(), &stored, "SELECT concat(id, name, hash) FROM "+b.db.Database()+".api_tokens"))
	require.NotContains(t, strings.Join(stored, " "), made.Secret, "only a hash is stored")
}

func TestUnknownPathsAreProblems(t *testing.T) {
	b := setup(t)
	b.ask(api.Admin, http.MethodGet, "/api/v1/nothing", nil).problem(http.StatusNotFound)
	got := b.ask(api.Admin, http.MethodPatch, "/api/v1/tokens", nil)
	got.problem(http.StatusMethodNotAllowed)
	require.Contains(t, got.header.Get("Allow"), "POST")
	b.ask(api.Admin, http.MethodPost, "/api/v1/tokens", []byte("{")).problem(http.StatusBadRequest)
	b.ask(api.Admin, http.MethodPost, "/api/v1/tokens", []byte(`{"name":"`+strings.Repeat("x", 2<<20)+`"}`)).problem(http.StatusRequestEntityTooLarge)
}

func TestHealth(t *testing.T) {
	b := setup(t)
	require.Equal(t, "ok\n", string(b.ask("", http.MethodGet, "/healthz", nil).raw))
	var ready api.Readiness
	b.ask("", http.MethodGet, "/readyz", nil).into(200, &ready)
	require.True(t, ready.Ready)
	require.Equal(t, 200, b.ask("", http.MethodGet, "/metrics", nil).status)
	var doc struct {
		OpenAPI string
		Paths   map[string]json.RawMessage
	}
	b.ask("", http.MethodGet, "/openapi.json", nil).into(200, &doc)
	require.True(t, strings.HasPrefix(doc.OpenAPI, "3.1"))
	require.Contains(t, doc.Paths, "/api/v1/query")
}
