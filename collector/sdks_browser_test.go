package collector

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// The pages of a shop. LOADED by npm: events one by one. BATCHING: kept until
// the page is left. SNIPPET: the SDK is loaded from the collector.
var sdkPages = map[string]string{
	"/npm.html": `<title>Shoes</title><script src="/umd/index.js"></script><script>
		(async () => {
			const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({ writeKey: "k", cdnURL: "COLLECTOR" });
			await analytics.identify("u1", { email: "ada@example.com", logins: 3 });
			await analytics.track("Order Completed", { total: 9.5, products: [{ sku: "s1" }], "Größe": "Ä€😀" }, { timestamp: new Date("2026-03-04T05:06:07.891Z") });
			await analytics.page("docs", "Start", { step: 1 });
			await analytics.screen("app", "Cart", { items: 2 });
			await analytics.group("g1", { name: "Acme", seats: 12 });
			await analytics.alias("u2", "u1");
			WHENDELIVERED
		})()</script>`,
	"/batching.html": `<title>Boots</title><script src="/umd/index.js"></script><script>
		(async () => {
			const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({ writeKey: "k", cdnURL: "COLLECTOR" }, { integrations: { "Segment.io": {
				deliveryStrategy: { strategy: "batching", config: { size: 20, timeout: 60000 } } } } });
			await analytics.track("Left 1", { n: 1 });
			await analytics.track("Left 2", { n: 2 });
			window.done = true;
		})()</script>`,
	"/snippet.html": `<title>Socks</title><script>
		window.analytics = []; analytics._writeKey = "k"; analytics._cdn = "COLLECTOR";
		for (const m of ["load", "page", "track", "ready"]) analytics[m] = (...args) => (analytics.push([m, ...args]), analytics);
		const script = document.createElement("script");
		script.src = "COLLECTOR/analytics.js/v1/k/analytics.min.js"; script.async = true;
		document.head.appendChild(script);
		analytics.load("k");
		analytics.page();
		analytics.track("By Snippet", { n: 1 });
		WHENDELIVERED</script>`,
	"/left.html": `<title>Elsewhere</title>`,
}

// whenDelivered waits until the test has seen what the page has sent.
const whenDelivered = `(async () => { while (!(await (await fetch("/delivered?page=" + location.pathname)).json())) await new Promise((r) => setTimeout(r, 50)); window.done = true })();`

// browsersOwn are the services of Chromium's maker, which it asks for updates
// and the time whatever page is open.
var browsersOwn = regexp.MustCompile(`^([a-z0-9-]+\.)*(google|googleapis|gstatic|gvt1)\.com(:443)?$`)

func TestSegmentInChromiumLandsOnceAndAsksNobodyElse(t *testing.T) {
	t.Parallel()
	sdks(t, "node", "chromium")
	umd := filepath.Join(sdksDir, "node_modules", "@segment", "analytics-next", "dist", "umd")
	db := warehousetest.Open(t)
	c, d, address := behindDoor(t, Options{Warehouse: db, AnalyticsJS: umd})
	began := time.Now()

	// What isn't meant for this machine goes through a proxy that notes it and lets nothing out.
	var mu sync.Mutex
	var strangers []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if browsersOwn.MatchString(r.Host) {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		strangers = append(strangers, r.Method+" "+r.Host+" "+r.URL.Path)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)

	wanted := map[string]uint64{"/npm.html": 6, "/snippet.html": 10}
	mux := http.NewServeMux()
	mux.Handle("/umd/", http.StripPrefix("/umd/", http.FileServer(http.Dir(umd))))
	mux.HandleFunc("/delivered", func(w http.ResponseWriter, r *http.Request) {
		s := c.Stats()
		writeJSON(w, http.StatusOK, s.Loaded >= wanted[r.FormValue("page")])
	})
	for path, html := range sdkPages {
		html = strings.NewReplacer("COLLECTOR", address, "WHENDELIVERED", whenDelivered).Replace(html)
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			write(w, http.StatusOK, []byte("<!doctype html>"+html))
		})
	}
	shop := httptest.NewServer(mux)
	t.Cleanup(shop.Close)

	chromium, err := exec.LookPath("chromium")
	require.NoError(t, err)
	out := node(t, "browser.js", chromium, proxy.URL, shop.URL+"/npm.html", shop.URL+"/batching.html", shop.URL+"/snippet.html")
	require.Eventually(t, func() bool { return c.Stats().Accepted >= 10 }, 10*time.Second, 20*time.Millisecond)
	flush(t, c)

	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() {
		var request struct{ Method, URL string }
		require.NoError(t, json.Unmarshal(lines.Bytes(), &request), lines.Text())
		require.True(t, strings.HasPrefix(request.URL, address+"/") || strings.HasPrefix(request.URL, shop.URL+"/") || strings.HasPrefix(request.URL, "about:"), "a page asked %s", request.URL)
	}
	require.Empty(t, strangers, "the browser asked nobody else")
	for _, request := range []string{"GET /v1/projects/k/settings", "GET /analytics.js/v1/k/analytics.min.js", "OPTIONS /v1/t",
		"POST /v1/i", "POST /v1/t", "POST /v1/p", "POST /v1/s", "POST /v1/g", "POST /v1/a", "POST /v1/b"} {
		require.Positive(t, d.count(request), request)
	}

	events := landedEvents(t, db)
	require.Len(t, events, 10)
	kind := func(kind, event, title string) landedEvent {
		return landedBy(t, events, func(e landedEvent) bool {
			page, _ := e.Context["page"].(map[string]any)
			return e.Type == kind && e.Event == event && page["title"] == title
		}, kind+" "+event+" "+title)
	}
	anonymous := kind("identify", "", "Shoes").AnonymousID
	require.NotEmpty(t, anonymous)
	for _, want := range []landedEvent{
		{Type: "identify", UserID: "u1", Traits: map[string]any{"email": "ada@example.com", "logins": 3.0}},
		{Type: "track", Event: "Order Completed", UserID: "u1", Original: "2026-03-04T05:06:07.891Z",
			Properties: map[string]any{"total": 9.5, "products": []any{map[string]any{"sku": "s1"}}, "Größe": "Ä€😀"}},
		{Type: "page", Name: "Start", UserID: "u1", Properties: map[string]any{"step": 1.0, "name": "Start", "category": "docs",
			"path": "/npm.html", "url": shop.URL + "/npm.html", "title": "Shoes", "referrer": "", "search": ""}},
		{Type: "screen", Name: "Cart", UserID: "u1", Properties: map[string]any{"items": 2.0}},
		{Type: "group", GroupID: "g1", UserID: "u1", Traits: map[string]any{"name": "Acme", "seats": 12.0}},
		{Type: "alias", UserID: "u1"}, // not u2: this version of the SDK writes the page's user over it before it sends
	} {
		got := kind(want.Type, want.Event, "Shoes")
		require.Equal(t, anonymous, got.AnonymousID, want.Type)
		require.NotEmpty(t, got.SentAt, want.Type)
		require.NotEmpty(t, got.Context["userAgent"], want.Type)
		require.Equal(t, got.MessageID, got.payload["messageId"], want.Type)
		if want.Properties == nil {
			want.Properties = map[string]any{}
		}
		if want.Traits == nil {
			want.Traits = map[string]any{}
		}
		if want.Original == "" {
			want.Original = got.Original
		}
		want.Source, want.AnonymousID, want.MessageID, want.SentAt, want.Timestamp, want.Context, want.payload =
			"web", got.AnonymousID, got.MessageID, got.SentAt, got.Timestamp, got.Context, got.payload
		require.Equal(t, want, got)
	}
	for n, event := range []string{"Left 1", "Left 2"} {
		require.Equal(t, map[string]any{"n": float64(n + 1)}, kind("track", event, "Boots").Properties, "sent when the page was left")
	}
	require.Equal(t, map[string]any{"n": 1.0}, kind("track", "By Snippet", "Socks").Properties)
	kind("page", "", "Socks")
	require.Less(t, time.Since(began), 60*time.Second)
}
