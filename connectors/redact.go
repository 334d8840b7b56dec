package connectors

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxWords caps a vendor's words, in bytes.
const maxWords = 500

var emailPattern = regexp.MustCompile(`[^\s"'<>,;:()\[\]{}=&?/\\]+(@|%40)[^\s"'<>,;:()\[\]{}=&?/\\]+\.[^\s"'<>,;:()\[\]{}=&?/\\]+`)

// redactor replaces secrets, in every spelling that a vendor may echo.
type redactor struct {
	replacer *strings.Replacer
	longest  int
	hidePath bool
}

func newRedactor(secrets map[string]Secret) *redactor {
	var words []string
	for _, s := range secrets {
		t := s.Reveal()
		if t == "" {
			continue
		}
		words = append(words, t, url.QueryEscape(t), url.PathEscape(t),
			base64.StdEncoding.EncodeToString([]byte(t)), base64.RawURLEncoding.EncodeToString([]byte(t)))
		if _, rest, ok := strings.Cut(t, "_"); ok && len(rest) >= 16 {
			words = append(words, rest) // whsec_…: the key without its prefix
		}
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	r := &redactor{}
	var pairs []string
	for _, w := range slices.Compact(words) {
		pairs = append(pairs, w, Redacted)
		r.longest = max(r.longest, len(w))
	}
	r.replacer = strings.NewReplacer(pairs...)
	return r
}

func (r *redactor) text(s string) string {
	if r == nil || r.longest == 0 {
		return s
	}
	return r.replacer.Replace(s)
}

// words prepares a vendor's words for errors and the ledger: without secrets,
// e-mail addresses and the identifiers of the rows sent, one line, capped.
func (r *redactor) words(s string, identifiers []string) string {
	s = r.text(s)
	s = emailPattern.ReplaceAllString(s, "[email]")
	for _, id := range identifiers {
		if len(id) >= 5 {
			s = strings.ReplaceAll(s, id, "[identifier]")
		}
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	return capText(s, maxWords)
}

// capText cuts s to at most n bytes, between characters.
func capText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// openHeaders are shown in records; every other one is masked, so that a
// vendor's new way to carry a credential is hidden without being known.
var openHeaders = map[string]bool{
	"Accept": true, "Content-Type": true, "Content-Length": true, "Content-Encoding": true, "Date": true,
	"Retry-After": true, "User-Agent": true, "Webhook-Id": true, "Webhook-Timestamp": true,
	"Tailrace-Standin": true, "X-Request-Id": true, "Server": true, "Location-Host": true,
}

func isOpenHeader(name string) bool {
	return openHeaders[name] || strings.HasPrefix(strings.ToLower(name), "x-ratelimit") ||
		strings.HasPrefix(strings.ToLower(name), "x-hubspot-ratelimit")
}

func (r *redactor) header(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for k, vs := range h {
		for _, v := range vs {
			if !isOpenHeader(k) {
				v = Redacted
			}
			out.Add(k, r.text(v))
		}
	}
	return out
}

// address shows where a request went: secrets and the values of the query hidden.
func (r *redactor) address(u *url.URL) string {
	s := u.Scheme + "://" + u.Host
	if r.hidePath {
		return s + "/…"
	}
	s += u.EscapedPath()
	if u.RawQuery == "" {
		return r.text(s)
	}
	var keys []string
	for _, part := range strings.Split(u.RawQuery, "&") {
		k, _, _ := strings.Cut(part, "=")
		keys = append(keys, k+"=…")
	}
	return r.text(s + "?" + strings.Join(keys, "&"))
}
