package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// WebhookSecret is the signing secret of a sandboxed webhook.
const WebhookSecret = "whsec_c3RhbmRpbi1zZWNyZXQtb2YtdGhlLXNhbmRib3g="

// webhookTolerance is how old a timestamp may be, and how long ids are
// remembered (the standard's example).
const webhookTolerance = 5 * time.Minute

// Webhook is the stand-in for a receiver of Standard Webhooks.
type Webhook struct {
	*frame
	window *window
	signer *standardwebhooks.Webhook

	mu      sync.Mutex
	seen    map[string]seenMessage
	members map[string]map[string]WebhookItem // sync → key → item
	records map[string]map[string]WebhookItem // object → key → item
	events  []WebhookItem
}

type seenMessage struct {
	at     time.Time
	body   [sha256.Size]byte
	answer []byte
}

// WebhookItem is one row that the receiver holds.
type WebhookItem struct {
	Key         string            `json:"key"`
	Event       string            `json:"event,omitempty"`
	Time        string            `json:"time,omitempty"`
	Identifiers map[string]string `json:"identifiers,omitempty"`
	// Fields as they came, so that numbers keep their digits.
	Fields map[string]json.RawMessage `json:"fields,omitempty"`
}

func (i WebhookItem) applied() Applied {
	fields := make(map[string]any, len(i.Fields))
	for k, v := range i.Fields {
		fields[k] = v
	}
	return Applied{Key: i.Key, Match: i.Identifiers, Fields: fields}
}

// WebhookState is what /_standin/state shows.
type WebhookState struct {
	Standin string                   `json:"standin"`
	Counts  map[string]int           `json:"counts"`
	Members map[string][]WebhookItem `json:"members"` // by sync
	Records map[string][]WebhookItem `json:"records"` // by object
	Events  []WebhookItem            `json:"events"`
}

// NewWebhook makes the stand-in. A secret that isn't base64 accepts nothing.
func NewWebhook(o Options) *Webhook {
	x := &Webhook{
		frame: newFrame("webhook", "1.0.0", "a webhook receiver", o),
		seen:  map[string]seenMessage{}, members: map[string]map[string]WebhookItem{}, records: map[string]map[string]WebhookItem{},
	}
	secret := o.Secret
	if secret == "" {
		secret = WebhookSecret
	}
	signer, err := standardwebhooks.NewWebhook(secret)
	if err == nil {
		x.signer = signer
	}
	rate := o.Rate
	if rate == 0 {
		rate = 50
	}
	x.window = &window{limit: rate, length: time.Second, now: x.o.Now}
	x.vendor = x
	x.state = func() any { return x.State() }
	return x
}

// State is a copy of what the receiver holds.
func (x *Webhook) State() WebhookState {
	x.mu.Lock()
	defer x.mu.Unlock()
	flat := func(in map[string]map[string]WebhookItem) map[string][]WebhookItem {
		out := map[string][]WebhookItem{}
		for name, items := range in {
			out[name] = []WebhookItem{}
			for _, k := range slices.Sorted(maps.Keys(items)) {
				out[name] = append(out[name], items[k])
			}
		}
		return out
	}
	return WebhookState{Standin: "webhook", Counts: x.counts.all(), Members: flat(x.members), Records: flat(x.records), Events: slices.Clone(x.events)}
}

// refuse implements vendor.
func (x *Webhook) refuse(w http.ResponseWriter, kind FaultKind) {
	if kind == ErrorInside {
		writeJSON(w, http.StatusOK, map[string]any{"results": []map[string]any{{"key": "standin_nobody", "status": "rejected"}}})
		return
	}
	w.Header().Set("Retry-After", "1")
	writeJSON(w, http.StatusTooManyRequests, map[string]string{"message": "too many messages, try again in a second"})
}

type webhookMessage struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Sync    string        `json:"sync"`
		Object  string        `json:"object"`
		Target  string        `json:"target"`
		Erase   bool          `json:"erase"`
		Added   []WebhookItem `json:"added"`
		Removed []WebhookItem `json:"removed"`
		Records []WebhookItem `json:"records"`
		Events  []WebhookItem `json:"events"`
	} `json:"data"`
}

func (x *Webhook) handle(w http.ResponseWriter, r *http.Request, body []byte) {
	refuse := func(status int, words string) {
		x.counts.add("refused "+strconv.Itoa(status), 1)
		writeJSON(w, status, map[string]string{"message": words})
	}
	if r.Method != http.MethodPost {
		refuse(http.StatusMethodNotAllowed, "send messages by POST")
		return
	}
	if words := x.verify(r, body); words != "" {
		refuse(http.StatusUnauthorized, words)
		return
	}
	if x.window.take() < 0 {
		x.counts.add("rate limited", 1)
		x.refuse(w, TooManyVendor)
		return
	}
	var m webhookMessage
	if err := decode(body, &m); err != nil || m.Type == "" || m.Timestamp.IsZero() {
		refuse(http.StatusBadRequest, "the message is not the JSON expected")
		return
	}
	x.receive(w, r, body, m)
}

// verify checks the signature, and the timestamp by this stand-in's clock.
func (x *Webhook) verify(r *http.Request, body []byte) string {
	seconds, err := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || strings.Contains(r.Header.Get("Webhook-Id"), ".") {
		return "webhook-id or webhook-timestamp is missing or malformed"
	}
	if age := x.o.Now().Sub(time.Unix(seconds, 0)); age > webhookTolerance || age < -webhookTolerance {
		return "the timestamp is too old or too new"
	}
	if x.signer == nil || x.signer.VerifyIgnoringTimestamp(body, r.Header) != nil {
		return "the signature doesn't match"
	}
	return ""
}

// receive takes a message once per id.
func (x *Webhook) receive(w http.ResponseWriter, r *http.Request, body []byte, m webhookMessage) {
	items := slices.Concat(m.Data.Added, m.Data.Removed, m.Data.Records, m.Data.Events)
	x.mu.Lock()
	defer x.mu.Unlock()
	id := r.Header.Get("Webhook-Id")
	receipt := Receipt{Method: r.Method, Path: r.URL.Path, Op: m.Type, Idempotency: id, Target: m.Data.Sync}
	if old, ok := x.seen[id]; ok && x.o.Now().Sub(old.at) < webhookTolerance {
		x.counts.add("duplicates", 1)
		if old.body != sha256.Sum256(body) {
			x.counts.add("ids reused for another body", 1)
		}
		receipt.Duplicate = true
		x.receipt(receipt)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(old.answer) // a failed write means that nobody reads
		return
	}
	results := []map[string]any{}
	refused := map[string]bool{}
	for _, item := range items {
		status, code := "", ""
		switch x.tempers.of(slices.Sorted(maps.Values(item.Identifiers))...) {
		case poison:
			x.counts.add("refused 422", 1)
			writeJSON(w, http.StatusUnprocessableEntity, map[string]string{"message": "a row can't be read"})
			return
		case invalid, forgotten, unnamed:
			status, code = "rejected", "invalid"
		case locked:
			status, code = "deferred", "locked"
		case slow:
			wait(r, x.o.Slow)
		}
		if status != "" {
			refused[item.Key] = true
			results = append(results, map[string]any{"key": item.Key, "status": status, "code": code, "words": "the receiver can't take this row"})
		}
	}
	x.apply(m, refused, &receipt)
	x.receipt(receipt)
	x.counts.add("messages", 1)
	x.counts.add("rows applied", len(receipt.Rows))
	answer := captured{header: http.Header{}}
	writeJSON(&answer, http.StatusOK, map[string]any{"results": results})
	x.seen[id] = seenMessage{at: x.o.Now(), body: sha256.Sum256(body), answer: bytes.Clone(answer.body.Bytes())}
	answer.replay(w)
}

func (x *Webhook) apply(m webhookMessage, refused map[string]bool, receipt *Receipt) {
	hold := func(all map[string]map[string]WebhookItem, name string, items []WebhookItem, remove bool) {
		if all[name] == nil {
			all[name] = map[string]WebhookItem{}
		}
		for _, item := range items {
			if refused[item.Key] {
				continue
			}
			receipt.Rows = append(receipt.Rows, item.applied())
			if remove {
				delete(all[name], item.Key)
			} else {
				all[name][item.Key] = item
			}
		}
	}
	switch m.Type {
	case "audience.members":
		hold(x.members, m.Data.Sync, m.Data.Removed, true)
		hold(x.members, m.Data.Sync, m.Data.Added, false)
	case "records.deleted":
		hold(x.records, m.Data.Object, m.Data.Records, true)
	case "events.appended":
		for _, item := range m.Data.Events {
			if !refused[item.Key] {
				x.events = append(x.events, item)
				receipt.Rows = append(receipt.Rows, item.applied())
			}
		}
	default:
		hold(x.records, m.Data.Object, m.Data.Records, false)
	}
}
