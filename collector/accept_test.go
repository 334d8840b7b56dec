package collector

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
)

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestAcceptEveryEndpoint(t *testing.T) {
	t.Parallel()
	c := open(t, Options{})
	h := c.Handler()
	single := `{"event":"e","userId":"u","groupId":"g","previousId":"p"}`
	want := map[string]int{}
	for path, ep := range endpoints {
		body := single
		if ep.kind == "" {
			body = `{"batch":[{"type":"track","event":"e"},{"type":"page"}]}`
			want["track"]++
			want["page"]++
		} else {
			want[ep.kind]++
		}
		w := post(t, h, path, body)
		require.Equal(t, http.StatusOK, w.Code, "%s: %s", path, w.Body)
		require.JSONEq(t, `{"success":true}`, w.Body.String())
	}
	got := map[string]int{}
	for _, e := range logged(t, c) {
		require.False(t, e.rejected)
		require.Equal(t, "web", e.source)
		got[e.kind]++
	}
	require.Equal(t, want, got)
}

func TestAcceptFindsTheWriteKey(t *testing.T) {
	t.Parallel()
	h := open(t, Options{}).Handler()
	const event = `{"type":"page"}`
	for _, c := range []struct {
		name, path, body string
		headers          []string
		want             int
	}{
		{"Basic", "/v1/page", event, nil, 200},
		{"Basic wins over the body", "/v1/page", `{"writeKey":"nobody"}`, nil, 200},
		{"unknown Basic", "/v1/page", event, []string{"Authorization", "Basic bm9ib2R5Og=="}, 401},
		{"Basic id:secret", "/v1/page", event, []string{"Authorization", "Basic aWQ6c2VjcmV0"}, 200},
		{"Basic with a password that means nothing", "/v1/page", event, []string{"Authorization", "Basic azpw"}, 200},
		{"X-Write-Key", "/v1/page", event, []string{"Authorization", "", "X-Write-Key", "id:secret"}, 200},
		{"X-Write-Key wins over the body", "/api/s/page", `{"writeKey":"id:***"}`, []string{"Authorization", "", "X-Write-Key", "id:secret"}, 200},
		{"query", "/beacon/v1/batch?writeKey=k", `{"batch":[]}`, []string{"Authorization", ""}, 200},
		{"body", "/v1/page", `{"writeKey":"k"}`, []string{"Authorization", ""}, 200},
		{"body of a batch", "/v1/batch", `{"batch":[],"writeKey":"k"}`, []string{"Authorization", ""}, 200},
		{"unknown in the body", "/v1/batch", `{"batch":[],"writeKey":"x"}`, []string{"Authorization", ""}, 401},
		{"a number in the body", "/v1/batch", `{"batch":[],"writeKey":7}`, []string{"Authorization", ""}, 401},
		{"none", "/v1/page", event, []string{"Authorization", ""}, 401},
		{"garbage", "/v1/page", event, []string{"Authorization", "Bearer k"}, 401},
	} {
		w := post(t, h, c.path, c.body, c.headers...)
		require.Equal(t, c.want, w.Code, "%s: %s", c.name, w.Body)
		if c.want != 200 {
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			var p problem
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			require.Equal(t, c.want, p.Status)
			require.NotEmpty(t, p.Detail)
		}
	}
}

func TestAcceptDecidesByTheBytes(t *testing.T) {
	t.Parallel()
	h := open(t, Options{}).Handler()
	const batch = `{"batch":[{"type":"page"}]}`
	big := `{"batch":[{"type":"page","name":"` + strings.Repeat("x", maxBodyBytes) + `"}]}`
	for _, c := range []struct {
		name, body string
		headers    []string
		want       int
	}{
		{"JSON as JSON", batch, []string{"Content-Type", "application/json"}, 200},
		{"JSON as text", batch, []string{"Content-Type", "text/plain"}, 200},
		{"JSON as a form", batch, []string{"Content-Type", "application/x-www-form-urlencoded"}, 200},
		{"gzip as a form, no header", gzipped(t, batch), []string{"Content-Type", "application/x-www-form-urlencoded"}, 200},
		{"gzip with its header", gzipped(t, batch), []string{"Content-Encoding", "gzip"}, 200},
		{"JSON that says gzip", batch, []string{"Content-Encoding", "gzip"}, 200},
		{"garbage that says gzip", "\x00\x01garbage", []string{"Content-Encoding", "gzip"}, 400},
		{"a broken gzip", gzipped(t, batch)[:20], nil, 400},
		{"a gzip with a wrong sum", gzipped(t, batch)[:len(gzipped(t, batch))-8] + "\x00\x00\x00\x00\x00\x00\x00\x00", nil, 400},
		{"only the magic", "\x1f\x8b\x08", nil, 400},
		{"gzip in gzip", gzipped(t, gzipped(t, batch)), nil, 400},
		{"a BOM", "\xEF\xBB\xBF" + batch, nil, 200},
		{"space around", " \n" + batch + "\r\n", nil, 200},
		{"nothing", "", nil, 400},
		{"space", "  ", nil, 400},
		{"no JSON", "type=page", nil, 400},
		{"half a JSON", batch[:20], nil, 400},
		{"two JSONs", batch + batch, nil, 400},
		{"UTF-16", "{\x00\"\x00", nil, 400},
		{"NUL bytes", "\x00\x00\x00\x00", nil, 400},
		{"too large", big, nil, 413},
		{"too large after gunzip", gzipped(t, big), nil, 413},
		{"a bomb", gzipped(t, strings.Repeat(" ", 50<<20)), nil, 413},
		{"a million brackets", strings.Repeat("[", 250_000), nil, 400},
	} {
		w := post(t, h, "/v1/batch", c.body, c.headers...)
		require.Equal(t, c.want, w.Code, "%s: %s", c.name, w.Body)
	}
}

func TestAcceptKeepsTheNeighboursOfBadEvents(t *testing.T) {
	t.Parallel()
	c := open(t, Options{})
	good := `{ "type" : "track" , "event":"e", "properties":{"n":1e400} }`
	bad := []string{
		`null`, `1`, `"x"`, `[]`, `{}`, `{"type":"nope"}`, `{"type":"track"}`, `{"type":"page","properties":[]}`,
		`{"type":"page","name":"` + strings.Repeat("x", maxEventBytes) + `"}`,
		`{"type":"page","properties":` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `}`,
	}
	var all []string
	for _, b := range bad {
		all = append(all, b, good)
	}
	w := post(t, c.Handler(), "/v1/batch", `{"batch":[`+strings.Join(all, ", ")+`]}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var answer success
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	require.True(t, answer.Success)
	require.Equal(t, len(bad), answer.Accepted)
	require.Equal(t, len(bad), answer.Rejected)
	require.Equal(t, rejection{0, reasonInvalidEvent, "an event is a JSON object", ""}, answer.Events[0])

	events := logged(t, c)
	require.Len(t, events, len(all))
	for i, e := range events {
		require.Equal(t, all[i], string(e.payload), "payloads are kept exactly")
		require.Equal(t, i%2 == 0, e.rejected)
	}
}

func TestAcceptSetsBatchesWithoutShapeAside(t *testing.T) {
	t.Parallel()
	c := open(t, Options{})
	for _, text := range []string{`{}`, `{"batch":{}}`, `{"batch":null}`, `7`, `"x"`, `null`, `{"type":"page"}`} {
		w := post(t, c.Handler(), "/v1/batch", text)
		require.Equal(t, http.StatusOK, w.Code, text)
		require.Contains(t, w.Body.String(), reasonInvalidBatch)
	}
	require.Equal(t, http.StatusOK, post(t, c.Handler(), "/v1/batch", `[{"type":"page"}]`).Code)
	require.JSONEq(t, `{"success":true}`, post(t, c.Handler(), "/v1/batch", `{"batch":[{"type":"page"}],"batch":[{"type":"page"}]}`).Body.String())
	require.Equal(t, http.StatusOK, post(t, c.Handler(), "/v1/track", `[{"type":"page"}]`).Code)
	events := logged(t, c)
	require.Len(t, events, 11)
	require.False(t, events[7].rejected, "a bare array is a batch")
	require.False(t, events[8].rejected || events[9].rejected, "both batches count")
	require.True(t, events[10].rejected, "but an array is no event")
}

func TestAcceptSetsTheRestOfALongBatchAsideAsOne(t *testing.T) {
	t.Parallel()
	c := open(t, Options{})
	list := strings.TrimSuffix(strings.Repeat(`{"type":"page"}, `, maxBatchEvents+3), ", ")
	w := post(t, c.Handler(), "/v1/batch", `{"batch":[`+list+` ]}`)
	require.Equal(t, http.StatusOK, w.Code)
	events := logged(t, c)
	require.Len(t, events, maxBatchEvents+1)
	require.Equal(t, reasonBatchTooLong, events[maxBatchEvents].reason)
	require.Equal(t, `{"type":"page"}, {"type":"page"}, {"type":"page"}`, string(events[maxBatchEvents].payload))
}

func TestAcceptInheritsWhatABatchSaysOnce(t *testing.T) {
	t.Parallel()
	c := open(t, Options{Now: timeNow})
	w := post(t, c.Handler(), "/v1/batch", `{"context":{"library":{"name":"x"},"ip":"1"},"sentAt":"2026-05-04T04:02:01Z","timestamp":"2026-05-04T04:00:01Z",
		"batch":[{"type":"page","context":{"ip":"2"}},{"type":"page","timestamp":"2026-05-04T04:01:01Z"}]}`)
	require.Equal(t, http.StatusOK, w.Code)
	events := logged(t, c)
	require.Equal(t, "2026-05-04T03:00:01Z", events[0].times.timestamp.Format("2006-01-02T15:04:05Z07:00"))
	require.Equal(t, "2026-05-04T03:01:01Z", events[1].times.timestamp.Format("2006-01-02T15:04:05Z07:00"))
	require.JSONEq(t, `{"library":{"name":"x"},"ip":"2"}`, string(mergeObjects(events[0].batch, events[0].context)))

	fat := `{"context":{"x":"` + strings.Repeat("x", maxContextBytes) + `"},"batch":[{"type":"page"}]}`
	require.Contains(t, post(t, c.Handler(), "/v1/batch", fat).Body.String(), reasonTooLarge)
	require.Empty(t, logged(t, c)[2].batch)
}

func TestAcceptCORS(t *testing.T) {
	t.Parallel()
	c := open(t, Options{})
	r := httptest.NewRequest(http.MethodOptions, "/v1/t", nil)
	r.Header.Set("Origin", "https://shop.example")
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, r)
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Equal(t, "https://shop.example", w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "authorization,content-type", w.Header().Get("Access-Control-Allow-Headers"))
	require.Equal(t, "true", w.Header().Get("Access-Control-Allow-Credentials"))

	const event = `{"writeKey":"shop-only"}`
	ok := post(t, c.Handler(), "/v1/p", event, "Authorization", "", "Origin", "https://shop.example")
	require.Equal(t, http.StatusOK, ok.Code)
	require.Equal(t, "https://shop.example", ok.Header().Get("Access-Control-Allow-Origin"))
	other := post(t, c.Handler(), "/v1/p", event, "Authorization", "", "Origin", "https://elsewhere.example")
	require.Equal(t, http.StatusForbidden, other.Code)
	require.Empty(t, other.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, http.StatusOK, post(t, c.Handler(), "/v1/p", event, "Authorization", "").Code, "servers have no origin")
	unknown := post(t, c.Handler(), "/v1/p", event, "Authorization", "Basic eDo=", "Origin", "https://shop.example")
	require.Equal(t, http.StatusUnauthorized, unknown.Code)
	require.NotEmpty(t, unknown.Header().Get("Access-Control-Allow-Origin"), "the page can read why")
}

func TestAcceptShedsLoadAndThenRefuses(t *testing.T) {
	t.Parallel()
	c := open(t, Options{MaxLogBytes: 100_000, SegmentBytes: 10_000})
	body := `{"name":"` + strings.Repeat("x", 400) + `"}`
	codes := map[int]int{}
	for range 600 {
		w := post(t, c.Handler(), "/v1/page", body)
		codes[w.Code]++
		if w.Code != http.StatusOK {
			require.Equal(t, "10", w.Header().Get("Retry-After"))
		}
	}
	require.Len(t, codes, 3, "%v", codes)
	require.Positive(t, codes[http.StatusTooManyRequests])
	require.Positive(t, codes[http.StatusServiceUnavailable])
	require.Len(t, logged(t, c), codes[http.StatusOK], "what was refused is not kept")
}

func TestSettingsDocuments(t *testing.T) {
	t.Parallel()
	h := open(t, Options{}).Handler()
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://cdp.example"+path, nil))
		return w
	}
	w := get("/v1/projects/k/settings")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), `"Segment.io":{"apiHost":"cdp.example/v1","apiKey":"k","protocol":"http"}`)
	require.Equal(t, http.StatusNotFound, get("/v1/projects/x/settings").Code)
	w = get("/sourceConfig/?p=npm&writeKey=k")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), `"destinations":[]`)
	require.Equal(t, http.StatusUnauthorized, get("/sourceConfig/?writeKey=x").Code)
}

func TestSetSourcesTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	c := open(t, Options{})
	require.Equal(t, http.StatusOK, post(t, c.Handler(), "/v1/page", `{}`).Code)
	c.SetSources(nil)
	require.Equal(t, http.StatusUnauthorized, post(t, c.Handler(), "/v1/page", `{}`).Code)
}

// FuzzEvent sends any bytes as a batch and as an event: never a crash, and
// what is answered with 200 is in the log.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{
		`{"batch":[{"type":"track","event":"e","properties":{"a":[1,"x",{"b":null}]}}]}`, `{"type":"page","context":{"a":{"b":[[1,2]]}}}`,
		`{"batch":[{"type":"identify","traits":{"a.b":1,"a":{"b":2}},"messageId":7}],"context":{"traits":{}},"sentAt":1}`,
		"{\"batch\":[{\"type\":\"page\",\"name\":\"\xff\\ud800\"},null]}", `[`, `{"batch":[{"type":"alias","userId":1e400}]}`,
	} {
		f.Add([]byte(seed))
	}
	c := open(f, Options{MaxLogBytes: 1 << 40})
	h := c.Handler()
	from := position{}
	f.Fuzz(func(t *testing.T, body []byte) {
		answers := 0
		for _, path := range []string{"/v1/batch", "/v1/track"} {
			w := post(t, h, path, string(body))
			switch w.Code {
			case http.StatusOK:
				answers++
			case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			default:
				t.Fatalf("%s answers %d: %s", path, w.Code, w.Body)
			}
		}
		reader := c.wal.reader(from, func(segment, int64, int64) { t.Fatal("the log is damaged") })
		defer reader.close()
		b := &block{}
		records := 0
		for {
			payload, start, end, ok, err := reader.next()
			require.NoError(t, err)
			if !ok {
				break
			}
			b.add(payload, start, end, testTime)
			records++
		}
		from = reader.pos
		require.LessOrEqual(t, records, answers)
		all := make([]int, 0, len(b.events))
		for i := range b.events {
			require.NotEqual(t, reasonUnreadableLog, b.events[i].reason)
			if !b.events[i].rejected {
				all = append(all, i)
			}
		}
		for _, row := range b.eventRows(all, nil) {
			require.Len(t, row, len(eventColumns))
			text, ok := row[15].(string)
			if object, isObject := row[15].(*clickhouse.JSON); isObject {
				text, ok = string(appendJSON(nil, object)), true
			}
			require.True(t, ok && json.Valid([]byte(text)), "%s", text)
		}
	})
}
