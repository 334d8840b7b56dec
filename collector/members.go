package collector

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// eachMember calls f for every member of the object at b[0], in order, with the
// unquoted key and the raw value. The object must have passed scanValue.
func eachMember(b []byte, f func(key string, value []byte)) {
	eachRawMember(b, func(quotedKey, value []byte) { f(unquote(quotedKey), value) })
}

// eachRawMember is eachMember with the key as it is written, quotes included.
func eachRawMember(b []byte, f func(quotedKey, value []byte)) {
	i := skipSpace(b, 1)
	for i < len(b) && b[i] == '"' {
		keyEnd, _ := scanString(b, i)
		key := b[i:keyEnd]
		i, _ = scanKey(b, i)
		end, _, ok := scanValue(b, i)
		if !ok {
			return
		}
		f(key, b[i:end])
		if i = skipSpace(b, end); i >= len(b) || b[i] != ',' {
			return
		}
		i = skipSpace(b, i+1)
	}
}

// eachElement calls f for every element of the array at b[0], in order; it
// stops early when f returns false. The array must have passed scanValue.
func eachElement(b []byte, f func(value []byte, s shape) bool) {
	i := skipSpace(b, 1)
	for i < len(b) && b[i] != ']' {
		end, s, ok := scanValue(b, i)
		if !ok || !f(b[i:end], s) {
			return
		}
		if i = skipSpace(b, end); i >= len(b) || b[i] != ',' {
			return
		}
		i = skipSpace(b, i+1)
	}
}

// unquote decodes a JSON string that has passed scanString. What isn't valid
// Unicode (bytes that are no UTF-8, lone surrogates) becomes U+FFFD.
func unquote(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return toValidUTF8(inner)
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return toValidUTF8(inner)
	}
	return s
}

func toValidUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func isObject(b []byte) bool { return len(b) > 0 && b[0] == '{' }
func isArray(b []byte) bool  { return len(b) > 0 && b[0] == '[' }
func isString(b []byte) bool { return len(b) > 0 && b[0] == '"' }
func isNull(b []byte) bool   { return len(b) == 0 || b[0] == 'n' }
func isNumber(b []byte) bool { return len(b) > 0 && (b[0] == '-' || isDigit(b[0])) }

// member returns the raw value of an object's member if that is an object.
func member(object []byte, name string) []byte {
	if !isObject(object) {
		return nil
	}
	var found []byte
	eachMember(object, func(key string, raw []byte) {
		if key == name && isObject(raw) {
			found = raw
		}
	})
	return found
}

// mergeObjects lays the event's own object over the batch's: its keys win.
func mergeObjects(base, own []byte) []byte {
	if !isObject(base) {
		return own
	}
	if !isObject(own) {
		return base
	}
	has := map[string]bool{}
	eachMember(own, func(key string, _ []byte) { has[key] = true })
	merged := make([]byte, 0, len(base)+len(own))
	merged = append(merged, bytes.TrimRight(own[:len(own)-1], " \t\r\n")...)
	eachRawMember(base, func(quotedKey, raw []byte) {
		if has[unquote(quotedKey)] {
			return
		}
		if len(merged) > 1 {
			merged = append(merged, ',')
		}
		merged = append(merged, quotedKey...)
		merged = append(merged, ':')
		merged = append(merged, raw...)
	})
	return append(merged, '}')
}
