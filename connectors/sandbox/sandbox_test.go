package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(t *testing.T, h http.Handler, method, path, body string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header = http.Header{"Authorization": {"Bearer x"}, "Content-Type": {"application/json"}}
	for k, v := range header {
		r.Header[k] = v
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func upsert(emails ...string) string {
	var inputs []string
	for _, e := range emails {
		inputs = append(inputs, fmt.Sprintf(`{"idProperty":"email","id":%q,"objectWriteTraceId":%q,"properties":{"email":%q}}`, e, e, e))
	}
	return `{"inputs":[` + strings.Join(inputs, ",") + `]}`
}

const upsertPath = "/crm/v3/objects/contacts/batch/upsert"

// Every answer says that it is a stand-in's, pages for people too.
func TestNeverPretendsToBeReal(t *testing.T) {
	t.Parallel()
	h := sandbox.NewHandler(sandbox.Options{})
	for path, name := range map[string]string{
		"/hubspot/": "hubspot/v3", "/hubspot/_standin/state": "hubspot/v3", "/hubspot/nowhere": "hubspot/v3", "/webhook/": "webhook/1.0.0", "/webhook/_standin/faults": "webhook/1.0.0",
	} {
		w := ask(t, h, http.MethodGet, path, "", nil)
		require.Equal(t, name, w.Header().Get(connectors.StandinHeader), path)
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			require.Contains(t, w.Body.String(), "stand-in")
		}
	}
	w := ask(t, h.HubSpot, http.MethodPost, upsertPath, upsert("a@x.io"), nil)
	require.Contains(t, w.Body.String(), `"id":"standin_`)
	require.Contains(t, ask(t, h, http.MethodGet, "/", "", nil).Body.String(), "not the vendors")
}

func TestHubSpotRefusesWhatTheVendorRefuses(t *testing.T) {
	t.Parallel()
	h := sandbox.NewHubSpot(sandbox.Options{Rate: -1})
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("p%d@x.io", i)
	}
	for name, c := range map[string]struct {
		body   string
		header http.Header
		status int
	}{
		"no token":     {upsert("a@x.io"), http.Header{"Authorization": {""}}, 401},
		"content type": {upsert("a@x.io"), http.Header{"Content-Type": {"text/plain"}}, 415},
		"no JSON":      {`{"inputs":`, nil, 400},
		"unknown key":  {`{"inputs":[{"id":"a","idProperty":"email","properties":{},"x":1}]}`, nil, 400},
		"no inputs":    {`{"inputs":[]}`, nil, 400},
		"101 inputs":   {upsert(many...), nil, 400},
		"twice":        {upsert("a@x.io", "A@x.io"), nil, 400},
		"record id":    {`{"inputs":[{"id":"1","idProperty":"hs_object_id","properties":{}}]}`, nil, 400},
		"no property":  {`{"inputs":[{"id":"1","idProperty":"email"}]}`, nil, 400},
		"number":       {`{"inputs":[{"id":"1","idProperty":"email","properties":{"n":1}}]}`, nil, 400},
		"poison":       {upsert("a@x.io", "poison@x.io"), nil, 400},
		"fine":         {upsert("a@x.io", "b@x.io"), nil, 200},
		"partly fine":  {upsert("a@x.io", "invalid+9@x.io"), nil, 207},
	} {
		require.Equal(t, c.status, ask(t, h, http.MethodPost, upsertPath, c.body, c.header).Code, name)
	}
	require.Len(t, h.State().Contacts, 2)
	require.Equal(t, 404, ask(t, h, http.MethodGet, "/crm/v3/lists/77", "", nil).Code)
	require.Equal(t, 200, ask(t, h, http.MethodGet, "/crm/v3/lists/standin_x", "", nil).Code)
	require.Equal(t, 400, ask(t, h, http.MethodPut, "/crm/v3/lists/standin_x/memberships/add-and-remove", `{"recordIdsToAdd":["1"]}`, nil).Code)
}

func TestHubSpotRateLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	h := sandbox.NewHubSpot(sandbox.Options{Now: func() time.Time { return now }})
	for range 100 {
		require.Equal(t, 200, ask(t, h, http.MethodPost, upsertPath, upsert("a@x.io"), nil).Code)
	}
	w := ask(t, h, http.MethodPost, upsertPath, upsert("a@x.io"), nil)
	require.Equal(t, 429, w.Code)
	require.Contains(t, w.Body.String(), "TEN_SECONDLY_ROLLING")
	now = now.Add(10*time.Second + time.Millisecond)
	require.Equal(t, 200, ask(t, h, http.MethodPost, upsertPath, upsert("a@x.io"), nil).Code)
}

func TestErrorShareFollowsTheSeed(t *testing.T) {
	t.Parallel()
	refused := func(seed uint64) int {
		h := sandbox.NewHubSpot(sandbox.Options{Rate: -1, Seed: seed, ErrorShare: 0.2})
		for from := 0; from < 1000; from += 100 {
			var emails []string
			for i := range 100 {
				emails = append(emails, fmt.Sprintf("p%d@x.io", from+i))
			}
			ask(t, h, http.MethodPost, upsertPath, upsert(emails...), nil)
		}
		return 1000 - len(h.State().Contacts)
	}
	require.InDelta(t, 200, refused(1), 50)
	require.Equal(t, refused(1), refused(1))
}

// What the receipts hold was applied; a line cut short counts as nothing.
func TestReceipts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "receipts.jsonl")
	receipts, err := sandbox.OpenReceipts(path)
	require.NoError(t, err)
	h := sandbox.NewHubSpot(sandbox.Options{Rate: -1, Receipts: receipts})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { ask(t, h, http.MethodPost, upsertPath, upsert(fmt.Sprintf("p%d@x.io", i)), nil) })
	}
	wg.Wait()
	require.NoError(t, receipts.Close())
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"n":21,"rows":[{"key":"half`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	got, err := sandbox.ReadReceipts(path)
	require.NoError(t, err)
	require.Len(t, got, 20)
	require.Equal(t, 20, got[19].N)
	require.Equal(t, "upsert", got[0].Op)
	require.Len(t, got[0].Rows, 1)
}

func TestFaultsOverHTTP(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(sandbox.NewHandler(sandbox.Options{}))
	defer s.Close()
	post := func(path, body string) *http.Response {
		req, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer x")
		req.Header.Set("Content-Type", "application/json")
		resp, err := s.Client().Do(req)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp
	}
	require.Equal(t, 400, post("/hubspot/_standin/faults", `{}`).StatusCode)
	require.Equal(t, 200, post("/hubspot/_standin/faults", `{"kind":"too_many_seconds","times":2,"seconds":7,"path":"upsert"}`).StatusCode)
	for range 2 {
		resp := post("/hubspot"+upsertPath, upsert("a@x.io"))
		require.Equal(t, 429, resp.StatusCode)
		require.Equal(t, "7", resp.Header.Get("Retry-After"))
	}
	require.Equal(t, 200, post("/hubspot"+upsertPath, upsert("a@x.io")).StatusCode)
	s.Client().CloseIdleConnections()
}

// A webhook's message counts once per id, and is checked like a receiver should.
func TestWebhookRefusesWhatIsNotSigned(t *testing.T) {
	t.Parallel()
	h := sandbox.NewWebhook(sandbox.Options{})
	body := `{"type":"audience.members","timestamp":"2026-11-24T08:00:00Z","data":{"sync":"vip","added":[{"key":"k"}],"removed":[]}}`
	for name, header := range map[string]http.Header{
		"nothing":   {},
		"old":       {"Webhook-Id": {"m"}, "Webhook-Timestamp": {"1"}, "Webhook-Signature": {"v1,x"}},
		"signature": {"Webhook-Id": {"m"}, "Webhook-Timestamp": {fmt.Sprint(time.Now().Unix())}, "Webhook-Signature": {"v1,AAAA"}},
	} {
		require.Equal(t, 401, ask(t, h, http.MethodPost, "/", body, header).Code, name)
	}
	state, err := json.Marshal(h.State())
	require.NoError(t, err)
	require.NotContains(t, string(state), `"k"`)
}
