package collector

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

const foreignOrigin = "The source takes no events from this web origin: see its origins."

// requestKey finds the write key outside the body: Basic user, X-Write-Key,
// query. Keys of the form id:secret come as Basic user and password too.
func requestKey(r *http.Request) string {
	if user, password, ok := r.BasicAuth(); ok && user != "" {
		if password != "" {
			return user + ":" + password
		}
		return user
	}
	if key := r.Header.Get("X-Write-Key"); key != "" {
		return key
	}
	if r.URL.RawQuery != "" {
		query := r.URL.Query()
		for _, name := range []string{"writeKey", "write_key"} {
			if key := query.Get(name); key != "" {
				return key
			}
		}
	}
	return ""
}

// bodyKey finds the write key in the body.
func bodyKey(root []byte) string {
	key := ""
	if isObject(root) {
		eachMember(root, func(name string, raw []byte) {
			if name == "writeKey" && isString(raw) {
				key = unquote(raw)
			}
		})
	}
	return key
}

// source looks a key up. Of a Basic user with a password that isn't a key
// together, the user alone counts: most SDKs leave the password empty, some
// put something there.
func (c *Collector) source(key string) (Source, bool) {
	find := *c.sources.Load()
	if s, ok := find(key); ok {
		return s, true
	}
	if user, _, ok := strings.Cut(key, ":"); ok && user != "" {
		return find(user)
	}
	return Source{}, false
}

// allows tells whether browsers may send from a web origin; requests that
// don't come from a browser have none. It binds browsers only: others write
// into the header what they like.
func (s Source) allows(origin string) bool {
	return origin == "" || len(s.Origins) == 0 || slices.Contains(s.Origins, origin)
}

// headerTime reads RudderStack's SentAt header as a raw JSON value.
func headerTime(r *http.Request) []byte {
	sent := r.Header.Get("SentAt")
	if sent == "" || strings.ContainsAny(sent, "\"\\") {
		return nil
	}
	return []byte(`"` + sent + `"`)
}

// headerAnonymousID reads RudderStack's AnonymousId header, which is base64.
// What isn't is no identifier of anybody.
func headerAnonymousID(r *http.Request) string {
	sent := r.Header.Get("AnonymousId")
	if sent == "" || len(sent) > maxTextBytes {
		return ""
	}
	text, err := base64.StdEncoding.DecodeString(sent)
	if err != nil || !utf8.Valid(text) {
		return ""
	}
	return string(text)
}
