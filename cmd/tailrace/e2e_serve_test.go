package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bare is the smallest project: one source.
var bare = map[string]string{
	"tailrace.yml":    "name: e2e\n",
	"sources/app.yml": "kind: server\nwrite_key: ${env:E2E_WRITE_KEY:-" + e2eWriteKey + "}\n",
}

func trackEvent(id, user, event string, properties map[string]any) map[string]any {
	return map[string]any{"type": "track", "messageId": id, "userId": user, "event": event, "properties": properties}
}

// TestTermDrains ends the server during traffic: it exits 0 within 15 s, and what it answered 200 is there afterwards.
func TestTermDrains(t *testing.T) {
	t.Parallel()
	p := setup(t, bare)
	p.start()
	var accepted atomic.Int64
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			for i := 0; ; i++ {
				status, err := p.post([]map[string]any{trackEvent(fmt.Sprintf("term-%d-%d", c, i), "u", "Ping", nil)})
				if err != nil {
					return // the server is gone
				}
				if status == http.StatusOK {
					accepted.Add(1)
				}
			}
		})
	}
	p.eventually("traffic flows", func() bool { return accepted.Load() > 20 })
	took, err := p.terminate()
	clients.Wait()
	require.NoError(t, err, p.tail(4000))
	require.Less(t, took, 15*time.Second)
	_, err = os.Stat(runtimePath(p.data))
	require.ErrorIs(t, err, os.ErrNotExist, "a server that ended leaves no address behind")
	p.start()
	p.loaded()
	got := queryRows[struct{ N, Ids json.Number }](p, "SELECT count() AS N, uniqExact(message_id) AS Ids FROM events")[0]
	n, err := got.N.Int64()
	require.NoError(t, err)
	require.GreaterOrEqual(t, n, accepted.Load(), "answered 200 and lost")
	require.Equal(t, got.N, got.Ids)
}

// TestSecondProcess starts another server on the same data, and commands beside a running server.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	p := setup(t, bare)
	p.start()

	second := setup(t, nil)
	second.project, second.data = p.project, p.data
	second.launch()
	<-second.exited
	require.Error(t, second.err, "two servers on one data folder")
	require.Contains(t, second.tail(4000), "--data")
	require.Contains(t, second.tail(4000), "--server")

	status, err := p.post([]map[string]any{trackEvent("m1", "u1", "Ping", nil)})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	p.loaded()
	out, errs, code := p.tailrace("query", "SELECT event, count() AS n FROM events GROUP BY event")
	require.Zero(t, code, errs)
	require.JSONEq(t, `{"event":"Ping","n":1}`, out)
	out, errs, code = p.tailrace("doctor", "--json")
	require.Zero(t, code, out+errs)
	require.Contains(t, out, "a running server at http://"+p.addr)

	out, errs, code = p.tailraceOn(t.TempDir(), "--server", "http://"+p.addr, "--token", e2eToken, "query", "SELECT count() AS n FROM events")
	require.Zero(t, code, errs)
	require.JSONEq(t, `{"n":1}`, out)
	_, errs, code = p.tailraceOn(t.TempDir(), "--server", "http://"+p.addr, "--token", "wrong", "query", "SELECT 1")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "token")

	for _, refused := range []struct {
		why  string
		args []string
	}{
		{"1:1: only a SELECT can stand here, not DROP", []string{"query", "DROP TABLE events"}},
		{"1:15: the table function file can't be used", []string{"query", "SELECT * FROM file('/etc/passwd')"}},
		{"nobody", []string{"sync", "nobody"}},
		{"not found", []string{"runs", "show", "01a20cd8-0000-7000-8000-000000000000"}},
	} {
		_, errs, code = p.tailrace(refused.args...)
		require.Equal(t, 1, code, refused.args)
		require.Contains(t, errs, refused.why)
	}
	out, errs, code = p.tailrace("tokens", "create", "bob", "--role", "viewer")
	require.Zero(t, code, errs)
	require.Regexp(t, `(?m)^tr_api_`, out)
	out, errs, code = p.tailrace("tokens", "list")
	require.Zero(t, code, errs)
	require.Regexp(t, `bob +│ viewer +│ active`, out)
	require.NotContains(t, out, "tr_api_")

	p.kill()
	out, errs, code = p.tailrace("query", "SELECT count() AS n FROM events")
	require.Zero(t, code, "what a killed server left behind doesn't bind a command: %s", errs)
	require.JSONEq(t, `{"n":1}`, out)
}
