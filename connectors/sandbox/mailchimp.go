package sandbox

import (
	"crypto/md5" //nolint:gosec // the vendor's address of a contact, not a protection
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Mailchimp is the stand-in for Mailchimp's audiences: contacts, tags and
// static segments. Audiences and segments exist as soon as they are named, and
// so do merge fields, save those whose tag begins with MISSING: these are
// dropped without a word, as the vendor drops what an audience doesn't have.
type Mailchimp struct {
	*frame
	inFlight atomic.Int32

	mu       sync.Mutex
	lists    map[string]*mailchimpList
	dropped  map[string]bool // audiences, and audience/segment
	required []string        // merge tags
}

type mailchimpList struct {
	members   map[string]*MailchimpMember // by hash
	segments  map[string]map[string]bool  // id → hashes
	forgotten map[string]bool
	tags      map[string]bool // merge tags seen
}

// MailchimpMember is one contact that the stand-in holds.
type MailchimpMember struct {
	ID          string                     `json:"id"`
	ContactID   string                     `json:"contact_id"`
	Email       string                     `json:"email_address"`
	Status      string                     `json:"status"`
	MergeFields map[string]json.RawMessage `json:"merge_fields"`
	Tags        []string                   `json:"tags,omitempty"`
	// Compliance: the person unsubscribed, and only the person can come back.
	Compliance bool `json:"compliance,omitempty"`
}

// MailchimpState is what /_standin/state shows, by audience.
type MailchimpState struct {
	Standin   string                       `json:"standin"`
	Counts    map[string]int               `json:"counts"`
	Audiences map[string]MailchimpAudience `json:"audiences"`
}

// MailchimpAudience is one audience: its contacts, and its segments' addresses.
type MailchimpAudience struct {
	Members  []MailchimpMember   `json:"members"`
	Segments map[string][]string `json:"segments"`
}

// mailchimpConnections is how many requests of a key may run at once.
const mailchimpConnections = 10

// NewMailchimp makes the stand-in. Options.Rate is the number of requests at
// once; Options.Token the API key.
func NewMailchimp(o Options) *Mailchimp {
	x := &Mailchimp{frame: newFrame("mailchimp", "3.0", "Mailchimp", o), lists: map[string]*mailchimpList{}, dropped: map[string]bool{}}
	x.vendor = x
	x.state = func() any { return x.State() }
	return x
}

// State is a copy of what the stand-in holds.
func (x *Mailchimp) State() MailchimpState {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := MailchimpState{Standin: "Mailchimp", Counts: x.counts.all(), Audiences: map[string]MailchimpAudience{}}
	for id, l := range x.lists {
		a := MailchimpAudience{Members: []MailchimpMember{}, Segments: map[string][]string{}}
		for _, h := range slices.Sorted(maps.Keys(l.members)) {
			a.Members = append(a.Members, l.members[h].copied())
		}
		for s, hashes := range l.segments {
			a.Segments[s] = []string{}
			for _, h := range slices.Sorted(maps.Keys(hashes)) {
				a.Segments[s] = append(a.Segments[s], l.members[h].Email)
			}
		}
		out.Audiences[id] = a
	}
	return out
}

func (m *MailchimpMember) copied() MailchimpMember {
	c := *m
	c.MergeFields, c.Tags = maps.Clone(m.MergeFields), slices.Clone(m.Tags)
	return c
}

// Member is a copy of one contact, archived ones too.
func (x *Mailchimp) Member(audience, email string) (MailchimpMember, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m, ok := x.list(audience).members[mailchimpHash(email)]
	if !ok {
		return MailchimpMember{}, false
	}
	return m.copied(), true
}

// InSegment reports whether a segment has an address.
func (x *Mailchimp) InSegment(audience, segment, email string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.list(audience).segments[segment][mailchimpHash(email)]
}

// Unsubscribe is the person's own click: from then on only the person can
// subscribe again.
func (x *Mailchimp) Unsubscribe(audience, email string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if m := x.list(audience).members[mailchimpHash(email)]; m != nil {
		m.Status, m.Compliance = "unsubscribed", true
	}
}

// Require makes a merge field required.
func (x *Mailchimp) Require(tag string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.required = append(x.required, tag)
}

// Drop deletes an audience, or one of its segments, as a person in the
// vendor's app may.
func (x *Mailchimp) Drop(audience, segment string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if segment == "" {
		delete(x.lists, audience)
		x.dropped[audience] = true
		return
	}
	delete(x.list(audience).segments, segment)
	x.dropped[audience+"/"+segment] = true
}

// list finds an audience, made when first named.
func (x *Mailchimp) list(id string) *mailchimpList {
	l := x.lists[id]
	if l == nil {
		l = &mailchimpList{members: map[string]*MailchimpMember{}, segments: map[string]map[string]bool{}, forgotten: map[string]bool{},
			tags: map[string]bool{"FNAME": true, "LNAME": true}}
		if !x.dropped[id] {
			x.lists[id] = l
		}
	}
	return l
}

func mailchimpHash(email string) string {
	sum := md5.Sum([]byte(strings.ToLower(email))) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

var mailchimpPath = regexp.MustCompile(`^/3\.0/lists/([^/]+)(?:/(members|segments|merge-fields)(?:/([^/]+)(/tags|/members|/actions/delete-permanent)?)?)?$`)

func (x *Mailchimp) handle(w http.ResponseWriter, r *http.Request, body []byte) {
	if n := x.inFlight.Add(1); x.o.Rate >= 0 && int(n) > x.connections() {
		x.inFlight.Add(-1)
		x.counts.add("rate limited", 1)
		x.refuse(w, TooManyVendor)
		return
	}
	defer x.inFlight.Add(-1)
	if !x.authorized(r) {
		x.problem(w, http.StatusUnauthorized, "API Key Invalid", "Your API key may be invalid, or you've attempted to access the wrong datacenter.")
		return
	}
	m := mailchimpPath.FindStringSubmatch(r.URL.Path)
	if m == nil {
		x.notFound(w)
		return
	}
	x.answer(w, r, m[1], strings.TrimSuffix("/"+m[2], "/"), m[3], m[4], body)
}

// answer picks what answers a request about an audience.
func (x *Mailchimp) answer(w http.ResponseWriter, r *http.Request, id, kind, item, sub string, body []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.dropped[id] || (kind == "/segments" && item != "" && x.dropped[id+"/"+item]) {
		x.notFound(w)
		return
	}
	l := x.list(id)
	switch r.Method + " " + kind + sub {
	case "GET ":
		writeJSON(w, http.StatusOK, map[string]any{"id": id, "name": "Stand-in " + id, "stats": map[string]any{"member_count": l.count("subscribed")}})
	case "POST ":
		x.batch(w, r, l, body)
	case "GET /members", "GET /members/members":
		x.members(w, r, l, item)
	case "PUT /members", "PATCH /members":
		x.write(w, r, l, item, body)
	case "DELETE /members", "POST /members/actions/delete-permanent":
		x.remove(w, r, l, item)
	case "POST /members/tags":
		x.tag(w, r, l, item, body)
	case "POST /segments":
		x.segment(w, r, l, item, body)
	case "GET /segments":
		x.segments(w, l, item)
	case "GET /segments/members":
		x.inSegment(w, r, l, item)
	case "GET /merge-fields":
		x.mergeFields(w, l)
	default:
		x.problem(w, http.StatusMethodNotAllowed, "Method Not Allowed", "The requested method and resource are not compatible.")
	}
}

func (x *Mailchimp) connections() int {
	if x.o.Rate > 0 {
		return x.o.Rate
	}
	return mailchimpConnections
}

func (x *Mailchimp) authorized(r *http.Request) bool {
	encoded, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic ")
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return false
	}
	_, key, ok := strings.Cut(string(decoded), ":")
	return ok && key != "" && (x.o.Token == "" || key == x.o.Token)
}

// refuse implements vendor: without any header that says when to come again.
func (x *Mailchimp) refuse(w http.ResponseWriter, kind FaultKind) {
	if kind == ErrorInside {
		writeJSON(w, http.StatusOK, map[string]any{"type": mailchimpGlossary, "title": "Internal Server Error", "status": 500, "detail": "An unexpected internal error has occurred.", "instance": ""})
		return
	}
	x.problem(w, http.StatusTooManyRequests, "Too Many Requests", fmt.Sprintf("You have exceeded the limit of %d simultaneous connections.", x.connections()))
}

const mailchimpGlossary = "https://mailchimp.com/developer/marketing/docs/errors/"

// fieldProblem is one of a problem's errors.
type fieldProblem struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func (x *Mailchimp) problem(w http.ResponseWriter, status int, title, detail string, errs ...fieldProblem) {
	x.counts.add(fmt.Sprintf("refused %d", status), 1)
	body := map[string]any{"type": mailchimpGlossary, "title": title, "status": status, "detail": detail, "instance": "57a4d1d0-0000-4000-8000-000000000000"}
	if len(errs) > 0 {
		body["errors"] = errs
	}
	writeJSON(w, status, body)
}

func (x *Mailchimp) notFound(w http.ResponseWriter) {
	x.problem(w, http.StatusNotFound, "Resource Not Found", "The requested resource could not be found.")
}
