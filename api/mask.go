package api

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/tailrace/tailrace/audiences"
)

// maskText hides a text value from viewers and leaves its shape: ada@example.com becomes a•••@e•••.com.
func maskText(s string) string {
	if s == "" {
		return ""
	}
	if local, domain, ok := strings.Cut(s, "@"); ok && domain != "" {
		host, tld := domain, ""
		if i := strings.LastIndexByte(domain, '.'); i > 0 {
			host, tld = domain[:i], domain[i:]
		}
		return first(local) + "•••@" + first(host) + "•••" + tld
	}
	return first(s) + "•••"
}

func first(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}

// maskJSON hides every text value of a JSON document and leaves keys, numbers, booleans and nulls. What is no JSON
// is masked as a whole.
func maskJSON(raw string) string {
	if raw == "" {
		return ""
	}
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || dec.More() {
		return "•••"
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(maskValue(v)) != nil {
		return "•••"
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// maskValue hides the text values of decoded JSON.
func maskValue(v any) any {
	switch v := v.(type) {
	case string:
		return maskText(v)
	case []any:
		for i := range v {
			v[i] = maskValue(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = maskValue(v[k])
		}
	}
	return v
}

// samples are the keys that our own messages name.
var samples = regexp.MustCompile(`(for example |have the same [^:]+: )[^\n]*`)

// personal finds what else may name a person in words or in a path: addresses, quoted values, long numbers.
var personal = regexp.MustCompile(`[^\s"'<>/?&=]+(?:@|%40)[^\s"'<>/?&=]+|"[^"]*"|'[^']*'|\d{5,}`)

// maskWords hides what may name a person in free text and leaves the rest to be read.
func maskWords(s string) string {
	return personal.ReplaceAllStringFunc(samples.ReplaceAllString(s, "${1}•••"), func(found string) string {
		if q := found[:1]; q == `"` || q == "'" {
			return q + maskText(strings.Trim(found, q)) + q
		}
		return maskText(strings.Replace(found, "%40", "@", 1))
	})
}

func maskRaw(raw json.RawMessage) json.RawMessage { return json.RawMessage(maskJSON(string(raw))) }

// maskStates hides what may name a person in why versions failed or are held.
func maskStates(versions ...*audiences.Materialization) {
	for _, m := range versions {
		if m != nil {
			m.Error, m.Reason = maskWords(m.Error), maskWords(m.Reason)
			for i, words := range m.Warnings {
				m.Warnings[i] = maskWords(words)
			}
		}
	}
}

// mask hides what may name a person in why a run failed.
func (r *RunView) mask() {
	r.Error, r.Reason, r.Waiting = maskWords(r.Error), maskWords(r.Reason), maskWords(r.Waiting)
	for i := range r.History {
		r.History[i].Error, r.History[i].Reason = maskWords(r.History[i].Error), maskWords(r.History[i].Reason)
	}
}
