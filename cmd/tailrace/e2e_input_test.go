package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBadInput sends what no client should: the answer is clear, the neighbours of a bad event land, the bad event is
// set aside with its reason, and the server lives.
func TestBadInput(t *testing.T) {
	t.Parallel()
	p := setup(t, bare)
	p.start()
	gzipped := http.Header{"Content-Encoding": {"gzip"}}
	for _, c := range []struct {
		name   string
		path   string
		body   []byte
		header http.Header
		status int
	}{
		{"malformed JSON", "/v1/batch", []byte(`{"batch":[`), nil, http.StatusBadRequest},
		{"no JSON at all", "/v1/track", []byte("\x00\xff"), nil, http.StatusBadRequest},
		{"empty", "/v1/track", nil, nil, http.StatusBadRequest},
		{"events that are no list", "/v1/batch", []byte(`{"batch":7}`), nil, http.StatusOK}, // set aside whole,
		{"an unknown key", "/v1/track", []byte(`{"event":"Ping","userId":"u"}`), http.Header{"Authorization": {"Basic bm9ib2R5Og=="}}, http.StatusUnauthorized},
		{"oversize", "/v1/batch", slices.Concat([]byte(`{"batch":["`), bytes.Repeat([]byte("x"), 600<<10), []byte(`"]}`)), nil, http.StatusRequestEntityTooLarge},
		{"gzip garbage", "/v1/batch", []byte("this is no gzip"), gzipped, http.StatusBadRequest},
		{"a gzip bomb", "/v1/batch", bomb(t), gzipped, http.StatusRequestEntityTooLarge},
		{"deep nesting", "/v1/track", []byte(`{"event":"Deep","userId":"u","properties":` + strings.Repeat(`{"a":`, 2_000) + "1" + strings.Repeat("}", 2_000) + "}"), nil, 0},
	} {
		status, answer, err := p.postRaw(c.path, c.body, c.header)
		require.NoError(t, err, c.name)
		if c.status != 0 {
			require.Equal(t, c.status, status, "%s: %s", c.name, answer)
		} else {
			require.Less(t, status, 500, "%s: %s", c.name, answer)
		}
	}

	odd := map[string]string{
		"invalid UTF-8":      `{"type":"track","messageId":"odd-1","userId":"u","event":"Odd","properties":{"s":"` + "\xff\xfe" + `"}}`,
		"lone surrogate":     `{"type":"track","messageId":"odd-2","userId":"u","event":"Odd","properties":{"s":"\ud800"}}`,
		"huge number":        `{"type":"track","messageId":"odd-3","userId":"u","event":"Odd","properties":{"n":1e400,"m":123456789012345678901234567890}}`,
		"duplicated keys":    `{"type":"track","messageId":"odd-4","userId":"u","event":"Odd","properties":{"a":1,"a":{"b":2}}}`,
		"nulls":              `{"type":"track","messageId":"odd-5","userId":"u","event":"Odd","properties":{"a":null,"b":[null]},"context":null}`,
		"date as anything":   `{"type":"track","messageId":"odd-6","userId":"u","event":"Odd","timestamp":[1],"properties":{}}`,
		"no identity":        `{"type":"track","messageId":"odd-7","event":"Odd"}`,
		"wrong type":         `{"type":"dance","messageId":"odd-8","userId":"u"}`,
		"event is a number":  `{"type":"track","messageId":"odd-9","userId":"u","event":7}`,
		"oversize event":     `{"type":"track","messageId":"odd-10","userId":"u","event":"Odd","properties":{"s":"` + strings.Repeat("x", 40<<10) + `"}}`,
		"nested and clashed": `{"type":"track","messageId":"odd-11","userId":"u","event":"Odd","properties":{"a.b":1,"a":{"b":[{"c":"x"},2]}}}`,
		"no event":           `null`,
	}
	n := 0
	for name, event := range odd {
		n += 2
		body := fmt.Sprintf(`{"batch":[{"type":"track","messageId":"good-%d","userId":"u","event":"Good"},%s,{"type":"track","messageId":"good-%d","userId":"u","event":"Good"}]}`, n, event, n+1)
		status, answer, err := p.postRaw("/v1/batch", []byte(body), nil)
		require.NoError(t, err, name)
		require.Equal(t, http.StatusOK, status, "%s: %s", name, answer)
	}
	p.loaded()
	count := func(sql string) int {
		return queryRows[struct {
			N int `json:"n"`
		}](p, sql)[0].N
	}
	require.Equal(t, n, count("SELECT toUInt32(count()) AS n FROM events WHERE event = 'Good'"), "a neighbour was lost")
	require.Equal(t, len(odd)-3, count("SELECT toUInt32(count()) AS n FROM events WHERE startsWith(message_id, 'odd-')"), "an event vanished")
	// One of each: null, an unknown type, more than 32 KB, the deep one, and events that are no list.
	for _, reason := range []string{"invalid_event", "unknown_type", "too_large", "too_deep", "invalid_batch"} {
		require.Equal(t, 1, count("SELECT toUInt32(count()) AS n FROM events_rejected WHERE payload != '' AND reason = '"+reason+"'"), reason)
	}
	select {
	case <-p.exited:
		require.FailNow(t, "the server died")
	default:
	}
}

// bomb is a small body that unpacks to 100 MB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	require.NoError(t, err)
	chunk := make([]byte, 1<<20)
	for range 100 {
		_, err := z.Write(chunk)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return out.Bytes()
}
