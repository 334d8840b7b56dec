package api_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/warehouse"
)

// One person, by everything that a person may be known by.
const (
	canaryUser  = "Canary-User-7f3a9"
	canaryAnon  = "canary-anon-41b0"
	canaryMail  = "canary.person@canary-mail.example"
	canaryName  = "Ottilie Canarysdottir"
	canaryPhone = "+49 170 5550199"
	canaryLine  = "491705550199" // the phone again, as a number
	canaryNote  = "mail " + canaryMail + ". or call " + canaryName + " on " + canaryPhone
	canaryWords = "the vendor doesn't know " + canaryMail + ", " + canaryUser + ", " + canaryAnon + " nor '" + canaryName + "' (" + canaryLine + ")"
)

// canaryMarks are what of the person must not be found, in lower case.
var canaryMarks = []string{"canary.person", "canary-mail", "canary-user", "canary-anon", "canarysdottir", "5550199"}

var canaryFiles = map[string]string{
	"models/shoppers.sql": `/* description: People. */
SELECT user_id, any(anonymous_id) AS device, any(traits.email::String) AS email, any(traits.name::String) AS full_name, any(traits.phone::String) AS phone,
  any(toUInt64OrZero(traits.line::String)) AS line, countIf(event = 'Order Completed') > 0 AS bought, sum(toFloat64OrZero(toString(properties.revenue))) AS spent
FROM events WHERE user_id != '' GROUP BY user_id
`,
	"audiences/buyers.sql": `/*
description: People who bought something.
because: [bought]
personal: [line]
*/
SELECT user_id, device, email, full_name, phone, line, bought, spent FROM shoppers WHERE bought
`,
	"traits/card.sql": `/*
description: How to reach somebody.
key: user_id
personal: [card]
*/
SELECT user_id, line AS card FROM shoppers
`,
	"traits/spent.sql": `/*
description: What is noted of somebody.
key: user_id
*/
SELECT user_id, any(traits.note::String) AS spent FROM events WHERE user_id != '' GROUP BY user_id
`,
	"syncs/buyers_to_hook.yml": `audience: buyers
destination: hook
object: rows
mode: mirror
match: { id: user_id }
fields: { email: email, name: full_name, device: device, tel: phone, line: line, spent: spent }
on_exit: delete
guard: { first_sync: 1 }
`,
}

// canaryWorld is a database in which the person stands wherever a person may, and the ids of what holds them.
type canaryWorld struct {
	*bench
	profile              string
	version, failed      string // materializations
	sent, left           string // runs
	erasure, restoration string
}

func newCanaryWorld(b *bench) *canaryWorld {
	b.Helper()
	w := &canaryWorld{bench: b, profile: identity.ProfileID("user_id", canaryUser).String()}
	b.advance(time.Since(b.clock())) // or what is kept for 90 days would be gone
	dir := b.TempDir()
	all := map[string]string{}
	for _, some := range []map[string]string{files, canaryFiles} {
		for name, text := range some {
			all[name] = text
		}
	}
	for name, text := range all {
		require.NoError(b, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(b, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	loaded, found := project.Load(dir, env)
	require.False(b, found.HasErrors(), "%v", found)
	b.project = loaded
	_, err := b.audiences.Apply(b.Context())
	require.NoError(b, err)
	require.NoError(b, b.syncs.Reconcile(b.Context()))
	w.events()
	for _, one := range []struct {
		kind project.Kind
		name string
	}{{project.KindAudience, "buyers"}, {project.KindTrait, "card"}} {
		m, err := b.audiences.Start(b.Context(), one.kind, one.name, audiences.StartOptions{Trigger: audiences.TriggerAPI, Actor: "test"})
		require.NoError(b, err)
		require.NoError(b, b.audiences.Run(b.Context(), m.ID))
		m, err = b.audiences.Materialization(b.Context(), m.ID)
		require.NoError(b, err)
		require.Equal(b, audiences.StatePublished, m.State, "%s %s", m.Error, m.Reason)
		if one.name == "buyers" {
			w.version = m.ID
		}
	}
	w.runs()
	w.words()
	return w
}

// events are the person's, accepted and refused.
func (w *canaryWorld) events() {
	traits, err := json.Marshal(map[string]any{"email": canaryMail, "name": canaryName, "lastName": canaryName, "phone": canaryPhone, "line": canaryLine, "note": canaryNote})
	require.NoError(w, err)
	properties, err := json.Marshal(map[string]any{"revenue": 9, "to": canaryName, "line": json.Number(canaryLine)})
	require.NoError(w, err)
	payload, err := json.Marshal(map[string]any{"userId": canaryUser, "anonymousId": canaryAnon, "traits": json.RawMessage(traits), "properties": json.RawMessage(properties)})
	require.NoError(w, err)
	at := w.clock().Add(-time.Hour)
	row := func(kind, event, user, anonymous string) []any {
		return []any{"message of " + user + kind + event, "web", kind, event, user, anonymous, identity.ProfileID("user_id", user), at, at, at, at, string(properties), string(traits), string(payload)}
	}
	columns := []string{"message_id", "source", "type", "event", "user_id", "anonymous_id", "profile_id", "timestamp", "original_timestamp", "stable_time", "received_at", "properties", "traits", "payload"}
	require.NoError(w, w.db.Insert(w.Context(), "events_raw", columns, [][]any{row("identify", "", canaryUser, canaryAnon), row("track", "Order Completed", canaryUser, canaryAnon)}, warehouse.InsertOptions{}))
	w.load(event{kind: "identify", user: "u2", email: "bob@example.com"}, event{kind: "track", name: "Order Completed", user: "u2", revenue: 80}) // and resolves
	var refused [][]any
	for _, text := range []string{string(payload), `{"userId": "` + canaryUser + `", "traits": {"email": "` + canaryMail, canaryLine, `"` + canaryNote + `"`} {
		refused = append(refused, []any{uuid.New(), "web", "invalid_type", "type", "/traits/" + canaryMail, "message of " + canaryUser, text, at})
	}
	require.NoError(w, w.db.Insert(w.Context(), "events_rejected", []string{"id", "source", "reason", "rule", "pointer", "message_id", "payload", "received_at"}, refused, warehouse.InsertOptions{}))
}

// runs are one that sent the person, and one that left them out.
func (w *canaryWorld) runs() {
	run := w.sync()
	require.Equal(w, syncs.Succeeded, run.State, "%s %v", run.Error, run.Counts)
	w.sent = run.ID
	put := func(path string, item map[string]any) {
		got := w.ask(api.Operator, http.MethodPut, path, map[string]any{"items": []any{item}})
		require.Equal(w, 200, got.status, "%s", got.raw)
	}
	put("/api/v1/consents", map[string]any{"kind": "email", "value": canaryMail, "category": "marketing", "status": "granted"})
	put("/api/v1/suppressions", map[string]any{"kind": "user_id", "value": canaryUser, "reason": canaryWords})
	w.left = w.sync().ID
	var x api.ErasureView // recorded only: what it does is other tests' matter
	w.ask(api.Officer, http.MethodPost, "/api/v1/erasures", map[string]any{"items": []map[string]any{{"kind": "email", "value": canaryMail}}, "reason": "request 1"}).into(202, &x)
	w.erasure = x.ID
	require.Equal(w, 200, w.ask(api.Operator, http.MethodGet, "/api/v1/profiles/"+canaryMail, nil).status, "for the audit log")
}

// words puts the person into every text that a vendor, the engine or a person may have written.
func (w *canaryWorld) words() {
	words := warehouse.P{"words": canaryWords, "path": "/people/" + canaryUser + "/" + canaryMail + "?name=" + canaryName}
	now := warehouse.Settings{"mutations_sync": 2}
	for table, set := range map[string]string{
		"sync_outcomes":       "ref = {words:String}, words = {words:String}",
		"sync_exchanges":      "path = {path:String}, error = {words:String}, response_headers = map('Location', {path:String}), request_headers = map('X-Person', {words:String})",
		"sync_runs":           "error = {words:String}, reason = {words:String}",
		"materialization_log": "error = {words:String}, reason = {words:String}, warnings = [{words:String}]",
		"sync_state":          "last_words = {words:String}, ref = {words:String}",
	} {
		require.NoError(w, w.db.Exec(w.Context(), "ALTER TABLE "+table+" UPDATE "+set+" WHERE 1", words, now), table)
	}
	require.NoError(w, w.db.Insert(w.Context(), "alerts", []string{"alert_id", "type", "name", "object", "text", "next", "at", "state"},
		[][]any{{"a1", "run.held", "buyers_to_hook", w.left, canaryWords, canaryWords, w.clock(), "sent"}}, warehouse.InsertOptions{}))
	because := map[string]any{"reason": canaryWords}
	require.Equal(w, 200, w.ask(api.Operator, http.MethodPost, "/api/v1/syncs/buyers_to_hook/pause", because).status)
	require.Equal(w, 200, w.ask(api.Operator, http.MethodPost, "/api/v1/ledger/restores", because).status)
}
