package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/collector"
	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/all"
	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/syncs/erasure"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

var start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// queue takes tasks and runs none: tests do the work themselves.
type queue struct{}

func (queue) Enqueue(context.Context, string, string, ...jobs.EnqueueOption) error { return nil }

// bench is a server in this process over the real engines and a fresh database.
type bench struct {
	*testing.T
	db        *warehouse.DB
	erasures  *erasure.Engine
	tokens    *api.Tokens
	audiences *audiences.Audiences
	syncs     *syncs.Engine
	server    *api.Server
	http      *httptest.Server
	project   *project.Project
	secrets   map[api.Role]string

	account connectors.Account // what a test of a destination finds
	refusal error

	mu  sync.Mutex
	now time.Time
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

var files = map[string]string{
	"tailrace.yml":    "name: shop\n",
	"sources/web.yml": "kind: web\nwrite_key: ${env:WEB_KEY}\n",
	"audiences/buyers.sql": `/*
description: People who bought something.
because: [bought]
*/
SELECT user_id, email, bought, spent FROM shoppers WHERE bought
`,
	"models/shoppers.sql": `/* description: People and what they spent. */
SELECT user_id, any(traits.email::String) AS email, countIf(event = 'Order Completed') > 0 AS bought, sum(toFloat64OrZero(toString(properties.revenue))) AS spent
FROM events WHERE user_id != '' GROUP BY user_id
`,
	"traits/spent.sql": `/*
description: What somebody spent.
key: user_id
*/
SELECT user_id, spent FROM shoppers
`,
	"destinations/hook.yml": "connector: webhook\nbase_url: https://hook.example/in\nsandbox: true\n",
	"syncs/buyers_to_hook.yml": `audience: buyers
destination: hook
object: rows
mode: mirror
match: { id: user_id }
fields: { email: email, spent: spent }
on_exit: delete
guard: { first_sync: 1 }
`,
}

func env(name string) (string, bool) {
	v, ok := map[string]string{"WEB_KEY": "wk"}[name]
	return v, ok
}

func setup(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	b := &bench{T: t, db: warehousetest.Open(t), now: start, secrets: map[api.Role]string{}}
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	var found project.Diagnostics
	b.project, found = project.Load(dir, env)
	require.False(t, found.HasErrors(), "%v", found)
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	current := func() *project.Project { return b.project }
	b.audiences = audiences.New(audiences.Options{DB: b.db, Project: current, Queue: queue{}, Now: b.clock, Log: log})
	b.syncs = syncs.New(syncs.Options{DB: b.db, Project: current, Now: b.clock, Log: log, Worker: "test", Connect: b.connector()})
	b.erasures = erasure.New(erasure.Options{DB: b.db, Syncs: b.syncs, Now: b.clock, Log: log, Dir: dir, PartsFor: -1})
	b.tokens = api.NewTokens(b.db, b.clock)
	for _, role := range []api.Role{api.Viewer, api.Operator, api.Officer, api.Admin} {
		b.secrets[role] = "secret-" + string(role)
		b.tokens.Fix(b.secrets[role], api.Identity{ID: string(role) + "-1", Name: string(role), Role: role})
	}
	gin.SetMode(gin.TestMode)
	router := gin.New()
	b.server = api.New(router, api.Options{
		DB: b.db, Tokens: b.tokens, Audiences: b.audiences, Syncs: b.syncs, Erasures: b.erasures, Project: current,
		Reload: func(context.Context) (api.ReloadResult, error) {
			return api.ReloadResult{Hash: b.project.Hash, Published: true}, nil
		},
		Validate: func(_ context.Context, bundle []byte) (project.Diagnostics, error) {
			_, found, err := project.FromBundle(bundle, env)
			return found, err
		},
		Test: func(context.Context, string) (any, error) { return b.account, b.refusal },
		Ready: func(context.Context) api.Readiness {
			return api.Readiness{Ready: true, Parts: map[string]string{"warehouse": "ok"}}
		},
		Collector: func() collector.Stats { return collector.Stats{Accepted: 3, Loaded: 2, PendingBytes: 17} },
		Metrics:   prometheus.NewRegistry(), Now: b.clock, Log: log, Version: "v1",
	})
	b.http = httptest.NewServer(router)
	t.Cleanup(b.http.Close)
	_, err := b.audiences.Apply(t.Context())
	require.NoError(t, err)
	require.NoError(t, b.syncs.Reconcile(t.Context()))
	return b
}

// connector opens destinations as stand-ins.
func (b *bench) connector() func(*project.Destination) (*connectors.Destination, error) {
	standins := connectors.NewStandins(all.All, 1)
	transport, err := connectors.NewTransport(connectors.TransportOptions{Standins: standins})
	require.NoError(b, err)
	b.Cleanup(transport.Close)
	return func(d *project.Destination) (*connectors.Destination, error) {
		for _, c := range all.All {
			if c.Name != d.Connector {
				continue
			}
			raw := map[string]any{"credentials": map[string]any{}, "base_url": d.BaseURL}
			for k, v := range d.Settings {
				raw[k] = v
			}
			for k, v := range d.Credentials {
				raw["credentials"].(map[string]any)[k] = v
			}
			cfg, bad := connectors.DecodeConfig(c, raw)
			if len(bad) > 0 {
				return nil, bad[0]
			}
			return connectors.Open(connectors.Options{Name: d.Name, Connector: c, Config: cfg, Sandbox: true, HTTP: transport,
				Limiter: connectors.NewLocalLimiter(time.Now), Now: time.Now})
		}
		return nil, errors.New("no such connector")
	}
}

// answer is what the server said.
type answer struct {
	*testing.T
	status int
	header http.Header
	raw    []byte
}

// ask makes a request as a role; an empty role brings no token.
func (b *bench) ask(role api.Role, method, path string, in any) answer {
	b.Helper()
	return b.askWith(b.secrets[role], method, path, in)
}

func (b *bench) askWith(secret, method, path string, in any) answer {
	b.Helper()
	var reader io.Reader
	if in != nil {
		raw, ok := in.([]byte)
		if !ok {
			var err error
			raw, err = json.Marshal(in)
			require.NoError(b, err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(b.Context(), method, b.http.URL+path, reader)
	require.NoError(b, err)
	if reader != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(b, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(b, err)
	return answer{b.T, res.StatusCode, res.Header, raw}
}

// into decodes an answer with the given status.
func (a answer) into(status int, out any) {
	a.Helper()
	require.Equal(a, status, a.status, "%s", a.raw)
	require.NoError(a, json.Unmarshal(a.raw, out), "%s", a.raw)
}

// problem decodes a problem document with the given status and checks that it says what to do.
func (a answer) problem(status int) api.Problem {
	a.Helper()
	var p api.Problem
	a.into(status, &p)
	require.Equal(a, "application/problem+json", a.header.Get("Content-Type"))
	require.Equal(a, status, p.Status)
	require.NotEmpty(a, p.Detail)
	require.NotEmpty(a, p.Next, "%s", a.raw)
	return p
}

// event is what matters of an event here.
type event struct {
	kind, name, user, email string
	revenue                 float64
}

// load writes events as the collector would have, and resolves identities.
func (b *bench) load(events ...event) {
	b.Helper()
	rows := make([][]any, len(events))
	for i, e := range events {
		traits, err := json.Marshal(map[string]string{"email": e.email})
		require.NoError(b, err)
		props, err := json.Marshal(map[string]float64{"revenue": e.revenue})
		require.NoError(b, err)
		at := b.clock().Add(-time.Hour)
		rows[i] = []any{e.user + e.kind + e.name, "web", e.kind, e.name, e.user, identity.ProfileID("user_id", e.user), at, at, at, at,
			string(props), string(traits), `{"userId":"` + e.user + `"}`}
	}
	columns := []string{"message_id", "source", "type", "event", "user_id", "profile_id", "timestamp", "original_timestamp", "stable_time",
		"received_at", "properties", "traits", "payload"}
	require.NoError(b, b.db.Insert(b.Context(), "events_raw", columns, rows, warehouse.InsertOptions{}))
	r := &identity.Resolver{DB: b.db, Now: b.clock, Log: slog.New(slog.DiscardHandler)}
	_, err := r.Run(b.Context())
	require.NoError(b, err)
}
