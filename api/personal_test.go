package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
)

// TestViewersQueryMasked tries to get behind the mask by SQL.
func TestViewersQueryMasked(t *testing.T) {
	b := setup(t)
	b.shop()
	query := func(role api.Role, sql string) string {
		a := b.ask(role, http.MethodPost, "/api/v1/query", map[string]any{"sql": sql})
		require.Equal(t, 200, a.status, "%s: %s", sql, a.raw)
		return string(a.raw)
	}
	require.Contains(t, query(api.Operator, "SELECT email FROM profiles"), "ada@example.com")
	require.Contains(t, query(api.Viewer, "SELECT event, count() AS n FROM events GROUP BY event ORDER BY event"), `{"event":"Order Completed","n":2}`)
	require.Contains(t, query(api.Viewer, "SELECT sum(spent) AS total FROM buyers"), "200")
	require.Contains(t, query(api.Viewer, "SELECT e.email FROM profiles AS e WHERE e.email LIKE 'a%'"), "a•••")
	for _, sql := range []string{
		"SELECT * FROM profiles", "SELECT concat(email, '') AS x FROM profiles", "SELECT reverse(email) AS x FROM profiles", "SELECT hex(email) AS x FROM profiles",
		"SELECT * FROM events", "SELECT payload FROM events_raw", "SELECT toString(traits) AS x FROM events", "SELECT traits.email AS x FROM events",
		"SELECT * FROM shoppers", "SELECT * FROM buyers", "SELECT upper(email) AS x FROM shoppers", "SELECT groupArray(value) AS x FROM identities",
		"WITH p AS (SELECT email FROM profiles) SELECT substring(email, 2) AS x FROM p", "SELECT count() AS n FROM profiles WHERE email = 'ada@example.com'",
		"SELECT * FROM audience_changes", "SELECT (SELECT any(email) FROM profiles) AS x",
	} {
		got := query(api.Viewer, sql)
		for _, secret := range []string{"ada@example.com", "ADA@EXAMPLE", "moc.elpmaxe", "616461", "da@exam", `"u1"`, `{"n":1}`} {
			require.NotContains(t, got, secret, sql)
		}
	}
	b.ask(api.Viewer, http.MethodPost, "/api/v1/query", map[string]any{"sql": "SELECT * FROM " + b.db.ProjectDatabase() + ".profiles"}).problem(422)
	b.ask(api.Viewer, http.MethodPost, "/api/v1/query", map[string]any{"sql": "SELECT * FROM " + b.db.Database() + ".events_raw"}).problem(422)

	var columns list[api.CatalogColumn]
	b.ask(api.Viewer, http.MethodGet, "/api/v1/columns?table=buyers", nil).into(200, &columns)
	personal := map[string]bool{}
	for _, c := range columns.Items {
		personal[c.Column] = c.Personal
	}
	require.Equal(t, map[string]bool{"profile_id": false, "user_id": true, "email": true, "bought": false, "spent": false}, personal)
}
