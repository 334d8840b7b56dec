package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
)

func TestQuery(t *testing.T) {
	b := setup(t)
	b.load(event{kind: "identify", user: "u1", email: "ada@example.com"}, event{kind: "track", name: "Order Completed", user: "u1", revenue: 10})
	ask := func(sql, format string) answer {
		return b.ask(api.Operator, http.MethodPost, "/api/v1/query", map[string]string{"sql": sql, "format": format})
	}
	got := ask("SELECT event, count() AS n FROM events GROUP BY event ORDER BY event", "")
	require.Equal(t, 200, got.status, "%s", got.raw)
	require.Equal(t, "application/x-ndjson", got.header.Get("Content-Type"))
	require.Equal(t, `{"event":"","n":1}`+"\n"+`{"event":"Order Completed","n":1}`+"\n", strings.ReplaceAll(string(got.raw), `"1"`, "1"))
	got = ask("SELECT user_id FROM events WHERE event != '' ", "CSVWithNames")
	require.Equal(t, "\"user_id\"\n\"u1\"\n", string(got.raw))
	require.Contains(t, got.header.Get("Content-Type"), "text/csv")

	t.Run("a long answer streams", func(t *testing.T) {
		rows := ask("SELECT arrayJoin(range(500000)) AS n", "JSONEachRow")
		require.Equal(t, 200, rows.status, "%s", rows.raw)
		require.Equal(t, 500000, bytes.Count(rows.raw, []byte("\n")))
	})
	for name, bad := range map[string]struct{ sql, words string }{
		"writes":         {"INSERT INTO events SELECT 1", "SELECT"},
		"two statements": {"SELECT 1; SELECT 2", "statement"},
		"reads a file":   {"SELECT * FROM file('/etc/passwd')", "file"},
		"calls out":      {"SELECT * FROM url('http://example.com', CSV)", "url"},
		"secrets":        {"SELECT hash FROM " + b.db.Database() + ".api_tokens", "api_tokens"},
		"unknown column": {"SELECT nothing FROM events", "nothing"},
		"syntax":         {"SELEC 1", ""},
		"fails late":     {"SELECT intDiv(1, length(user_id) - 2) AS x FROM events", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := ask(bad.sql, "").problem(http.StatusUnprocessableEntity)
			require.Contains(t, p.Detail, bad.words)
		})
	}
	ask("SELECT 1 AS x", "Nonsense").problem(http.StatusUnprocessableEntity)
	ask("", "").problem(http.StatusUnprocessableEntity)

	var log struct{ Items []api.AuditEntry }
	b.ask(api.Admin, http.MethodGet, "/api/v1/audit?action=query", nil).into(200, &log)
	require.NotEmpty(t, log.Items)
	require.Equal(t, "127.0.0.1", log.Items[0].RemoteIP)
	require.Equal(t, "operator", log.Items[0].Role)
}

// TestQueryBreaksOff has a statement fail after rows were sent: the client must see that the answer isn't whole.
func TestQueryBreaksOff(t *testing.T) {
	b := setup(t)
	require.NoError(t, b.db.Exec(t.Context(), "INSERT INTO "+b.db.Database()+".events_rejected (id, received_at, message_id, payload) "+
		"SELECT generateUUIDv4(), now64(3, 'UTC') - INTERVAL 6 DAY + number, toString(number), repeat('x', 100) FROM numbers(500000)"))
	raw, err := json.Marshal(map[string]string{"sql": "SELECT received_at, payload, throwIf(message_id = '499999', 'too far') AS x FROM events_rejected ORDER BY received_at"})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.http.URL+"/api/v1/query", bytes.NewReader(raw))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+b.secrets[api.Operator])
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	if res.StatusCode != 200 {
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		t.Fatalf("it failed before the first row, so this proves nothing: %s", body)
	}
	lines := 0
	s := bufio.NewScanner(res.Body)
	for s.Scan() {
		lines++
	}
	require.Error(t, s.Err(), "a short answer passed for a whole one, after %d lines", lines)
	require.Positive(t, lines)
}
