package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

func dbtFile(t *testing.T, name, database string) json.RawMessage {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "project", "dbt", "testdata", name))
	require.NoError(t, err)
	return json.RawMessage(strings.ReplaceAll(string(raw), "`analytics`", "`"+database+"`"))
}

// TestDbtHook: the tables that dbt built make their dependants due, and nothing else does.
func TestDbtHook(t *testing.T) {
	b := setup(t)
	other := warehousetest.NewDatabase()
	exec := func(sql string) { require.NoError(t, b.db.Exec(t.Context(), sql)) }
	exec("CREATE DATABASE " + other)
	t.Cleanup(func() { require.NoError(t, b.db.Drop(context.Background(), other)) })

	manifest, results := dbtFile(t, "manifest.json", other), dbtFile(t, "run_results.json", other)
	p := b.ask(api.Operator, http.MethodPost, "/api/v1/hooks/dbt", map[string]any{"manifest": manifest}).problem(422)
	require.Contains(t, p.Detail, other+".dim_customers")
	require.Contains(t, p.Next, "warehouse.read")
	b.ask(api.Operator, http.MethodPost, "/api/v1/hooks/dbt", map[string]any{"no": 1}).problem(422)
	b.ask(api.Operator, http.MethodPost, "/api/v1/hooks/dbt", map[string]any{"manifest": manifest, "run_results": manifest}).problem(422)

	for _, table := range []string{"dim_customers", "fct_orders_v2"} {
		exec("CREATE TABLE " + other + "." + table + " (customer_id String, plan String) ENGINE = MergeTree ORDER BY customer_id")
	}
	exec("INSERT INTO " + other + ".dim_customers VALUES ('u1', 'pro')")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tailrace.yml": "warehouse: { read: [" + other + "] }\nexternal:\n  " + other + ".dim_customers: { key: customer_id, owner: data@example.com }\n  " +
			other + ".fct_orders_v2: {}\n",
		"audiences/pro.sql":     "/* audience */ SELECT customer_id AS user_id FROM " + other + ".dim_customers WHERE plan = 'pro'",
		"audiences/daily.sql":   "/* audience\nschedule: every 1d\n*/ SELECT customer_id AS user_id FROM " + other + ".dim_customers",
		"audiences/ordered.sql": "/* audience */ SELECT customer_id AS user_id FROM " + other + ".fct_orders_v2",
		"destinations/hook.yml": "connector: webhook\nbase_url: https://hook.example/in\nsandbox: true\n",
		"syncs/all.yml":         "external: " + other + ".dim_customers\ndestination: hook\nobject: rows\nmode: upsert\nmatch: { id: customer_id }\nfields: { plan: plan }\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	var found project.Diagnostics
	b.project, found = project.Load(dir, env)
	require.Empty(t, found.String())
	_, err := b.audiences.Apply(t.Context())
	require.NoError(t, err)
	// First everything has a result, so that only changes count.
	started, err := b.audiences.StartDue(t.Context())
	require.NoError(t, err)
	for _, m := range started {
		require.NoError(t, b.audiences.Run(t.Context(), m.ID))
	}

	var out api.DbtResult
	b.ask(api.Operator, http.MethodPost, "/api/v1/hooks/dbt", map[string]any{"manifest": manifest, "run_results": results}).into(200, &out)
	require.Equal(t, []api.DbtTable{
		{Table: other + ".dim_customers", Node: "model.shop.dim_customers", Built: true, Reason: "built"},
		{Table: other + ".fct_orders_v2", Node: "model.shop.fct_orders.v2", Reason: "dbt says error"},
	}, out.Tables)
	var due []string
	for _, d := range out.Due {
		due = append(due, d.Name)
		require.Equal(t, d.Name == "daily", d.Waits)
	}
	require.ElementsMatch(t, []string{"pro", "daily", "all"}, due)
	b.advance(2 * 60e9)
	now, err := b.audiences.Due(t.Context())
	require.NoError(t, err)
	require.Len(t, now, 1, "what reads a table whose model failed stays as it is")
	require.Equal(t, "pro", now[0].Name)

	// The manifest alone, as the body.
	b.ask(api.Operator, http.MethodPost, "/api/v1/hooks/dbt", []byte(manifest)).into(200, &out)
	require.Len(t, out.Due, 4)

	var external list[api.ExternalView]
	b.ask(api.Viewer, http.MethodGet, "/api/v1/external", nil).into(200, &external)
	require.Len(t, external.Items, 2)
	require.Equal(t, "One row is a customer.", external.Items[0].Description)
	require.Equal(t, "What they pay for", external.Items[0].Columns[1].Description)
	require.Equal(t, "String", external.Items[0].Columns[1].Type)
	require.Equal(t, "data@example.com", external.Items[0].Owner)
	require.NotNil(t, external.Items[0].Build)
	require.Contains(t, external.Items[0].ReadBy, project.Node{Kind: project.KindSync, Name: "all"})
}
