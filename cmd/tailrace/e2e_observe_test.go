package main

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// TestTracesAndMetrics runs a sync with tracing on: the spans tell the task, its statements and its request, the caller's
// trace goes on in the API, and no span holds anything of a person. Every metric that the Grafana dashboard asks for is
// one that the server has.
func TestTracesAndMetrics(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	spans, traces, raw := map[string]int{}, map[string]bool{}, ""
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body = unpacked
		}
		text, err := io.ReadAll(body)
		var request collectorpb.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(text, &request) != nil {
			http.Error(w, "no spans", http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		raw += string(text)
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					spans[span.Name]++
					traces[string(span.TraceId)] = true
				}
			}
		}
	}))
	t.Cleanup(receiver.Close)
	p := setup(t, map[string]string{
		"tailrace.yml":         "name: e2e\n",
		"sources/app.yml":      bare["sources/app.yml"],
		"models/people.sql":    "/* model\nkey: id\nentity: none\n*/\nSELECT toString(number) AS id, concat('canary', toString(number), '@people.example') AS email FROM numbers(5)\n",
		"destinations/crm.yml": "connector: hubspot\nsandbox: true\n",
		"syncs/people.yml":     "model: people\ndestination: crm\nobject: contacts\nmode: upsert\nmatch: { email: email }\nschedule: manual\n",
		"audiences/all.sql":    "/* audience\nentity: none\nkey: id\n*/\nSELECT id FROM people\n",
	}, "OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.URL, "OTEL_BSP_SCHEDULE_DELAY=200")
	p.start()
	status, _, err := p.postRaw("/v1/batch", []byte(`{"batch":[{"type":"no such call","userId":"u"}]}`), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	body := strings.NewReader("{}")
	request, err := http.NewRequest(http.MethodPost, "http://"+p.addr+"/api/v1/syncs/people/runs", body)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+e2eToken)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	res, err := p.http.Do(request)
	require.NoError(t, err)
	var run struct{ ID string }
	require.NoError(t, json.NewDecoder(res.Body).Decode(&run))
	require.NoError(t, res.Body.Close())
	p.eventually("the run is over", func() bool {
		return call[struct{ State string }](p, http.MethodGet, "/api/v1/runs/"+run.ID, nil).State == "succeeded"
	})
	p.eventually("spans arrive", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return spans["start-run"] > 0 && spans["sync.plan"] > 0 && spans["sync.deliver"] > 0 && spans["send crm"] > 0 && spans["INSERT"] > 0 && spans["SELECT"] > 0
	})
	p.eventually("the audience is published", func() bool {
		return call[struct{ Members int }](p, http.MethodGet, "/api/v1/audiences/all", nil).Members == 5
	})
	dashboard, err := os.ReadFile(filepath.Join("..", "..", "docs", "grafana", "tailrace.json"))
	require.NoError(t, err)
	require.True(t, json.Valid(dashboard))
	metrics, err := p.http.Get("http://" + p.addr + "/metrics")
	require.NoError(t, err)
	text, err := io.ReadAll(metrics.Body)
	require.NoError(t, err)
	require.NoError(t, metrics.Body.Close())
	asked := regexp.MustCompile(`(?:tailrace|process|go)_[a-z_]+`).FindAllString(string(dashboard), -1)
	require.Greater(t, len(asked), 15)
	for _, name := range asked {
		require.True(t, strings.Contains(string(text), "\n"+name), "the dashboard asks for %s, which isn't there", name)
	}
	require.NotContains(t, string(text), "canary")
	_, err = p.terminate()
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	require.NotContains(t, raw, "canary")
	require.Contains(t, traces, "\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c", "the caller's trace goes on")
}
