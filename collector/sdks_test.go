package collector

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// sdksDir holds the unmodified SDKs (`make sdks` installs them) and what drives them.
var sdksDir = filepath.Join("testdata", "sdks")

// sdks skips a test, or fails it where TAILRACE_SDKS=required (as `make test`
// sets it), if the programs are missing that it needs.
func sdks(t *testing.T, programs ...string) {
	t.Helper()
	missing := ""
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = p
		}
	}
	if _, err := os.Stat(filepath.Join(sdksDir, "node_modules")); err != nil {
		missing = sdksDir + "/node_modules"
	}
	switch {
	case missing == "":
	case os.Getenv("TAILRACE_SDKS") == "required":
		t.Fatalf("%s is missing: `make sdks` installs it", missing)
	default:
		t.Skipf("%s is missing: `make sdks` installs it, and `make test` runs this test", missing)
	}
}

// node runs a driver to its end and returns what it printed.
func node(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = sdksDir, &stdout, &stderr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=127.0.0.1"}
	require.NoError(t, cmd.Run(), "%s\n%s", strings.Join(args[:1], " "), &stderr)
	return stdout.String()
}

// door is a collector behind a network that loses: of the requests with events
// the first is answered 503 before the collector sees it, and the second after
// the collector has taken it.
type door struct {
	http.Handler
	mu     sync.Mutex
	events int
	paths  map[string]int // requests by method and path
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.paths[r.Method+" "+r.URL.Path]++
	nth := 0
	if r.Method == http.MethodPost {
		d.events++
		nth = d.events
	}
	d.mu.Unlock()
	switch nth {
	case 1:
		allowOrigin(w, r)
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	case 2:
		d.Handler.ServeHTTP(httptest.NewRecorder(), r)
		allowOrigin(w, r)
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		d.Handler.ServeHTTP(w, r)
	}
}

func (d *door) count(request string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.paths[request]
}

// behindDoor opens a collector that loads, behind a listener on 127.0.0.1.
func behindDoor(t *testing.T, o Options) (*Collector, *door, string) {
	t.Helper()
	c := open(t, o)
	run(t, c)
	d := &door{Handler: c.Handler(), paths: map[string]int{}}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return c, d, server.URL
}

// landedEvent is a row of events, as a test writes it down. Empty objects are left out.
type landedEvent struct {
	Source      string         `json:"source,omitempty"`
	Type        string         `json:"type"`
	Event       string         `json:"event,omitempty"`
	Name        string         `json:"name,omitempty"`
	UserID      string         `json:"user_id,omitempty"`
	AnonymousID string         `json:"anonymous_id,omitempty"`
	GroupID     string         `json:"group_id,omitempty"`
	Original    string         `json:"original_timestamp,omitempty"`
	Timestamp   string         `json:"timestamp,omitempty"`
	SentAt      string         `json:"sent_at,omitempty"`
	MessageID   string         `json:"message_id,omitempty"`
	Properties  map[string]any `json:"properties,omitempty"`
	Traits      map[string]any `json:"traits,omitempty"`
	Context     map[string]any `json:"context,omitempty"`
	payload     map[string]any
}

// landedEvents reads all rows of events in the order of receipt and message id.
func landedEvents(t *testing.T, db *warehouse.DB) []landedEvent {
	t.Helper()
	const time = "'%Y-%m-%dT%H:%i:%S.%fZ'"
	rows := texts(t, db, "SELECT toJSONString(map('source', source, 'type', type, 'event', event, 'name', name, 'user_id', user_id, "+
		"'anonymous_id', anonymous_id, 'group_id', group_id, 'message_id', message_id, 'payload', payload, "+
		"'properties', toJSONString(properties), 'traits', toJSONString(traits), 'context', toJSONString(context), "+
		"'original_timestamp', formatDateTime(original_timestamp, "+time+"), 'timestamp', formatDateTime(timestamp, "+time+"), "+
		"'sent_at', ifNull(formatDateTime(sent_at, "+time+"), ''))) FROM {db}.events ORDER BY received_at, message_id")
	out := make([]landedEvent, len(rows))
	for i, text := range rows {
		var row map[string]string
		require.NoError(t, json.Unmarshal([]byte(text), &row))
		object := func(name string) (o map[string]any) {
			require.NoError(t, json.Unmarshal([]byte(row[name]), &o), row[name])
			return o
		}
		out[i] = landedEvent{Source: row["source"], Type: row["type"], Event: row["event"], Name: row["name"], UserID: row["user_id"],
			AnonymousID: row["anonymous_id"], GroupID: row["group_id"], MessageID: row["message_id"],
			Original: millis(row["original_timestamp"]), Timestamp: millis(row["timestamp"]), SentAt: millis(row["sent_at"]),
			Properties: object("properties"), Traits: object("traits"), Context: object("context"), payload: object("payload")}
	}
	return out
}

// millis writes microseconds that are none as milliseconds, as SDKs do.
func millis(s string) string { return strings.Replace(s, "000Z", "Z", 1) }

// landedBy finds the one event that a test made and checks that there is one.
func landedBy(t *testing.T, events []landedEvent, is func(landedEvent) bool, what string) landedEvent {
	t.Helper()
	var found []landedEvent
	for _, e := range events {
		if is(e) {
			found = append(found, e)
		}
	}
	require.Len(t, found, 1, "%s is in events once", what)
	return found[0]
}

// nodeCalls are what the Node SDKs send: every call, with every field.
const nodeCalls = `[
 ["identify", {"userId":"u1","anonymousId":"a1","traits":{"email":"ada@example.com","logins":3,"vip":true},"timestamp":"2026-03-04T05:06:07.891Z","context":{"ip":"203.0.113.9"}}],
 ["track",    {"userId":"u2","anonymousId":"a2","event":"Order Completed","properties":{"total":9.5,"products":[{"sku":"s1"}],"Größe":"Ä€😀"},"timestamp":"2026-03-04T05:06:08.001Z","context":{"ip":"203.0.113.9"}}],
 ["page",     {"userId":"u3","anonymousId":"a3","category":"docs","name":"Start","properties":{"path":"/start"},"timestamp":"2026-03-04T05:06:09.002Z"}],
 ["screen",   {"userId":"u4","anonymousId":"a4","name":"Cart","properties":{"items":2},"timestamp":"2026-03-04T05:06:10.003Z"}],
 ["group",    {"userId":"u5","anonymousId":"a5","groupId":"g1","traits":{"name":"Acme","seats":12},"timestamp":"2026-03-04T05:06:11.004Z"}],
 ["alias",    {"userId":"u6","previousId":"a6","timestamp":"2026-03-04T05:06:12.005Z"}]
]`

func TestNodeSDKsLandOnce(t *testing.T) {
	t.Parallel()
	sdks(t, "node")
	for _, kind := range []string{"segment", "rudderstack"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := warehousetest.Open(t)
			c, d, address := behindDoor(t, Options{Warehouse: db})
			began := time.Now()
			node(t, "node.js", kind, address, "k", nodeCalls)
			flush(t, c)

			events := landedEvents(t, db)
			require.Len(t, events, 6)
			require.GreaterOrEqual(t, d.count("POST /v1/batch"), 3, "what was answered 503 came again")
			var calls [][2]any
			require.NoError(t, json.Unmarshal([]byte(nodeCalls), &calls))
			for _, call := range calls {
				method, sent := call[0].(string), call[1].(map[string]any)
				text := func(name string) string { s, _ := sent[name].(string); return s }
				e := landedBy(t, events, func(e landedEvent) bool { return e.Type == method }, method)
				require.Equal(t, []string{"web", text("event"), text("name"), text("userId"), text("anonymousId"), text("groupId")},
					[]string{e.Source, e.Event, e.Name, e.UserID, e.AnonymousID, e.GroupID}, method)
				when := e.Original // Segment's: the time that the caller named, corrected by the clock in timestamp
				if kind == "rudderstack" {
					when = e.Timestamp // the time of the call is the original one
				}
				require.Equal(t, sent["timestamp"], when, method)
				require.NotEmpty(t, e.SentAt)
				require.NotContains(t, e.MessageID, "sha256-")
				requireSent(t, sent["traits"], e.Traits, method)
				requireSent(t, sent["properties"], e.Properties, method)
				require.NotEmpty(t, e.Context["library"], method)
				if context, ok := sent["context"].(map[string]any); ok {
					require.Equal(t, context["ip"], e.Context["ip"])
				}
				if method == "alias" {
					require.Equal(t, "a6", e.payload["previousId"])
				}
				require.Equal(t, e.MessageID, e.payload["messageId"])
			}
			require.Less(t, time.Since(began), 30*time.Second)
		})
	}
}

// requireSent checks that a column holds what was sent, and nothing more than
// the SDKs are known to add.
func requireSent(t *testing.T, sent any, got map[string]any, what string) {
	t.Helper()
	want, _ := sent.(map[string]any)
	for name, value := range want {
		require.Equal(t, value, got[name], "%s: %s", what, name)
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			require.Contains(t, []string{"category", "name"}, name, what)
		}
	}
}
