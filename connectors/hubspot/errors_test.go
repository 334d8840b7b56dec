package hubspot

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

type answering struct {
	status int
	header http.Header
	bodies []string
	paths  []string
}

func (a *answering) Do(r *http.Request) (*http.Response, error) {
	body := a.bodies[min(len(a.paths), len(a.bodies)-1)]
	a.paths = append(a.paths, r.URL.Path)
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(body))}, nil
}

var now = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func writer(t *testing.T, a *answering, version, zone string) *Writer {
	t.Helper()
	w, err := open(&Config{Endpoint: connectors.Endpoint{BaseURL: "https://api.hubapi.com/"}, APIVersion: version, TimeZone: zone},
		connectors.Env{HTTP: a, Now: func() time.Time { return now }})
	require.NoError(t, err)
	return w
}

func contact(key, email string) connectors.Row {
	return connectors.Row{Key: key, IDs: map[string]string{"email": email}}
}

func upsert(rs ...connectors.Row) connectors.Batch {
	return connectors.Batch{Action: connectors.Upsert, Object: Contacts, Rows: rs}
}

// HubSpot's own table of errors is asked before the general one.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		header http.Header
		body   string
		do     connectors.Do
		wait   time.Duration
		rows   []int
	}{
		"daily limit, until midnight in the account's zone": {status: 429, body: `{"policyName":"DAILY"}`, do: connectors.Wait, wait: 15 * time.Hour},
		"ten-secondly limit": {status: 429, body: `{"policyName":"TEN_SECONDLY_ROLLING"}`, do: connectors.Wait, wait: 10 * time.Second},
		"interval header":    {status: 429, header: http.Header{"X-Hubspot-Ratelimit-Interval-Milliseconds": {"2500"}}, do: connectors.Wait, wait: 2500 * time.Millisecond},
		"migrating":          {status: 477, header: http.Header{"Retry-After": {"60"}}, do: connectors.Wait, wait: time.Minute},
		"refused, row named": {status: 400, body: `{"category":"VALIDATION_ERROR","errors":[{"context":{"objectWriteTraceId":["k2"]}}]}`, do: connectors.Split, rows: []int{1}},
		"conflict":           {status: 409, body: `{"category":"CONFLICT","message":"exists"}`, do: connectors.Split},
	} {
		header := c.header
		if header == nil {
			header = http.Header{}
		}
		w := writer(t, &answering{status: c.status, header: header, bodies: []string{c.body}}, "v3", "Europe/Berlin")
		_, err := w.Write(context.Background(), upsert(contact("k1", "a@x.io"), contact("k2", "b@x.io")))
		var e *connectors.CallError
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, c.do, e.Do, name)
		require.Equal(t, c.wait, e.Wait, name)
		require.Equal(t, c.rows, e.Rows, name)
	}
}

func TestPathsOfVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string][]string{
		"v3":      {"/crm/v3/objects/contacts/batch/upsert", "/crm/v3/lists/a%2Fb/memberships/add-and-remove"},
		"2026-03": {"/crm/objects/2026-03/contacts/batch/upsert", "/crm/lists/2026-03/a%2Fb/memberships/add-and-remove"},
	} {
		w := writer(t, nil, version, "UTC")
		require.Equal(t, "https://api.hubapi.com"+want[0], w.objects("batch/upsert"))
		require.Equal(t, "https://api.hubapi.com"+want[1], w.lists("a/b", "/memberships/add-and-remove"))
	}
}

// Answers prove rows by identity, never by order or silence.
func TestContactAnswers(t *testing.T) {
	t.Parallel()
	rows := []connectors.Row{contact("k1", "Ada@X.io"), contact("k2", "bob@x.io")}
	for body, want := range map[string]string{
		`{"results":[{"id":"2","properties":{"email":"bob@x.io"}},{"id":"1","properties":{"email":"ada@x.io"}}]}`: "aa",
		`{"results":[{"id":"1","objectWriteTraceId":"k1"}]}`:                                                      "au",
		`{"results":[],"errors":[]}`: "uu",
		`{}`:                         "uu",
		`{"results":[{"id":"","objectWriteTraceId":"k1"},{"id":"2","objectWriteTraceId":"k9"}]}`:                                                "uu",
		`{"results":[{"id":"1","objectWriteTraceId":"k1"},{"id":"9","objectWriteTraceId":"k1"}]}`:                                               "uu",
		`{"results":[{"id":"1","objectWriteTraceId":"k1"}],"errors":[{"category":"VALIDATION_ERROR","context":{"objectWriteTraceId":["k1"]}}]}`: "uu",
		`{"results":[{"id":"1","objectWriteTraceId":"k1"}],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["bob@x.io"]}}]}`:          "ar",
	} {
		w := writer(t, &answering{status: 207, bodies: []string{body}}, "v3", "UTC")
		answer, err := w.Write(context.Background(), upsert(rows...))
		require.NoError(t, err)
		got := ""
		for _, r := range answer.Results {
			got += r.Status.String()[:1]
		}
		require.Equal(t, want, got, body)
	}
}

// The page spells recordIdsAdded, the specification recordsIdsAdded; an answer
// without any list proves nothing.
func TestMembershipAnswers(t *testing.T) {
	t.Parallel()
	b := connectors.Batch{Action: connectors.AddToList, Object: List, Target: "1", Rows: []connectors.Row{{Key: "k", Ref: "7"}}}
	for body, want := range map[string]connectors.Status{
		`{"recordsIdsAdded":["7"],"recordIdsRemoved":[],"recordIdsMissing":[]}`: connectors.Accepted,
		`{"recordIdsAdded":["7"],"recordIdsRemoved":[],"recordIdsMissing":[]}`:  connectors.Accepted,
		`{"recordsIdsAdded":[],"recordIdsRemoved":[],"recordIdsMissing":[]}`:    connectors.Accepted,
		`{"recordsIdsAdded":[],"recordIdsRemoved":[],"recordIdsMissing":["7"]}`: connectors.Rejected,
		`{}`: connectors.Unknown,
	} {
		answer, err := writer(t, &answering{status: 200, bodies: []string{body}}, "v3", "UTC").Write(context.Background(), b)
		require.NoError(t, err)
		require.Equal(t, want, answer.Results[0].Status, body)
	}
}

// A contact is absent only if the answer accounts for all others.
func TestLookup(t *testing.T) {
	t.Parallel()
	rows := []connectors.Row{contact("k1", "ada@x.io"), contact("k2", "old@x.io")}
	for body, want := range map[string][]connectors.Presence{
		`{"results":[{"id":"1","properties":{"email":"ada@x.io"}}]}`:                                          {connectors.Present, connectors.Absent},
		`{"results":[{"id":"1","properties":{"email":"ada@x.io","hs_additional_emails":"x@x.io;OLD@x.io"}}]}`: {connectors.Present, connectors.Present},
		`{"results":[{"id":"1","properties":{"email":"other@x.io"}}]}`:                                        {connectors.PresenceUnknown, connectors.PresenceUnknown},
		`{"results":[],"errors":[{"category":"INTERNAL"}]}`:                                                   {connectors.PresenceUnknown, connectors.PresenceUnknown},
		`{"results":[],"numErrors":1,"errors":[{"category":"OBJECT_NOT_FOUND"}]}`:                             {connectors.Absent, connectors.Absent},
	} {
		w := writer(t, &answering{status: 207, bodies: []string{body}}, "v3", "UTC")
		found, err := w.Look(context.Background(), connectors.Batch{Action: connectors.Create, Object: Contacts, Rows: rows})
		require.NoError(t, err)
		require.Equal(t, want, []connectors.Presence{found[0].Presence, found[1].Presence}, body)
	}
	_, err := writer(t, &answering{status: 200, bodies: []string{`{}`}}, "v3", "UTC").Look(context.Background(), upsert(rows...))
	require.Error(t, err)
}

func TestCustomUniquePropertyComesFirst(t *testing.T) {
	t.Parallel()
	in := contactInput(connectors.Upsert, connectors.Row{Key: "k", Ref: "9", IDs: map[string]string{"email": "a@x.io", "shop_id": "7"},
		Fields: map[string]connectors.Value{"gone": connectors.Null(), "tags": connectors.Value(`["a","b"]`)}})
	require.Equal(t, input{IDProperty: "shop_id", ID: "7", TraceID: "k", Properties: map[string]string{
		"email": "a@x.io", "shop_id": "7", "gone": "", "tags": "a;b",
	}}, in)
	in = contactInput(connectors.Update, connectors.Row{Key: "k", Ref: "9", IDs: map[string]string{"email": "a@x.io"}})
	require.Equal(t, "9", in.ID)
	require.Empty(t, in.IDProperty)
}
