package collector

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// sdkRequest is a line of testdata/sdk_requests.jsonl: a request in the shape in
// which an SDK sends it, and what becomes of it.
type sdkRequest struct {
	SDK, Method, Path string
	Headers           map[string]string
	Body              json.RawMessage // JSON as it is; a string is sent as text
	Gzip, Chunked     bool
	Status            int
	AnswerHeaders     map[string]string `json:"answer_headers"`
	Answer            json.RawMessage
	Events            []landedEvent
}

func sdkRequests(t *testing.T) []sdkRequest {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "sdk_requests.jsonl"))
	require.NoError(t, err)
	defer file.Close()
	var all []sdkRequest
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var r sdkRequest
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r), lines.Text())
		all = append(all, r)
	}
	require.NoError(t, lines.Err())
	return all
}

// body is the request's body as it goes over the wire.
func (r sdkRequest) body(t *testing.T) io.Reader {
	t.Helper()
	body := string(r.Body)
	if strings.HasPrefix(body, `"`) {
		require.NoError(t, json.Unmarshal(r.Body, &body))
	}
	if r.Gzip {
		body = gzipped(t, body)
	}
	if r.Chunked {
		return io.MultiReader(strings.NewReader(body)) // of a length that isn't known
	}
	return strings.NewReader(body)
}

func TestEverySDKsRequestsLand(t *testing.T) {
	t.Parallel()
	scripts := t.TempDir()
	for _, name := range []string{standalone, "407.bundle.61ef.js"} {
		require.NoError(t, os.WriteFile(filepath.Join(scripts, name), []byte("/* "+name+" */"), 0o600))
	}
	db := warehousetest.Open(t)
	c := open(t, Options{Warehouse: db, Now: timeNow, AnalyticsJS: scripts})
	run(t, c)
	server := httptest.NewServer(c.Handler())
	t.Cleanup(server.Close)

	want := map[string]landedEvent{}
	for _, r := range sdkRequests(t) {
		what := r.SDK + ": " + r.Method + " " + r.Path
		request, err := http.NewRequestWithContext(t.Context(), r.Method, server.URL+r.Path, r.body(t))
		require.NoError(t, err)
		for name, value := range r.Headers {
			request.Header.Set(name, value)
		}
		answer, err := server.Client().Do(request)
		require.NoError(t, err, what)
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err, what)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, r.Status, answer.StatusCode, "%s: %s", what, text)
		for name, value := range r.AnswerHeaders {
			require.Equal(t, value, answer.Header.Get(name), "%s: %s", what, name)
		}
		if len(r.Answer) > 0 {
			host := strings.TrimPrefix(server.URL, "http://")
			require.JSONEq(t, strings.ReplaceAll(string(r.Answer), "HOST", host), string(text), what)
		}
		for _, e := range r.Events {
			require.NotContains(t, want, e.MessageID, "a message id of its own")
			want[e.MessageID] = e
		}
	}
	flush(t, c)
	got := landedEvents(t, db)
	require.Len(t, got, len(want))
	for _, e := range got {
		w := want[e.MessageID]
		for _, o := range []*map[string]any{&w.Properties, &w.Traits, &w.Context} {
			if *o == nil {
				*o = map[string]any{}
			}
		}
		w.payload = e.payload
		require.Equal(t, w, e, e.MessageID)
		require.Equal(t, e.MessageID, e.payload["messageId"])
	}
}

func TestPreflightsTakeNoWork(t *testing.T) {
	c := open(t, Options{})
	c.SetSources(func(string) (Source, bool) { t.Error("a preflight looked a key up"); return Source{}, false })
	h := c.Handler()
	r := httptest.NewRequest(http.MethodOptions, "/v1/t?writeKey=k", nil)
	r.SetBasicAuth("k", "")
	r.Header.Set("Origin", "https://shop.example")
	r.Header.Set("Access-Control-Request-Headers", "authorization")
	w := &discardResponse{header: http.Header{}}
	allocations := testing.AllocsPerRun(100, func() { clear(w.header); h.ServeHTTP(w, r) })
	require.Equal(t, http.StatusNoContent, w.status)
	require.LessOrEqual(t, allocations, 6.0)
	require.Empty(t, logged(t, c))
}

// discardResponse is an answer that costs nothing itself.
type discardResponse struct {
	header http.Header
	status int
}

func (d *discardResponse) Header() http.Header         { return d.header }
func (d *discardResponse) WriteHeader(status int)      { d.status = status }
func (d *discardResponse) Write(b []byte) (int, error) { return len(b), nil }

func TestSettingsNameThePublicAddress(t *testing.T) {
	t.Parallel()
	public, err := ParsePublicURL("https://events.shop.example/t/")
	require.NoError(t, err)
	for _, bad := range []string{"events.shop.example", "ftp://x", "https://", "https://u:p@x", "https://x?y=1"} {
		_, err := ParsePublicURL(bad)
		require.Error(t, err, bad)
	}
	get := func(c *Collector, path, peer, origin string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "http://cdp.example"+path, nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-Host", "evil.example")
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		c.Handler().ServeHTTP(w, r)
		return w
	}
	const path = "/v1/projects/k/settings"
	configured, plain := open(t, Options{PublicURL: public}), open(t, Options{})
	require.Contains(t, get(configured, path, "203.0.113.9:1", "").Body.String(), `"apiHost":"events.shop.example/t/v1","apiKey":"k","protocol":"https"`)
	require.Contains(t, get(plain, path, "10.0.0.1:1", "").Body.String(), `"apiHost":"cdp.example/v1","apiKey":"k","protocol":"https"`)
	require.Contains(t, get(plain, path, "203.0.113.9:1", "").Body.String(), `"protocol":"http"`, "a stranger's word on the protocol doesn't count")

	refused := get(plain, "/v1/projects/shop-only/settings", "203.0.113.9:1", "https://elsewhere.example")
	require.Equal(t, http.StatusForbidden, refused.Code)
	require.Empty(t, refused.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, http.StatusOK, get(plain, "/v1/projects/shop-only/settings", "203.0.113.9:1", "https://shop.example").Code)
	for _, missing := range []string{"/analytics.js/v1/k/analytics.min.js", "/analytics-next/bundles/..%2Fx.js", "/analytics-next/bundles/.env"} {
		require.Equal(t, http.StatusNotFound, get(plain, missing, "203.0.113.9:1", "").Code, missing)
	}
}
