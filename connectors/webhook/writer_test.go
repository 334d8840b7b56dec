package webhook

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/connectortest"
)

// answering is a receiver that gives one answer and keeps what it got.
type answering struct {
	status int
	body   string
	got    *http.Request
	sent   []byte
}

func (a *answering) Do(r *http.Request) (*http.Response, error) {
	a.got = r
	body, err := io.ReadAll(r.Body)
	a.sent = body
	return &http.Response{StatusCode: a.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(a.body))}, err
}

var at = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func writer(t *testing.T, a *answering, now time.Time, raw map[string]any) *Writer {
	t.Helper()
	settings := map[string]any{"base_url": "https://receiver.example/hook?x=1",
		"credentials": map[string]any{"secret": connectors.NewSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}}
	for k, v := range raw {
		settings[k] = v
	}
	cfg, problems := connectors.DecodeConfig(Connector, settings)
	require.Empty(t, problems)
	w, err := open(cfg.(*Config), connectors.Env{HTTP: a, Now: func() time.Time { return now }})
	require.NoError(t, err)
	return w
}

func batch() connectors.Batch {
	return connectors.Batch{Action: connectors.AddToList, Object: "people", Key: "plan:7.1", Sync: "vip", At: at, Rows: []connectors.Row{
		{Key: "k1", IDs: map[string]string{"email": "ada@example.com"}, Fields: map[string]connectors.Value{"n": connectors.Value("9007199254740993")}},
		{Key: "k2", IDs: map[string]string{"email": "<b>@example.com"}},
	}}
}

// The signatures are those that the standard's own library makes.
func TestVectors(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(connectortest.RequireSpecs(t), "webhook", "standard-webhooks-vectors.json"))
	require.NoError(t, err)
	var vectors struct {
		Secret string
		Cases  []map[string]string
	}
	require.NoError(t, json.Unmarshal(content, &vectors))
	require.NotEmpty(t, vectors.Cases)
	w := writer(t, nil, at, map[string]any{"credentials": map[string]any{"secret": connectors.NewSecret(vectors.Secret)}})
	for _, c := range vectors.Cases {
		unix, err := strconv.ParseInt(c["webhook-timestamp"], 10, 64)
		require.NoError(t, err)
		signature, err := w.sign(c["webhook-id"], unix, []byte(c["body"]))
		require.NoError(t, err)
		require.Equal(t, c["webhook-signature"], signature)
	}
}

// A retry has the same id and body, another timestamp and signature.
func TestRetryIsTheSameMessage(t *testing.T) {
	t.Parallel()
	first, second := &answering{status: 200}, &answering{status: 200}
	_, err := writer(t, first, at, nil).Write(context.Background(), batch())
	require.NoError(t, err)
	_, err = writer(t, second, at.Add(time.Minute), nil).Write(context.Background(), batch())
	require.NoError(t, err)
	require.Equal(t, first.sent, second.sent)
	require.Equal(t, first.got.Header.Get("Webhook-Id"), second.got.Header.Get("Webhook-Id"))
	require.NotEqual(t, first.got.Header.Get("Webhook-Signature"), second.got.Header.Get("Webhook-Signature"))
	require.NotContains(t, first.got.Header.Get("Webhook-Id"), ".")
	require.Equal(t, `{"type":"audience.members","timestamp":"2026-11-24T08:00:00.000Z","data":{"sync":"vip","object":"people",`+
		`"added":[{"key":"k1","identifiers":{"email":"ada@example.com"},"fields":{"n":9007199254740993}},`+
		`{"key":"k2","identifiers":{"email":"<b>@example.com"}}],"removed":[]}}`, string(first.sent))
	require.Equal(t, "https://receiver.example/hook?x=1", first.got.URL.String())
}

func TestTwoSecretsWhileChangingOver(t *testing.T) {
	t.Parallel()
	a := &answering{status: 204}
	w := writer(t, a, at, map[string]any{"credentials": map[string]any{
		"secret":          connectors.NewSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
		"previous_secret": connectors.NewSecret("whsec_dGhlIHByZXZpb3VzIHNlY3JldCBvZiB0aGUga2l0IQ=="),
	}})
	_, err := w.Write(context.Background(), batch())
	require.NoError(t, err)
	parts := strings.Split(a.got.Header.Get("Webhook-Signature"), " ")
	require.Len(t, parts, 2)
	require.NotEqual(t, parts[0], parts[1])
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":               "aa",
		"ok":             "aa",
		"null":           "aa",
		`{}`:             "aa",
		`{"results":[]}`: "aa",
		`{"results":[{"key":"k2","status":"rejected","words":"no"}]}`:                     "ar",
		`{"results":[{"key":"k2","status":"deferred"},{"key":"k1","status":"accepted"}]}`: "ad",
		`{"results":[{"key":"k1","status":"perhaps"}]}`:                                   "ua",
		`{"results":[{"key":"k1","status":"rejected"},{"key":"k1","status":"accepted"}]}`: "ua",
		`{"results":[{"key":"k9","status":"rejected"}]}`:                                  "error",
		`{"results":`: "error",
		`<html>`:      "error",
		"\x00\x01":    "error",
	} {
		answer, err := writer(t, &answering{status: 200, body: body}, at, nil).Write(context.Background(), batch())
		got := ""
		for _, r := range answer.Results {
			got += r.Status.String()[:1]
		}
		if err != nil {
			got = "error"
		}
		require.Equal(t, want, got, body)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for status, do := range map[int]connectors.Do{410: connectors.Stop, 502: connectors.FindOut, 504: connectors.FindOut} {
		_, err := writer(t, &answering{status: status}, at, nil).Write(context.Background(), batch())
		var c *connectors.CallError
		require.ErrorAs(t, err, &c)
		require.Equal(t, do, c.Do)
	}
}

// A webhook promises what its receiver does.
func TestClassFollowsTheReceiver(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]connectors.Class{"5m": connectors.ClassB, "0s": connectors.ClassD} {
		cfg, problems := connectors.DecodeConfig(Connector, map[string]any{
			"sandbox": true, "deduplicates_for": given, "batch": 7, "rate": 2, "timeout": "3s",
		})
		require.Empty(t, problems)
		c := Connector.Adjust(Connector, cfg)
		spec := c.Objects[0].Actions[connectors.Append]
		require.Equal(t, want, spec.Class)
		require.Equal(t, 7, spec.Limits.Rows)
		require.Equal(t, 3*time.Second, c.Timeout)
		require.InDelta(t, 2, c.Budget[0].Rate, 0)
	}
	require.Equal(t, 100, Connector.Objects[0].Actions[connectors.Append].Limits.Rows, "the declaration itself is untouched")
}
