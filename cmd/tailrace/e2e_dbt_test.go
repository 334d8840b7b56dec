package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
)

// TestDbtPage plays docs/dbt.md: its files over the shop project, a second database of the warehouse as dbt would have
// built it, and the page's commands.
func TestDbtPage(t *testing.T) {
	t.Parallel()
	warehouse := serveWarehouseProcess(t)
	clickhouse := func(sql string) {
		res, err := http.Post(warehouse.dsn(), "text/plain", strings.NewReader(sql))
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode, sql)
	}
	clickhouse("CREATE DATABASE analytics")
	clickhouse("CREATE TABLE analytics.dim_customers (customer_id String, email String, plan String) ENGINE = MergeTree ORDER BY customer_id")
	clickhouse("INSERT INTO analytics.dim_customers VALUES ('c1', 'ada@example.com', 'pro'), ('c2', 'bob@example.com', 'free')")

	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "dbt.md"))
	require.NoError(t, err)
	files := map[string]string{"destinations/webhook.yml": "connector: webhook\nbase_url: https://hook.example/in\nsandbox: true\n"}
	for _, m := range regexp.MustCompile("(?ms)^```(?:yaml|sql)\n(?:#|--) (\\S+\\.(?:yml|sql))\n(.*?)^```").FindAllStringSubmatch(string(page), -1) {
		files[m[1]] = m[2]
	}
	require.Len(t, files, 4)
	p := setup(t, files, "TAILRACE_WAREHOUSE="+warehouse.dsn())
	target := filepath.Join("..", "..", "project", "dbt", "testdata")
	run := func(args ...string) string {
		out, errs, code := p.tailrace(args...)
		require.Zero(t, code, "%s%s", out, errs)
		return out
	}
	require.Contains(t, run("validate"), "the project is valid")
	out := run("run", "--after-dbt", "--manifest", filepath.Join(target, "manifest.json"))
	require.Regexp(t, `analytics.dim_customers\s+built`, out)
	require.Regexp(t, `pro_customers\s*│\s*1\s*│\s*published`, out)
	require.Contains(t, out, "customers_to_hook")

	// With a server, the build makes it all due there.
	clickhouse("INSERT INTO analytics.dim_customers VALUES ('c3', 'eve@example.com', 'pro')")
	p.start()
	require.Equal(t, 1, warehouse.count("SELECT count() FROM tailrace_project.pro_customers"))
	results, err := os.ReadFile(filepath.Join(target, "run_results.json"))
	require.NoError(t, err)
	again := filepath.Join(t.TempDir(), "run_results.json")
	require.NoError(t, os.WriteFile(again, []byte(strings.ReplaceAll(string(results), "000000000002", "000000000003")), 0o600))
	run("run", "--after-dbt", "--no-wait", "--manifest", filepath.Join(target, "manifest.json"), "--run-results", again)
	p.eventually("the server follows", func() bool {
		return warehouse.count("SELECT count() FROM tailrace_project.pro_customers") == 2 &&
			warehouse.count("SELECT count() FROM tailrace.sync_state FINAL WHERE applied_hash != 0") == 3
	})
	external := call[struct{ Items []api.ExternalView }](p, http.MethodGet, "/api/v1/external", nil)
	require.Equal(t, "analytics.dim_customers", external.Items[0].Table)
	require.Contains(t, run("external"), "dbt's hook")
	written := filepath.Join(t.TempDir(), "tailrace_exposures.yml")
	run("exposures", "--manifest", filepath.Join(target, "manifest.json"), "--out", written)
	exposures, err := os.ReadFile(written)
	require.NoError(t, err)
	require.Contains(t, string(exposures), "name: tailrace_customers_to_hook")
	require.Contains(t, string(exposures), "ref('dim_customers')")
}
