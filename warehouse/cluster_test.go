package warehouse_test

import (
	"bytes"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/sql"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

var updateGolden = flag.Bool("update-cluster", false, "write testdata/cluster/*.sql")

// rendered is every statement of a text, for the cluster `prod`.
func rendered(text string) string {
	text = strings.NewReplacer("{{database}}", "`tailrace`", "{{project_database}}", "`tailrace_project`").Replace(text)
	var out strings.Builder
	for _, statement := range warehouse.SplitStatements(text) {
		out.WriteString(warehouse.OnCluster(statement, "prod") + ";\n\n")
	}
	return out.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *updateGolden {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./warehouse -run Cluster -update-cluster writes it")
	require.Equal(t, string(want), got, "go test ./warehouse -run Cluster -update-cluster writes it")
}

// TestMigrationsOnACluster: every migration as a cluster gets it. What is there parses in the real engine, every table is
// replicated and remembers tokens, and every statement names the cluster.
func TestMigrationsOnACluster(t *testing.T) {
	t.Parallel()
	db := warehousetest.OpenEmpty(t)
	entries, err := sql.Schema.ReadDir("schema")
	require.NoError(t, err)
	var all strings.Builder
	for _, e := range entries {
		raw, err := sql.Schema.ReadFile("schema/" + e.Name())
		require.NoError(t, err)
		got := rendered(string(raw))
		golden(t, "testdata/cluster/"+e.Name(), got)
		all.WriteString(got)
	}
	for _, statement := range warehouse.SplitStatements(all.String()) {
		var formatted string
		require.NoError(t, db.Get(t.Context(), &formatted, "SELECT formatQuery(?)", statement, warehouse.Admin), statement)
		if warehouse.FirstWord(statement) == "CREATE" {
			require.Contains(t, statement, " ON CLUSTER 'prod'")
		}
		if strings.Contains(formatted, "CREATE TABLE") {
			require.Regexp(t, `ENGINE = Replicated\w*MergeTree\('/clickhouse/tables/\{uuid\}/\{shard\}', '\{replica\}'`, formatted)
		}
		require.NotContains(t, statement, "non_replicated")
	}
}

// TestRuntimeDDLOnACluster: the shapes of what the program creates as it runs.
func TestRuntimeDDLOnACluster(t *testing.T) {
	t.Parallel()
	db := warehousetest.OpenEmpty(t)
	raw, err := os.ReadFile("testdata/runtime_ddl.sql")
	require.NoError(t, err)
	got := rendered(string(raw))
	golden(t, "testdata/cluster/runtime.sql", got)
	for _, statement := range warehouse.SplitStatements(got) {
		var formatted string
		require.NoError(t, db.Get(t.Context(), &formatted, "SELECT formatQuery(?)", statement, warehouse.Admin), statement)
	}
}

// clusterServer is the embedded engine as a replica: it notes each statement as it came, and runs it as on one server.
type clusterServer struct {
	mu         sync.Mutex
	statements []string
	settings   []url.Values
	next       http.Handler
}

var replicatedEngine = regexp.MustCompile(`Replicated(\w*MergeTree)\('/clickhouse/tables/\{uuid\}/\{shard\}', '\{replica\}'(?:, )?`)

func (s *clusterServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text := string(body)
	if q := r.URL.Query().Get("query"); q != "" {
		text = q
	} else {
		plain := strings.ReplaceAll(text, " ON CLUSTER 'prod'", "")
		plain = replicatedEngine.ReplaceAllString(plain, "$1(")
		body = []byte(strings.ReplaceAll(plain, "replicated_deduplication_window_seconds = 604800, replicated_ded", "non_replicated_ded"))
	}
	s.mu.Lock()
	s.statements = append(s.statements, text)
	s.settings = append(s.settings, r.URL.Query())
	s.mu.Unlock()
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	s.next.ServeHTTP(w, r)
}

// TestClusterOverHTTP migrates, inserts and computes through the gateway: DDL arrives for the cluster, and inserts with a
// quorum, which the real engine knows.
func TestClusterOverHTTP(t *testing.T) {
	t.Parallel()
	served, err := warehouse.NewServer(warehousetest.OpenEmpty(t), warehouse.ServerOptions{Password: "open sesame"})
	require.NoError(t, err)
	recorder := &clusterServer{next: served}
	server := httptest.NewServer(recorder)
	t.Cleanup(server.Close)
	dsn := (&url.URL{Scheme: "http", Host: strings.TrimPrefix(server.URL, "http://"), User: url.UserPassword("default", "open sesame")}).String()
	db, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn, Database: warehousetest.NewDatabase(), Cluster: "prod"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Migrate(t.Context())
	require.NoError(t, err)
	require.NoError(t, db.Insert(t.Context(), "jobs_claims", []string{"scope", "number"}, [][]any{{"x", uint64(1)}}, warehouse.InsertOptions{Token: "t"}))
	require.NoError(t, db.Exec(t.Context(), "INSERT INTO jobs_claims (scope, number) SELECT 'x', 2"))
	require.NoError(t, db.Drop(t.Context(), db.ProjectDatabase()))
	require.NoError(t, db.Drop(t.Context(), db.Database()))

	ddl, inserts := 0, 0
	for i, statement := range recorder.statements {
		settings := recorder.settings[i]
		require.Equal(t, "auto", settings.Get("insert_quorum"), statement)
		switch warehouse.FirstWord(statement) {
		case "CREATE", "DROP":
			ddl++
			require.Contains(t, statement, " ON CLUSTER 'prod'")
			require.Equal(t, "none", settings.Get("distributed_ddl_output_mode"))
		case "INSERT":
			inserts++
			if strings.Contains(statement, "SELECT") {
				require.Equal(t, "0", settings.Get("insert_deduplicate"), "rows that are computed have no token")
			} else {
				require.NotEmpty(t, settings.Get("insert_deduplication_token"))
				require.Equal(t, "1", settings.Get("insert_deduplicate"))
			}
		}
	}
	require.Greater(t, ddl, 40)
	require.GreaterOrEqual(t, inserts, 3)
}

func TestClusterNeedsOneReplica(t *testing.T) {
	t.Parallel()
	_, err := warehouse.Open(t.Context(), warehouse.Options{DSN: "clickhouse://a:9000,b:9000", Cluster: "prod"})
	require.ErrorContains(t, err, "one replica")
	_, err = warehouse.Open(t.Context(), warehouse.Options{DSN: "embedded://" + t.TempDir(), Cluster: "prod"})
	require.ErrorContains(t, err, "in no cluster")
}
