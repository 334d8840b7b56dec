package connectortest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/require"
)

// specs is the folder of the vendors' descriptions: beside the repository, or
// where TAILRACE_SHARED says. Empty if it isn't there.
func specs() string {
	dir := os.Getenv("TAILRACE_SHARED")
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(file), "..", "..", "..", "shared")
	}
	dir = filepath.Join(dir, "specs")
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

var (
	specMu  sync.Mutex
	routing = map[string]described{}
)

// described is a description's router and the path that its server has before
// all others.
type described struct {
	routers.Router
	base string
}

func router(t testing.TB, spec string) described {
	t.Helper()
	specMu.Lock()
	defer specMu.Unlock()
	if r, ok := routing[spec]; ok {
		return r
	}
	content, err := os.ReadFile(filepath.Join(specs(), spec))
	require.NoError(t, err)
	// The loader reads files as YAML, which takes minutes for one long line.
	doc := &openapi3.T{}
	require.NoError(t, json.Unmarshal(withoutAnswers(t, content), doc))
	require.NoError(t, openapi3.NewLoader().ResolveRefsIn(doc, nil))
	base := ""
	if len(doc.Servers) > 0 {
		base, err = doc.Servers[0].BasePath()
		require.NoError(t, err)
	}
	// Requests go to a stand-in, so that any host will do; what has no
	// description must still be found.
	doc.Servers = nil
	// A vendor's examples need not fit its own schemas, nor its references be bare.
	r, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation(),
		openapi3.AllowExtraSiblingFields("type", "title", "description"))
	require.NoError(t, err)
	routing[spec] = described{r, strings.TrimSuffix(base, "/")}
	return routing[spec]
}

// withoutAnswers leaves out of a description what it says of answers, most of
// its bytes, as only requests are checked.
func withoutAnswers(t testing.TB, content []byte) []byte {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(content, &doc))
	paths, ok := doc["paths"].(map[string]any)
	require.True(t, ok, "a description without paths")
	for _, path := range paths {
		operations, ok := path.(map[string]any)
		require.True(t, ok, "a path that describes nothing")
		for _, operation := range operations {
			if o, ok := operation.(map[string]any); ok && o["responses"] != nil {
				o["responses"] = map[string]any{"default": map[string]any{"description": "not checked"}}
			}
		}
	}
	short, err := json.Marshal(doc)
	require.NoError(t, err)
	return short
}

// checkSpec checks one request against the vendor's description.
func checkSpec(t testing.TB, h Harness, r *http.Request, body []byte) {
	if h.CheckRequest != nil && h.SpecExceptions[r.Method+" "+r.URL.Path] == "" {
		if err := h.CheckRequest(r, body); err != nil {
			t.Errorf("%s %s contradicts the vendor's description: %v", r.Method, r.URL.Path, err)
		}
	}
	if h.Spec == "" || specs() == "" || h.SpecExceptions[r.Method+" "+r.URL.Path] != "" {
		return
	}
	in := r.Clone(r.Context())
	// base_url_honoured puts the API below a prefix.
	in.URL.Path = strings.TrimPrefix(in.URL.Path, "/prefix")
	in.Body = io.NopCloser(bytes.NewReader(body))
	spec := router(t, h.Spec)
	in.URL.Path = strings.TrimPrefix(in.URL.Path, spec.base)
	route, params, err := spec.FindRoute(in)
	if err != nil {
		t.Errorf("%s %s is not in %s: %v", r.Method, r.URL.Path, h.Spec, err)
		return
	}
	err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request: in, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
	if err != nil {
		t.Errorf("%s %s contradicts %s: %v\n%s", r.Method, r.URL.Path, h.Spec, err, body)
	}
}

// RequireSpecs skips a test that is about the vendors' descriptions only, and
// says so, where they are not at hand.
func RequireSpecs(t *testing.T) string {
	t.Helper()
	dir := specs()
	if dir == "" {
		t.Skip("the vendors' specifications are not beside the repository; set TAILRACE_SHARED")
	}
	return dir
}

type goldenFile struct {
	Requests []Recorded `json:"requests"`
}

// golden compares requests with those that the vendor's SDK was recorded with.
func golden(t testing.TB, h Harness) []string {
	p := &problems{at: "golden"}
	if specs() == "" {
		t.Log("the vendors' specifications are not beside the repository: requests are not compared with the SDK's; set TAILRACE_SHARED")
		return nil
	}
	content, err := os.ReadFile(filepath.Join(specs(), "golden", "sdk-requests.json"))
	require.NoError(t, err)
	for _, g := range h.Golden {
		var file goldenFile // anew, as Differ changes it
		require.NoError(t, json.Unmarshal(content, &file))
		want := file.Requests[g.Entry]
		w := newWorld(t, h)
		w.dest.Send(background(), g.Batch)
		w.mu.Lock()
		got := w.requests[len(w.requests)-1]
		for _, r := range w.requests {
			if r.method != http.MethodGet { // reads may come before and after
				got = r
			}
		}
		w.mu.Unlock()
		if g.Differ != nil {
			require.NotEmpty(t, g.Reason)
			g.Differ(want.JSON.(map[string]any))
		}
		if g.Request != nil {
			require.NotEmpty(t, g.Reason)
			g.Request(&want)
		}
		var body any
		if len(got.body) > 0 {
			require.NoError(t, json.Unmarshal(got.body, &body))
		}
		if got.method != want.Method || got.path != want.Path || encode(t, body) != encode(t, want.JSON) {
			p.add("entry %d (%s): want %s %s %s, got %s %s %s", g.Entry, want.SDK,
				want.Method, want.Path, encode(t, want.JSON), got.method, got.path, got.body)
		}
		if h.Connector.Hosts[0] != want.Host {
			p.add("entry %d: the SDK's host is %s", g.Entry, want.Host)
		}
		if ct := got.header.Get("Content-Type"); ct != want.Headers["content-type"] {
			p.add("entry %d: content type %q", g.Entry, ct)
		}
		scheme, _, _ := strings.Cut(want.Headers["authorization"], " ")
		if !strings.HasPrefix(got.header.Get("Authorization"), scheme+" ") {
			p.add("entry %d: authorization isn't %s", g.Entry, scheme)
		}
	}
	return p.list
}
