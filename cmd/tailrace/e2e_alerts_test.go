package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors/sandbox"
)

// TestAlertIsSentOnce lets a run be held: the receiver refuses the first alert, gets it again under the same id, signed,
// and after a restart never again; a second run that is held for the same reason is no news.
func TestAlertIsSentOnce(t *testing.T) {
	t.Parallel()
	type received struct {
		id, body string
		header   http.Header
	}
	var mu sync.Mutex
	var got []received
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, received{r.Header.Get("Webhook-Id"), string(body), r.Header})
		if len(got) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(receiver.Close)
	arrived := func() []received {
		mu.Lock()
		defer mu.Unlock()
		return append([]received(nil), got...)
	}
	files := map[string]string{
		"tailrace.yml": "name: e2e\noutbound: { allow: [\"" + strings.TrimPrefix(receiver.URL, "http://") + "\"] }\n" +
			"alerts: { webhook: \"" + receiver.URL + "/in\", secret: \"${env:E2E_SECRET}\", on: [held] }\n",
		"sources/app.yml":      bare["sources/app.yml"],
		"models/people.sql":    "/* model\nkey: id\nentity: none\n*/\nSELECT toString(number) AS id, concat(toString(number), '@people.example') AS email FROM numbers(40)\n",
		"destinations/crm.yml": "connector: hubspot\nsandbox: true\n",
		"syncs/people.yml": "model: people\ndestination: crm\nobject: contacts\nmode: upsert\nmatch: { email: email }\n" +
			"guard: { max_changes: 10 }\nschedule: manual\n",
	}
	p := setup(t, files, "E2E_SECRET="+sandbox.WebhookSecret)
	p.start()
	run := func() string {
		r := call[struct{ ID string }](p, http.MethodPost, "/api/v1/syncs/people/runs", map[string]any{})
		p.eventually("the run is held", func() bool {
			return call[struct{ State string }](p, http.MethodGet, "/api/v1/runs/"+r.ID, nil).State == "held"
		})
		return r.ID
	}
	id := run()
	p.eventually("the alert is taken", func() bool { return len(arrived()) == 2 })
	first, second := arrived()[0], arrived()[1]
	require.Equal(t, first.id, second.id)
	require.Equal(t, first.body, second.body)
	verifier, err := standardwebhooks.NewWebhook(sandbox.WebhookSecret)
	require.NoError(t, err)
	require.NoError(t, verifier.Verify([]byte(second.body), second.header))
	var message struct {
		Type, Text string
		Data       struct{ Name, Object string }
	}
	require.NoError(t, json.Unmarshal([]byte(second.body), &message))
	require.Equal(t, "run.held", message.Type)
	require.Equal(t, "people", message.Data.Name)
	require.Equal(t, id, message.Data.Object)
	require.Contains(t, message.Text, "tailrace runs changes "+id)

	listed := func() []alert { return call[pageOf[alert]](p, http.MethodGet, "/api/v1/alerts", nil).Items }
	// Killed before this is written down, it would send again: at least once.
	p.eventually("it is written down", func() bool { return len(listed()) == 1 && listed()[0].State == alertSent })
	p.kill()
	p.start()
	run()
	require.Never(t, func() bool { return len(arrived()) > 2 }, 2*time.Second, 100*time.Millisecond)
	require.Len(t, listed(), 1)
}
