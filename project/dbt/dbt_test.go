package dbt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

func readFiles(t *testing.T) (*Manifest, *Run) {
	t.Helper()
	file, err := os.Open("testdata/manifest.json")
	require.NoError(t, err)
	defer file.Close()
	m, err := ReadManifest(file)
	require.NoError(t, err)
	results, err := os.Open("testdata/run_results.json")
	require.NoError(t, err)
	defer results.Close()
	run, err := ReadRun(results)
	require.NoError(t, err)
	return m, run
}

func tell(states []State) string {
	var out strings.Builder
	for _, s := range states {
		fmt.Fprintf(&out, "%s %v: %s\n", s.Table, s.Built, s.Reason)
	}
	return out.String()
}

func TestManifestAndRun(t *testing.T) {
	t.Parallel()
	m, run := readFiles(t)
	require.Equal(t, 12, m.Schema)
	require.Equal(t, "shop", m.Project)
	require.Len(t, m.Nodes, 7)
	customers := m.Nodes["model.shop.dim_customers"]
	require.Equal(t, "analytics.dim_customers", customers.Table)
	require.Equal(t, "What they pay for", customers.Columns["plan"])
	require.Empty(t, m.Nodes["model.shop.stg_customers"].Table, "what is ephemeral has no table")
	require.Equal(t, "analytics.all_days", m.Nodes["model.kit.days"].Table)

	require.Equal(t, `analytics.active_customers true: a view over dim_customers, which was built
analytics.all_days false: not in this run
analytics.dim_customers true: built
analytics.fct_orders_v2 false: dbt says error
app.customers false: a source, which dbt doesn't build
app.orders false: a source, which dbt doesn't build
`, tell(m.Built(run)))
	require.Equal(t, `analytics.active_customers true: in the manifest, and no run results tell more
analytics.all_days true: in the manifest, and no run results tell more
analytics.dim_customers true: in the manifest, and no run results tell more
analytics.fct_orders_v2 true: in the manifest, and no run results tell more
app.customers false: a source, which dbt doesn't build
app.orders false: a source, which dbt doesn't build
`, tell(m.Built(nil)))
	// What is sent says the same.
	rawManifest, err := json.Marshal(m)
	require.NoError(t, err)
	sent, err := ReadManifest(bytes.NewReader(rawManifest))
	require.NoError(t, err)
	require.Equal(t, m, sent)
	rawRun, err := json.Marshal(run)
	require.NoError(t, err)
	sentRun, err := ReadRun(bytes.NewReader(rawRun))
	require.NoError(t, err)
	require.Equal(t, run, sentRun)

	id, _ := m.ID(run)
	require.Equal(t, "6c5e1d4e-0000-4000-8000-000000000002", id)
	id, _ = m.ID(nil)
	require.Equal(t, "6c5e1d4e-0000-4000-8000-000000000001", id)
}

func TestWhatIsNoManifest(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:             "unexpected EOF",
		`[]`:           "no file of dbt's",
		`{}`:           "give target/manifest.json",
		`{"nodes":{}}`: "give target/manifest.json",
		`{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/run-results/v6.json"}}`: "give target/manifest.json",
		`{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/manifest/v3.json"}}`:    "v7 to v12",
		`{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/manifest/v12.json"}`:    "EOF",
		`{"macros":{"a":[1,`: "EOF",
	} {
		_, err := ReadManifest(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
	_, err := ReadRun(strings.NewReader(`{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/manifest/v12.json"}}`))
	require.ErrorIs(t, err, ErrNotDbt)
}

func TestRelationNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"`analytics`.`a.b`": "analytics|a.b", `"db"."analytics"."t"`: "db|analytics|t", "analytics.t": "analytics|t",
	} {
		require.Equal(t, want, strings.Join(splitRelation(text), "|"))
	}
}

func TestExposures(t *testing.T) {
	t.Parallel()
	m, _ := readFiles(t)
	var out bytes.Buffer
	n, err := m.WriteExposures(&out, []Exposure{
		{Name: "tailrace_pro to crm", Label: "Pro: to CRM", Description: "Says \"hello\"\nto all", URL: "https://tailrace.example", Owner: "growth@example.com",
			Tables: []string{"analytics.dim_customers", "analytics.fct_orders_v2", "analytics.all_days", "app.orders", "analytics.unknown"}},
		{Name: "tailrace_events", Tables: []string{"analytics.unknown"}},
		{Name: "tailrace_view", Owner: "Growth", Tables: []string{"analytics.active_customers"}},
	})
	require.NoError(t, err)
	require.Equal(t, 2, n)
	var back struct {
		Version   int
		Exposures []struct {
			Name, Label, Type, Description, URL string
			DependsOn                           []string          `yaml:"depends_on"`
			Owner                               map[string]string `yaml:"owner"`
		}
	}
	require.NoError(t, yaml.Unmarshal(out.Bytes(), &back), out.String())
	require.Equal(t, 2, back.Version)
	first := back.Exposures[0]
	require.Equal(t, "tailrace_pro_to_crm", first.Name)
	require.Equal(t, "Pro: to CRM", first.Label)
	require.Equal(t, "application", first.Type)
	require.Equal(t, "Says \"hello\"\nto all", first.Description)
	require.Equal(t, map[string]string{"email": "growth@example.com"}, first.Owner)
	require.Equal(t, []string{"ref('dim_customers')", "ref('fct_orders', v=2)", "ref('kit', 'days')", "source('app', 'orders')"}, first.DependsOn)
	require.Equal(t, map[string]string{"name": "Growth"}, back.Exposures[1].Owner)
}
