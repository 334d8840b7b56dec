package connectors

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// through sends one request to a handler, with a recording.
func through(t *testing.T, h http.HandlerFunc, body []byte, secret string, answerBytes int64) (*Reply, []Exchange, error) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	tr, err := NewTransport(TransportOptions{Allow: []string{"127.0.0.1"}})
	require.NoError(t, err)
	t.Cleanup(tr.Close)
	f := &flight{redact: newRedactor(map[string]Secret{"x": NewSecret(secret)}), answerBytes: answerBytes, now: frozen}
	reply, err := Call(withFlight(context.Background(), f), tr, Request{
		Method: http.MethodPost, URL: s.URL + "/a?key=" + secret, Body: body, Header: http.Header{"X-Api-Key": {secret}, "Authorization": {"Bearer " + secret}},
	})
	return reply, f.recorded(), err
}

func TestPackedAnswersAreRead(t *testing.T) {
	t.Parallel()
	reply, xs, err := through(t, func(w http.ResponseWriter, r *http.Request) {
		var packed bytes.Buffer
		gz := gzip.NewWriter(&packed)
		_, _ = gz.Write([]byte(`{"ok":true}`))
		_ = gz.Close()
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	}, []byte("{}"), "hush-hush", 1000)
	require.NoError(t, err)
	var got map[string]bool
	require.NoError(t, reply.JSON(&got))
	require.True(t, got["ok"])
	require.Len(t, xs, 1)
}

// Bodies are recorded up to the cap, without secrets, also where the cap would
// cut one in two.
func TestRecordsHideSecretsAtTheCap(t *testing.T) {
	t.Parallel()
	const secret = "canary-secret-0123456789"
	body := []byte(strings.Repeat("x", MaxRecorded-10) + secret + strings.Repeat("y", 1000))
	reply, xs, err := through(t, func(w http.ResponseWriter, r *http.Request) {
		// HTTP/1 servers can't answer while they still read.
		content, err := io.ReadAll(r.Body)
		if err == nil {
			_, _ = w.Write(content)
		}
	}, body, secret, 1<<20)
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, reply.Body), "only the record is capped")
	x := xs[0]
	require.LessOrEqual(t, len(x.Body), MaxRecorded)
	require.LessOrEqual(t, len(x.Answer), MaxRecorded)
	require.Equal(t, len(body), x.BodyBytes)
	require.Equal(t, len(body), x.AnswerBytes)
	require.Equal(t, 200, x.Status)
	shown, err := json.Marshal(struct {
		X    Exchange
		B, A string
	}{x, string(x.Body), string(x.Answer)})
	require.NoError(t, err)
	require.NotContains(t, string(shown), "canary-sec")
	require.Contains(t, x.URL, "/a?key=…")
	require.Equal(t, Redacted, x.Header.Get("X-Api-Key"))
	require.Equal(t, Redacted, x.Header.Get("Authorization"))
}

func TestAnswersAreCapped(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{1000: true, 1001: false} {
		_, _, err := through(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(bytes.Repeat([]byte("a"), n))
		}, nil, "hush-hush", 1000)
		require.Equal(t, ok, err == nil, n)
		if !ok {
			require.Equal(t, FindOut, classify(err, ClassA, testNow).Do)
		}
	}
}

// A stand-in that panics or aborts is an answer that never came.
func TestStandinThatBreaks(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"panic": func(http.ResponseWriter, *http.Request) { panic("broken") },
		"abort": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"abort in the middle": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"results":`))
			panic(http.ErrAbortHandler)
		},
	} {
		standins := NewStandins(nil, 1)
		standins.Set("x", h)
		tr, err := NewTransport(TransportOptions{Standins: standins})
		require.NoError(t, err)
		_, err = Call(context.Background(), tr, Request{Method: http.MethodGet, URL: "http://" + StandinHost("x") + "/"})
		require.Error(t, err, name)
		require.Equal(t, FindOut, classify(err, ClassA, testNow).Do, name)
	}
}
