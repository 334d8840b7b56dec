package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/connectors/sandbox"
	"github.com/tailrace/tailrace/syncs"
)

// world is a server with people in it, and two vendors outside of its process: their memory and their receipts on disk
// outlive every kill, so promises are held against what they really received.
type world struct {
	*process
	mailer   *sandbox.Webhook // class B: a webhook-id counts once
	crm      *sandbox.HubSpot // class A: sending again changes nothing
	receipts string
	scores   map[string]int // by user: what the events say
	rand     *rand.Rand
	events   int
}

// worldFiles are the project: people with a high score go to the mailer and to the CRM. Nothing runs by itself.
func worldFiles(vendors string) map[string]string {
	return map[string]string{
		"tailrace.yml":    "name: e2e\noutbound: { allow: [\"" + vendors + "\"] }\n",
		"sources/app.yml": bare["sources/app.yml"],
		"models/scores.sql": `/* model
description: The newest score of each person, made slowly enough to be killed in the middle
*/
SELECT
    profile_id,
    any(user_id) AS customer,
    argMax(properties.score::Int64, timestamp) AS score
FROM events
WHERE event = 'Scored'
GROUP BY profile_id
HAVING bitAnd(arrayReduce('sum', arrayMap(x -> sipHash64(x, customer), range(20000))), 1) < 2
`,
		"audiences/high.sql": `/* audience
description: Everybody whose newest score is high
schedule: manual
limits: { max_shrink: 100% }
because: [high]
tests:
  - unique
*/
SELECT profile_id, customer, concat(customer, '@people.example') AS email, score, score >= 50 AS high
FROM scores
WHERE score >= 50
`,
		"destinations/mailer.yml": "connector: webhook\nbase_url: ${env:E2E_MAILER}\ncredentials: { secret: ${env:E2E_SECRET} }\ntimeout: 2s\nbatch: 10\nrate: 500\n",
		"destinations/crm.yml":    "connector: hubspot\nbase_url: ${env:E2E_CRM}\ncredentials: { access_token: ${env:E2E_CRM_TOKEN} }\n",
		"syncs/to_mailer.yml": `audience: high
destination: mailer
object: people
mode: mirror
on_exit: delete
match: { email: email }
fields: { customer: customer, score: score }
guard: { max_removed: 100% }
schedule: manual
`,
		"syncs/to_crm.yml": `audience: high
destination: crm
object: contacts
mode: mirror
on_exit: { set: { score: null } }
match: { email: email }
fields: { score: score }
guard: { max_removed: 100% }
schedule: manual
`,
	}
}

// newWorld starts the vendors, makes the people (half of them with a high score) and starts the server.
func newWorld(t *testing.T, people int, latency time.Duration, env ...string) *world {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &world{receipts: filepath.Join(t.TempDir(), "receipts.jsonl"), scores: map[string]int{}, rand: rand.New(rand.NewPCG(seed, 1))}
	proof, err := sandbox.OpenReceipts(w.receipts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, proof.Close()) })
	w.mailer = sandbox.NewWebhook(sandbox.Options{Receipts: proof, Latency: latency, Rate: -1})
	w.crm = sandbox.NewHubSpot(sandbox.Options{Receipts: proof, Latency: latency, Rate: -1, Token: "e2e-crm-token"})
	mux := http.NewServeMux()
	mux.Handle("/crm/", w.crm)
	mux.Handle("/mailer", w.mailer)
	vendors := httptest.NewServer(mux)
	t.Cleanup(vendors.Close)
	w.process = setup(t, worldFiles(strings.TrimPrefix(vendors.URL, "http://")), append([]string{"E2E_MAILER=" + vendors.URL + "/mailer", "E2E_CRM=" + vendors.URL,
		"E2E_SECRET=" + sandbox.WebhookSecret, "E2E_CRM_TOKEN=e2e-crm-token"}, env...)...)
	w.start()
	scores := map[string]int{}
	for i := range people {
		scores[fmt.Sprintf("p%04d", i)] = 40 + 20*(i%2)
	}
	w.score(scores)
	return w
}

// score sends one event of each person and waits until all are loaded.
func (w *world) score(scores map[string]int) {
	w.t.Helper()
	var batch []map[string]any
	for _, user := range slices.Sorted(maps.Keys(scores)) {
		w.events++
		batch = append(batch, trackEvent(fmt.Sprintf("score-%d", w.events), user, "Scored", map[string]any{"score": scores[user]}))
		w.scores[user] = scores[user]
	}
	for chunk := range slices.Chunk(batch, 250) {
		status, err := w.post(chunk)
		require.NoError(w.t, err)
		require.Equal(w.t, http.StatusOK, status)
	}
	w.loaded()
}

// shuffle gives a third of the people new scores.
func (w *world) shuffle() {
	w.t.Helper()
	changed := map[string]int{}
	for user := range w.scores {
		if w.rand.IntN(3) == 0 {
			changed[user] = w.rand.IntN(100)
		}
	}
	w.score(changed)
}

// high is who belongs into the audience, and their scores, by what was sent.
func (w *world) high() map[string]int {
	out := map[string]int{}
	for user, score := range w.scores {
		if score >= 50 {
			out[user] = score
		}
	}
	return out
}

func (w *world) startMaterialization() audiences.Materialization {
	w.t.Helper()
	return call[audiences.Materialization](w.process, http.MethodPost, "/api/v1/audiences/high/materializations", map[string]any{})
}

func (w *world) materialization(id string) audiences.Materialization {
	w.t.Helper()
	return call[audiences.Materialization](w.process, http.MethodGet, "/api/v1/materializations/"+id, nil)
}

// materialize publishes the audience as the events have it now.
func (w *world) materialize() {
	w.t.Helper()
	m := w.startMaterialization()
	w.eventually("the audience is published", func() bool { m = w.materialization(m.ID); return m.State.Over() })
	require.Contains(w.t, []audiences.State{audiences.StatePublished, audiences.StateUnchanged}, m.State, m.Error)
}

func (w *world) startRun(sync string) api.RunView {
	w.t.Helper()
	return call[api.RunView](w.process, http.MethodPost, "/api/v1/syncs/"+sync+"/runs", map[string]any{})
}

func (w *world) run(id string) api.RunView {
	w.t.Helper()
	return call[api.RunView](w.process, http.MethodGet, "/api/v1/runs/"+id, nil)
}

// finish waits for the end of a run.
func (w *world) finish(id string) (r api.RunView) {
	w.t.Helper()
	w.eventually("the run is over", func() bool { r = w.run(id); return r.Over || r.State == syncs.Held })
	return r
}

// accepted is every key that the ledger calls accepted in a run, with what was done.
func (w *world) accepted(run string) map[string]syncs.Op {
	w.t.Helper()
	out := map[string]syncs.Op{}
	query := url.Values{"outcome": {"accepted"}, "limit": {"500"}}
	for {
		page := call[pageOf[syncs.ChangeView]](w.process, http.MethodGet, "/api/v1/runs/"+run+"/changes?"+query.Encode(), nil)
		for _, c := range page.Items {
			out[c.Key] = c.Op
		}
		if page.NextCursor == "" {
			return out
		}
		query.Set("cursor", page.NextCursor)
	}
}

// killIn kills the server at a random instant within d and starts it again.
func (w *world) killIn(d time.Duration) {
	w.t.Helper()
	timer := time.NewTimer(time.Duration(w.rand.Int64N(int64(d))))
	defer timer.Stop()
	<-timer.C
	w.kill()
	w.start()
}
