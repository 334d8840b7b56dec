package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// HubSpot is the stand-in for HubSpot's contacts and lists.
type HubSpot struct {
	*frame
	window *window

	mu       sync.Mutex
	contacts map[string]*HubSpotContact
	index    map[string]map[string]string // property → folded value → id
	lists    map[string]map[string]time.Time
	dropped  map[string]bool
	blocked  map[string]bool // addresses that were to be erased and weren't known
	next     int
}

// HubSpotContact is one contact that the stand-in holds.
type HubSpotContact struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"properties"`
	Archived   bool              `json:"archived,omitempty"`
	Writes     int               `json:"writes"` // requests that wrote it
	CreatedAt  time.Time         `json:"createdAt"`
	UpdatedAt  time.Time         `json:"updatedAt"`
}

// HubSpotState is what /_standin/state shows.
type HubSpotState struct {
	Standin  string              `json:"standin"`
	Counts   map[string]int      `json:"counts"`
	Contacts []HubSpotContact    `json:"contacts"`
	Lists    map[string][]string `json:"lists"`             // record ids
	Blocked  []string            `json:"blocked,omitempty"` // addresses that can't be written any more
}

// hubspotRate is the smallest plan's: requests in any ten seconds.
const hubspotRate = 100

// NewHubSpot makes the stand-in. Lists whose id begins with standin_ exist as
// soon as they are named.
func NewHubSpot(o Options) *HubSpot {
	h := &HubSpot{
		frame:    newFrame("hubspot", "v3", "HubSpot", o),
		contacts: map[string]*HubSpotContact{},
		index:    map[string]map[string]string{"email": {}},
		lists:    map[string]map[string]time.Time{},
		dropped:  map[string]bool{},
		blocked:  map[string]bool{},
	}
	rate := o.Rate
	if rate == 0 {
		rate = hubspotRate
	}
	h.window = &window{limit: rate, length: 10 * time.Second, now: h.o.Now}
	h.vendor = h
	h.state = func() any { return h.State() }
	return h
}

// State is a copy of what the stand-in holds: contacts that aren't archived.
func (h *HubSpot) State() HubSpotState {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := HubSpotState{Standin: "HubSpot", Counts: h.counts.all(), Lists: map[string][]string{}, Contacts: []HubSpotContact{}}
	for _, id := range slices.Sorted(maps.Keys(h.contacts)) {
		if c := h.contacts[id]; !c.Archived {
			copied := *c
			copied.Properties = maps.Clone(c.Properties)
			out.Contacts = append(out.Contacts, copied)
		}
	}
	out.Blocked = slices.Sorted(maps.Keys(h.blocked))
	for id, members := range h.lists {
		out.Lists[id] = slices.Sorted(maps.Keys(members))
	}
	return out
}

// DropList deletes a list, as a person in the vendor's app may.
func (h *HubSpot) DropList(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.lists, id)
	h.dropped[id] = true
}

var (
	objectsPath = regexp.MustCompile(`^/crm/(?:v3/objects|objects/20\d\d-\d\d)/contacts/batch/(upsert|update|create|read|archive)$`)
	erasePath   = regexp.MustCompile(`^/crm/(?:v3/objects|objects/20\d\d-\d\d)/contacts/gdpr-delete$`)
	listsPath   = regexp.MustCompile(`^/crm/(?:v3/lists|lists/20\d\d-\d\d)/([^/]+)(/memberships(?:/(add|remove|add-and-remove))?)?$`)
)

func (h *HubSpot) handle(w http.ResponseWriter, r *http.Request, body []byte) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" || (h.o.Token != "" && token != h.o.Token) {
		h.fail(w, http.StatusUnauthorized, "INVALID_AUTHENTICATION", "Authentication credentials not found. This API supports OAuth 2.0 authentication.", nil)
		return
	}
	left := h.window.take()
	h.rateHeaders(w, left)
	if left < 0 {
		h.counts.add("rate limited", 1)
		h.refuse(w, TooManyVendor)
		return
	}
	if len(body) > 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		h.fail(w, http.StatusUnsupportedMediaType, "VALIDATION_ERROR", "Content-Type must be application/json", nil)
		return
	}
	if m := objectsPath.FindStringSubmatch(r.URL.Path); m != nil && r.Method == http.MethodPost {
		h.batch(w, r, m[1], body)
		return
	}
	if erasePath.MatchString(r.URL.Path) && r.Method == http.MethodPost {
		h.erase(w, r, body)
		return
	}
	if m := listsPath.FindStringSubmatch(r.URL.Path); m != nil {
		h.list(w, r, m[1], m[2], m[3], body)
		return
	}
	if r.URL.Path == "/account-info/v3/details" && r.Method == http.MethodGet {
		writeJSON(w, http.StatusOK, map[string]any{"portalId": "standin_" + strconv.FormatUint(h.o.Seed, 10), "accountType": "STANDIN", "timeZone": "UTC"})
		return
	}
	h.fail(w, http.StatusNotFound, "OBJECT_NOT_FOUND", "resource not found", nil)
}

func (h *HubSpot) rateHeaders(w http.ResponseWriter, left int) {
	if h.window.limit < 0 {
		return
	}
	w.Header().Set("X-HubSpot-RateLimit-Max", strconv.Itoa(h.window.limit))
	w.Header().Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(max(left, 0)))
	w.Header().Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
}

// refuse implements vendor.
func (h *HubSpot) refuse(w http.ResponseWriter, kind FaultKind) {
	if kind == ErrorInside {
		writeJSON(w, http.StatusOK, map[string]any{"status": "error", "message": "internal error", "category": "INTERNAL", "correlationId": h.correlation()})
		return
	}
	writeJSON(w, http.StatusTooManyRequests, map[string]any{
		"status": "error", "message": "You have reached your ten_secondly_rolling limit.", "errorType": "RATE_LIMIT",
		"category": "RATE_LIMITS", "policyName": "TEN_SECONDLY_ROLLING", "correlationId": h.correlation(),
	})
}

func (h *HubSpot) correlation() string { return "57a4d1d0-0000-4000-8000-000000000000" }

func (h *HubSpot) fail(w http.ResponseWriter, status int, category, message string, context map[string][]string) {
	h.counts.add(fmt.Sprintf("refused %d", status), 1)
	e := map[string]any{"status": "error", "category": category, "message": message, "correlationId": h.correlation()}
	if context != nil {
		e["errors"] = []map[string]any{{"message": message, "context": context}}
	}
	writeJSON(w, status, e)
}

// decode reads a body strictly, as the vendor refuses what it doesn't know.
func decode(body []byte, into any) error {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	return nil
}

// window is a limit of requests in any stretch of a length.
type window struct {
	limit  int
	length time.Duration
	now    func() time.Time
	mu     sync.Mutex
	times  []time.Time
}

// take counts a request and returns how many are left; below 0: refused.
func (x *window) take() int {
	if x.limit < 0 {
		return 1
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	now := x.now()
	since := now.Add(-x.length)
	x.times = slices.DeleteFunc(x.times, func(t time.Time) bool { return !t.After(since) })
	if len(x.times) >= x.limit {
		return -1
	}
	x.times = append(x.times, now)
	return x.limit - len(x.times)
}
