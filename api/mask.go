package api

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/audiences"
)

// hidden stands for what viewers don't see.
const hidden = "•••"

// topLevel is the end of an address. In a longer text, what follows the last point may be anything.
var topLevel = regexp.MustCompile(`^\S+(\.[A-Za-z]{2,12})$`)

// maskText hides a text value from viewers and leaves its shape: ada@example.com becomes a•••@e•••.com.
func maskText(s string) string {
	if s == "" {
		return ""
	}
	if local, domain, ok := strings.Cut(s, "@"); ok && domain != "" {
		tld := ""
		if end := topLevel.FindStringSubmatch(domain); end != nil {
			tld = end[1]
		}
		return first(local) + hidden + "@" + first(domain) + hidden + tld
	}
	return first(s) + hidden
}

func first(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}

// maskJSON hides every text value of a JSON document and leaves keys, numbers, booleans and nulls. What is no JSON
// is masked as a whole.
func maskJSON(raw string) string { return maskDecoded(raw, maskValue) }

// maskDocument hides numbers too: in what was received or sent nobody has said which of them name a person, as 491701234567
// does.
func maskDocument(raw string) string { return maskDecoded(raw, maskAll) }

// maskFields is maskJSON of an object, which also hides whatever stands in the fields that are personal.
func maskFields(raw json.RawMessage, personal func(field string) bool) json.RawMessage {
	return json.RawMessage(maskDecoded(string(raw), func(v any) any {
		object, ok := v.(map[string]any)
		if !ok {
			return maskAll(v)
		}
		for name, value := range object {
			object[name] = maskIf(value, personal(name))
		}
		return object
	}))
}

// maskIf hides a value, and one that is personal whatever its type.
func maskIf(v any, personal bool) any {
	if _, isText := v.(string); personal && !isText && v != nil {
		return hidden
	}
	return maskValue(v)
}

// maskCell is a JSON value of a column.
func maskCell(raw json.RawMessage, personal bool) json.RawMessage {
	return json.RawMessage(maskDecoded(string(raw), func(v any) any { return maskIf(v, personal) }))
}

// maskDecoded takes a JSON document through a mask.
func maskDecoded(raw string, mask func(any) any) string {
	if raw == "" {
		return ""
	}
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || dec.More() {
		return hidden
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(mask(v)) != nil {
		return hidden
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// maskValue hides the text values of decoded JSON.
func maskValue(v any) any { return maskScalars(v, func(v any) any { return v }) }

// maskAll hides texts and numbers of decoded JSON.
func maskAll(v any) any { return maskScalars(v, func(any) any { return hidden }) }

func maskScalars(v any, number func(any) any) any {
	switch v := v.(type) {
	case string:
		return maskText(v)
	case json.Number:
		return number(v)
	case []any:
		for i := range v {
			v[i] = maskScalars(v[i], number)
		}
	case map[string]any:
		for k := range v {
			v[k] = maskScalars(v[k], number)
		}
	}
	return v
}

// samples are the keys that our own messages name.
var samples = regexp.MustCompile(`(for example |have the same [^:]+: )[^\n]*`)

// personal finds what else may name a person in words: addresses, quoted values, and words, of which mayBeID chooses. A quote
// within a word is an apostrophe.
var personal = regexp.MustCompile(`[^\s"'<>/?&=]+(?:@|%40)[^\s"'<>/?&=]+|"[^"]*"|\B'.*?'\B|[\pL\d][\pL\d_-]{4,}`)

// moment is a date, or the beginning of a time.
var moment = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(T\d{2})?$`)

// mayBeID reports whether a word looks like somebody's id or phone number. Ours are UUIDs.
func mayBeID(word string) bool {
	digits := 0
	for _, r := range word {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	if digits == 0 || moment.MatchString(word) || uuid.Validate(word) == nil {
		return false
	}
	return digits >= 5 || len(word) >= 6 && strings.ContainsFunc(word, unicode.IsLetter)
}

// maskWords hides what may name a person in free text and leaves the rest to be read.
func maskWords(s string) string {
	return personal.ReplaceAllStringFunc(samples.ReplaceAllString(s, "${1}"+hidden), func(found string) string {
		q := found[:1]
		switch {
		case q == `"` || q == "'":
			return q + maskText(strings.Trim(found, q)) + q
		case strings.Contains(found, "@") || strings.Contains(found, "%40") || mayBeID(found):
			return maskText(strings.Replace(found, "%40", "@", 1))
		}
		return found
	})
}

// maskPath hides the parts of a request's path: a vendor's may hold ids of people at any place.
func maskPath(path string) string {
	path, query, asked := strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if part != "" {
			parts[i] = maskText(part)
		}
	}
	path = strings.Join(parts, "/")
	if asked && query != "" {
		path += "?" + hidden
	}
	return path
}

// impersonalHeaders tell of a request, not of whom it is about.
var impersonalHeaders = regexp.MustCompile(`(?i)^(content-(type|length|encoding)|date|retry-after|(x-)?rate-?limit-.*)$`)

func maskHeaders(headers map[string]string) {
	for name, value := range headers {
		if !impersonalHeaders.MatchString(name) {
			headers[name] = maskText(value)
		}
	}
}

func maskRaw(raw json.RawMessage) json.RawMessage { return json.RawMessage(maskDocument(string(raw))) }

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
