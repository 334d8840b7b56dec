package collector

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

const unknownKey = "The write key is unknown: check the source's write_key."

// settingsSource decides about a request for a document of a source's, and
// answers it where the source is unknown or takes nothing from its web origin.
func (c *Collector) settingsSource(w http.ResponseWriter, r *http.Request, key string, unknown int) (Source, bool) {
	allowOrigin(w, r)
	source, ok := c.source(key)
	switch {
	case key == "" || !ok:
		refuse(w, unknown, unknownKey)
		return source, false
	case !source.allows(r.Header.Get("Origin")):
		withdrawOrigin(w)
		refuse(w, http.StatusForbidden, foreignOrigin)
		return source, false
	}
	return source, true
}

// segmentSettings answers Segment's browser SDK. Without Segment.io in it the
// page would send events to Segment's own host; without metrics, counters. Any
// other name would make it fetch code from a CDN.
func (c *Collector) segmentSettings(w http.ResponseWriter, r *http.Request, key string) {
	if _, ok := c.settingsSource(w, r, key, http.StatusNotFound); !ok {
		return
	}
	protocol, host := c.publicAddress(r)
	document(w, map[string]any{
		"integrations": map[string]any{
			"Segment.io": map[string]any{"apiKey": key, "apiHost": host + "/v1", "protocol": protocol},
		},
		"metrics":              map[string]any{"sampleRate": 0, "host": host + "/v1"},
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
	key := requestKey(r)
	source, ok := c.settingsSource(w, r, key, http.StatusUnauthorized)
	if !ok {
		return
	}
	document(w, map[string]any{
		"source": map[string]any{
			"id": source.Name, "name": source.Name, "writeKey": key, "enabled": true, "workspaceId": "tailrace",
			"config": map[string]any{}, "destinations": []any{}, "dataplanes": map[string]any{},
		},
	})
}

// document answers with settings that no cache may give to another page.
func document(w http.ResponseWriter, v any) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Header()["Cache-Control"] = []string{"no-store"}
	writeJSON(w, http.StatusOK, v)
}

// publicAddress is where browsers reach the collector, path included: the
// configured address, else the host that this request was sent to.
func (c *Collector) publicAddress(r *http.Request) (protocol, host string) {
	if public := c.opts.PublicURL; public != nil {
		return public.Scheme, public.Host + strings.TrimSuffix(public.Path, "/")
	}
	protocol = "http"
	if r.TLS != nil || (nearby(r.RemoteAddr) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")) {
		protocol = "https"
	}
	return protocol, r.Host
}

// nearby tells whether a peer is on this machine or in a private network: a
// proxy that may say what a request was before. Nobody else's word counts.
func nearby(peer string) bool {
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(host)
	return err == nil && (address.Unmap().IsLoopback() || address.Unmap().IsPrivate())
}

// ParsePublicURL reads the address where browsers reach the collector, such as
// https://events.shop.example. An empty text is none.
func ParsePublicURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, &publicURLError{text}
	}
	return u, nil
}

type publicURLError struct{ text string }

func (e *publicURLError) Error() string {
	return "the public URL " + e.text + " is no address of a server: write it like https://events.shop.example"
}

// metricsSink takes the SDK's own counters and forgets them.
func (c *Collector) metricsSink(w http.ResponseWriter, r *http.Request) {
	allowOrigin(w, r)
	w.Header()["Content-Type"] = []string{"application/json"}
	write(w, http.StatusOK, plainSuccess)
}
