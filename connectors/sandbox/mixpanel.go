package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mixpanel is the stand-in for Mixpanel's import endpoint.
type Mixpanel struct {
	*frame
	window *window

	mu     sync.Mutex
	events map[string]MixpanelEvent // by event, time, distinct id and insert id
	raw    int
}

// MixpanelEvent is one event that the stand-in holds.
type MixpanelEvent struct {
	Event      string                     `json:"event"`
	Properties map[string]json.RawMessage `json:"properties"`
}

// MixpanelState is what /_standin/state shows: events as reports see them, and
// how many a raw export has.
type MixpanelState struct {
	Standin string          `json:"standin"`
	Counts  map[string]int  `json:"counts"`
	Events  []MixpanelEvent `json:"events"`
	Raw     int             `json:"raw"`
}

// NewMixpanel makes the stand-in.
func NewMixpanel(o Options) *Mixpanel {
	m := &Mixpanel{frame: newFrame("mixpanel", "import", "Mixpanel", o), events: map[string]MixpanelEvent{}}
	rate := o.Rate
	if rate == 0 {
		rate = 10
	}
	m.window = &window{limit: rate, length: time.Second, now: m.o.Now}
	m.vendor = m
	m.state = func() any { return m.State() }
	return m
}

// State is a copy of what the stand-in holds.
func (m *Mixpanel) State() MixpanelState {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := MixpanelState{Standin: "Mixpanel", Counts: m.counts.all(), Events: []MixpanelEvent{}, Raw: m.raw}
	for _, k := range slices.Sorted(maps.Keys(m.events)) {
		out.Events = append(out.Events, m.events[k])
	}
	return out
}

// refuse implements vendor.
func (m *Mixpanel) refuse(w http.ResponseWriter, kind FaultKind) {
	if kind == ErrorInside {
		writeJSON(w, http.StatusOK, map[string]any{"code": 200, "status": "error", "error": "internal"})
		return
	}
	writeJSON(w, http.StatusTooManyRequests, map[string]any{"code": 429, "error": "the rate limit was exceeded", "status": "Too Many Requests"})
}

func (m *Mixpanel) handle(w http.ResponseWriter, r *http.Request, body []byte) {
	fail := func(status int, words string) {
		m.counts.add("refused", 1)
		writeJSON(w, status, map[string]any{"code": status, "error": words, "status": http.StatusText(status)})
	}
	user, secret, ok := r.BasicAuth()
	switch {
	case r.URL.Path != "/import" || r.Method != http.MethodPost:
		fail(http.StatusNotFound, "no such endpoint")
		return
	case !ok || user == "" || secret == "" || (m.o.Token != "" && secret != m.o.Token):
		fail(http.StatusUnauthorized, "invalid credentials")
		return
	case r.URL.Query().Get("project_id") == "" || r.URL.Query().Get("strict") != "1":
		fail(http.StatusBadRequest, "project_id and strict=1 are expected")
		return
	case m.window.take() < 0:
		m.counts.add("rate limited", 1)
		m.refuse(w, TooManyVendor)
		return
	}
	var events []MixpanelEvent
	if err := json.Unmarshal(body, &events); err != nil {
		fail(http.StatusBadRequest, "the body is not the JSON expected")
		return
	}
	if len(events) > 2000 || len(body) > 10_000_000 {
		fail(http.StatusRequestEntityTooLarge, "the request is too large")
		return
	}
	m.take(w, r, events)
}

// take takes what it can and names the rest.
func (m *Mixpanel) take(w http.ResponseWriter, r *http.Request, events []MixpanelEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	receipt := Receipt{Method: r.Method, Path: r.URL.Path, Op: "import"}
	failed := []map[string]any{}
	for _, e := range events {
		if m.tempers.of(text(e.Properties["distinct_id"])) == poison {
			writeJSON(w, http.StatusBadRequest, map[string]any{"code": 400, "error": "the body can't be read", "status": "Bad Request"})
			return
		}
	}
	for i, e := range events {
		field, words := m.problem(e)
		if words != "" {
			failed = append(failed, map[string]any{"index": i, "insert_id": text(e.Properties["$insert_id"]), "field": field, "message": words})
			continue
		}
		m.raw++
		key := strings.Join([]string{e.Event, string(e.Properties["time"]), text(e.Properties["distinct_id"]), text(e.Properties["$insert_id"])}, "\x00")
		if _, known := m.events[key]; known {
			continue // reports show it once
		}
		m.events[key] = e
		receipt.Rows = append(receipt.Rows, Applied{Key: text(e.Properties["$insert_id"]), Match: map[string]string{"distinct_id": text(e.Properties["distinct_id"])}})
	}
	receipt.Duplicate = len(receipt.Rows) == 0 && len(failed) < len(events)
	m.receipt(receipt)
	status, word := http.StatusOK, "OK"
	answer := map[string]any{"num_records_imported": len(events) - len(failed)}
	if len(failed) > 0 {
		status, word = http.StatusBadRequest, "Bad Request"
		answer["failed_records"], answer["error"] = failed, "some data points in the request failed validation"
	}
	answer["code"], answer["status"] = status, word
	writeJSON(w, status, answer)
}

// problem is what strict mode finds wrong with an event.
func (m *Mixpanel) problem(e MixpanelEvent) (field, words string) {
	var ms int64
	id, insert := text(e.Properties["distinct_id"]), text(e.Properties["$insert_id"])
	switch {
	case e.Event == "":
		return "event", "'event' must not be missing"
	case json.Unmarshal(e.Properties["time"], &ms) != nil || ms < 31_536_000_000 || ms > m.o.Now().Add(time.Hour).UnixMilli():
		return "properties.time", "'properties.time' is invalid: must be a unix timestamp between 1971 and an hour from now"
	case insert == "" || len(insert) > 36:
		return "properties.$insert_id", "'properties.$insert_id' is invalid"
	case id == "anonymous" || id == "null" || id == "undefined":
		return "properties.distinct_id", "'properties.distinct_id' is invalid: this value stands for nobody"
	case m.tempers.of(id) == invalid || m.tempers.of(id) == forgotten:
		return "properties.distinct_id", "'properties.distinct_id' is invalid"
	}
	return "", ""
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
