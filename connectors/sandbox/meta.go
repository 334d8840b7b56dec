package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Meta is the stand-in for Meta's custom audiences.
type Meta struct {
	*frame
	window *window
	// small is how many people an audience must keep: a removal that would leave
	// fewer is refused. 0: none.
	small int

	mu        sync.Mutex
	audiences map[string]*metaAudience
	dropped   map[string]bool
	next      int
}

// metaAudience is what the stand-in keeps of one audience.
type metaAudience struct {
	name     string
	members  map[string]metaMember
	sessions map[string]metaSession
}

type metaMember struct {
	cells map[string]string // schema column → value
	since time.Time
}

type metaSession struct {
	received, invalid int
	at                time.Time
}

// MetaState is what /_standin/state shows.
type MetaState struct {
	Standin   string                  `json:"standin"`
	Counts    map[string]int          `json:"counts"`
	Audiences map[string][]MetaMember `json:"audiences"`
}

// MetaMember is one row that an audience holds, by column of the schema.
type MetaMember map[string]string

const (
	// metaRate is what the lower tier of access may call in any hour, without
	// what each active audience adds.
	metaRate = 5000
	// metaSmall: the vendor's number isn't published.
	metaSmall = 20
	metaRows  = 10_000
	// metaLag is how long a change takes to show in sizes.
	metaLag = 10 * time.Minute
)

// NewMeta makes the stand-in. Audiences whose id begins with standin_ exist as
// soon as they are named; standin_flagged… are under review, for
// standin_terms… nobody accepted the terms.
func NewMeta(o Options) *Meta {
	m := &Meta{
		frame:     newFrame("meta", "v25.0", "Meta", o),
		audiences: map[string]*metaAudience{}, dropped: map[string]bool{},
	}
	rate := o.Rate
	if rate == 0 {
		rate = metaRate
	}
	m.window = &window{limit: rate, length: time.Hour, now: m.o.Now}
	switch {
	case o.SmallAudience == 0:
		m.small = metaSmall
	case o.SmallAudience > 0:
		m.small = o.SmallAudience
	}
	m.vendor = m
	m.state = func() any { return m.State() }
	return m
}

// State is a copy of what the stand-in holds.
func (m *Meta) State() MetaState {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := MetaState{Standin: "Meta", Counts: m.counts.all(), Audiences: map[string][]MetaMember{}}
	for id, a := range m.audiences {
		out.Audiences[id] = []MetaMember{}
		for _, key := range slices.Sorted(maps.Keys(a.members)) {
			out.Audiences[id] = append(out.Audiences[id], maps.Clone(a.members[key].cells))
		}
	}
	return out
}

// DropAudience deletes an audience, as a person in the vendor's app may.
func (m *Meta) DropAudience(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.audiences, id)
	m.dropped[id] = true
}

var metaPath = regexp.MustCompile(`^/v\d+\.\d+/([A-Za-z0-9_]+)(?:/(users|sessions|customaudiences|permissions))?$`)

func (m *Meta) handle(w http.ResponseWriter, r *http.Request, body []byte) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		token = r.URL.Query().Get("access_token")
	}
	if token == "" || (m.o.Token != "" && token != m.o.Token) {
		m.fail(w, http.StatusBadRequest, metaError{Type: "OAuthException", Code: 190, Message: "Invalid OAuth access token - Cannot parse access token"})
		return
	}
	left := m.window.take()
	m.usage(w, left)
	if left < 0 {
		m.counts.add("rate limited", 1)
		m.refuse(w, TooManyVendor)
		return
	}
	path := metaPath.FindStringSubmatch(r.URL.Path)
	if path == nil {
		m.fail(w, http.StatusBadRequest, metaError{Type: "OAuthException", Code: 2500, Message: "Unknown path components: " + r.URL.Path})
		return
	}
	node, edge := path[1], path[2]
	switch {
	case node == "me" && edge == "permissions" && r.Method == http.MethodGet:
		writeJSON(w, http.StatusOK, map[string]any{"data": []map[string]string{{"permission": "ads_management", "status": "granted"}}})
	case strings.HasPrefix(node, "act_") && edge == "" && r.Method == http.MethodGet:
		writeJSON(w, http.StatusOK, map[string]any{"id": node, "account_id": strings.TrimPrefix(node, "act_"), "name": "standin_" + node, "account_status": 1})
	case strings.HasPrefix(node, "act_") && edge == "customaudiences" && r.Method == http.MethodPost:
		m.create(w, body)
	default:
		m.audience(w, r, node, edge, body)
	}
}

// create makes an audience.
func (m *Meta) create(w http.ResponseWriter, body []byte) {
	var x struct {
		Name, Subtype, Description string
		Source                     string `json:"customer_file_source"`
	}
	if err := decode(body, &x); err != nil || x.Name == "" || x.Subtype != "CUSTOM" || x.Source == "" {
		m.fail(w, http.StatusBadRequest, metaError{Type: "OAuthException", Code: 100, Message: "Invalid parameter: name, subtype and customer_file_source are required"})
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	id := fmt.Sprintf("standin_%06d", m.next)
	m.audiences[id] = newMetaAudience(x.Name)
	writeJSON(w, http.StatusOK, map[string]string{"id": id, "message": "A stand-in's audience: nothing reaches Meta"})
}

func newMetaAudience(name string) *metaAudience {
	return &metaAudience{name: name, members: map[string]metaMember{}, sessions: map[string]metaSession{}}
}

// usage tells how much of the hour's calls is used, as Meta does on each answer.
func (m *Meta) usage(w http.ResponseWriter, left int) {
	if m.window.limit < 0 {
		return
	}
	percent, minutes := 100-100*max(left, 0)/m.window.limit, 0
	if left < 0 {
		minutes = int((m.window.wait() + time.Minute - 1) / time.Minute)
	}
	m.usageHeader(w, percent, minutes)
}

func (m *Meta) usageHeader(w http.ResponseWriter, percent, minutes int) {
	raw, err := json.Marshal(map[string]any{"standin_business": []map[string]any{{
		"type": "custom_audience", "call_count": percent, "total_cputime": 1, "total_time": 1, "estimated_time_to_regain_access": minutes}}})
	if err != nil {
		return // three numbers always encode
	}
	w.Header().Set("X-Business-Use-Case-Usage", string(raw))
}

// refuse implements vendor: Meta throttles with status 400.
func (m *Meta) refuse(w http.ResponseWriter, kind FaultKind) {
	if kind == ErrorInside {
		writeJSON(w, http.StatusOK, map[string]any{"error": metaError{Type: "OAuthException", Code: 1, Message: "An unknown error occurred"}})
		return
	}
	if w.Header().Get("X-Business-Use-Case-Usage") == "" {
		m.usageHeader(w, 100, 1)
	}
	m.fail(w, http.StatusBadRequest, metaError{Type: "OAuthException", Code: 80003, Subcode: 2446079,
		Message: "(#80003) There have been too many calls to this ad-account. Wait a bit and try again."})
}

// metaError is the shape of Meta's errors.
type metaError struct {
	Message   string `json:"message"`
	Type      string `json:"type"`
	Code      int    `json:"code"`
	Subcode   int    `json:"error_subcode,omitempty"`
	UserTitle string `json:"error_user_title,omitempty"`
	UserWords string `json:"error_user_msg,omitempty"`
	Transient bool   `json:"is_transient"`
	Trace     string `json:"fbtrace_id"`
}

func (m *Meta) fail(w http.ResponseWriter, status int, e metaError) {
	m.counts.add(fmt.Sprintf("refused %d", e.Code), 1)
	e.Trace = "standin_trace"
	writeJSON(w, status, map[string]any{"error": e})
}

// fields reads the list of fields that a GET asks for.
func fields(q url.Values) []string { return strings.Split(q.Get("fields"), ",") }

// describe answers GET of an audience: sizes are rounded and lag behind.
func (m *Meta) describe(w http.ResponseWriter, r *http.Request, id string, a *metaAudience) {
	shown := 0
	for _, x := range a.members {
		if !x.since.After(m.o.Now().Add(-metaLag)) {
			shown++
		}
	}
	all := map[string]any{"id": id, "name": a.name, "subtype": "CUSTOM",
		"approximate_count_lower_bound": shown / 100 * 100, "approximate_count_upper_bound": shown/100*100 + 100,
		"operation_status": map[string]any{"code": 200, "description": "Normal"}}
	if strings.HasPrefix(id, "standin_flagged") {
		all["operation_status"] = map[string]any{"code": 471, "description": "Flagged for a possible violation of terms"}
	}
	out := map[string]any{"id": id}
	for _, f := range fields(r.URL.Query()) {
		if v, ok := all[f]; ok {
			out[f] = v
		}
	}
	writeJSON(w, http.StatusOK, out)
}

// session answers what became of one upload.
func (m *Meta) session(w http.ResponseWriter, r *http.Request, a *metaAudience) {
	data := []map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(a.sessions)) {
		if want := r.URL.Query().Get("session_id"); want != "" && want != id {
			continue
		}
		s := a.sessions[id]
		data = append(data, map[string]string{"session_id": id, "stage": "completed", "progress": "100", "start_time": strconv.FormatInt(s.at.Unix(), 10),
			"num_received": strconv.Itoa(s.received), "num_invalid_entries": strconv.Itoa(s.invalid), "num_matched": strconv.Itoa(s.received - s.invalid)})
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": data})
}
