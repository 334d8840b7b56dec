package collector

import (
	"net/http"
	"strings"
)

// segmentSettings answers Segment's browser SDK. Without Segment.io in it the
// page would send events to Segment's own host; without metrics, counters. Any
// other name would make it fetch code from a CDN.
func (c *Collector) segmentSettings(w http.ResponseWriter, r *http.Request, key string) {
	allowOrigin(w, r)
	if _, ok := c.source(key); !ok {
		refuse(w, http.StatusNotFound, "The write key is unknown: check the source's write_key.")
		return
	}
	protocol := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		protocol = "https"
	}
	host := r.Host + "/v1"
	w.Header()["Content-Type"] = []string{"application/json"}
	writeJSON(w, http.StatusOK, map[string]any{
		"integrations": map[string]any{
			"Segment.io": map[string]any{"apiKey": key, "apiHost": host, "protocol": protocol},
		},
		"metrics":              map[string]any{"sampleRate": 0, "host": host},
		"plan":                 map[string]any{},
		"middlewareSettings":   map[string]any{},
		"enabledMiddleware":    map[string]any{},
		"legacyVideoPlugins":   map[string]any{},
		"remotePlugins":        []any{},
		"analyticsNextEnabled": true,
	})
}

// rudderSettings answers RudderStack's browser SDK, which sends nothing unless
// it gets a source with a configuration.
func (c *Collector) rudderSettings(w http.ResponseWriter, r *http.Request) {
	allowOrigin(w, r)
	key := requestKey(r)
	source, ok := c.source(key)
	if key == "" || !ok {
		refuse(w, http.StatusUnauthorized, "The write key is unknown: check the source's write_key.")
		return
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	writeJSON(w, http.StatusOK, map[string]any{
		"source": map[string]any{
			"id": source.Name, "name": source.Name, "writeKey": key, "enabled": true, "workspaceId": "tailrace",
			"config": map[string]any{}, "destinations": []any{}, "dataplanes": map[string]any{},
		},
	})
}

// metricsSink takes the SDK's own counters and forgets them.
func (c *Collector) metricsSink(w http.ResponseWriter, r *http.Request) {
	allowOrigin(w, r)
	w.Header()["Content-Type"] = []string{"application/json"}
	write(w, http.StatusOK, plainSuccess)
}
