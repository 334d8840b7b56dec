package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

func TestNoFormattingShowsASecret(t *testing.T) {
	t.Parallel()
	const hidden = "hunter2"
	s := NewSecret(hidden)
	nested := struct {
		S Secret
		P *Secret
		M map[string]Secret
		A Address
	}{s, &s, map[string]Secret{"k": s}, Address{s}}
	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%20s"} {
		for _, v := range []any{s, &s, nested, &nested, []Secret{s}} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	raw, err := json.Marshal(nested)
	require.NoError(t, err)
	doc, err := yaml.Marshal(nested)
	require.NoError(t, err)
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("secret", "s", s, "n", nested, "p", &s)
	}
	shown = append(shown, string(raw), string(doc), log.String(), fmt.Sprint(s), s.String(), s.GoString())
	for _, text := range shown {
		require.NotContains(t, text, hidden)
		require.NotContains(t, text, fmt.Sprintf("%x", hidden))
	}
	require.Contains(t, string(raw), redacted)
	require.Equal(t, hidden, s.Reveal())
	require.Empty(t, Secret{}.String())
}

func TestReferences(t *testing.T) {
	t.Parallel()
	r := newResolver(testEnv)
	r.readFile = func(path string) ([]byte, error) { return []byte("of " + path + "\n"), nil }
	for text, want := range map[string]string{
		"plain": "plain", "${env:SET}": "value", "a${env:SET}b": "avalueb", "${env:UNSET:-x,y}": "x,y",
		"${env:UNSET:-}": "", "${env:SET:-other}": "value", "${file:/run/secret}": "of /run/secret", "$5 ${": "$5 ${",
	} {
		got, err := r.resolve(text)
		require.Nil(t, err, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"${env:UNSET}", "${ENV}", "${env:a-b}", "${file:}", "${vault:x}"} {
		_, err := r.resolve(text)
		require.NotNil(t, err, text)
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "15m": 15 * time.Minute, "1h30m": 90 * time.Minute, "90d": 90 * 24 * time.Hour,
		"2w": 14 * 24 * time.Hour, "1w2d3h": 9*24*time.Hour + 3*time.Hour, "500ms": 500 * time.Millisecond,
	} {
		d, err := ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, d.Std(), text)
		again, err := ParseDuration(d.String())
		require.NoError(t, err, d.String())
		require.Equal(t, d, again)
	}
	for _, text := range []string{"", "5", "-1s", "d", "1.5d", "1d-1h", "9999999999d", "99999999h", "1d2w"} {
		_, err := ParseDuration(text)
		require.Error(t, err, text)
	}
}

func TestSchedulesKnowTheirNextTime(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return v
	}
	for _, c := range []struct{ schedule, after, next string }{
		{"every 15m", "2026-03-01T10:07:00Z", "2026-03-01T10:15:00Z"},
		{"every 15m", "2026-03-01T10:15:00Z", "2026-03-01T10:30:00Z"},
		{"every 1d", "2026-03-01T10:15:00Z", "2026-03-02T00:00:00Z"},
		{"cron 0 6 * * * Europe/Berlin", "2026-03-01T10:00:00Z", "2026-03-02T05:00:00Z"},
		{"0 6 * * * Europe/Berlin", "2026-07-01T10:00:00Z", "2026-07-02T04:00:00Z"},
		{"0-59/15 * * * *", "2026-03-01T10:07:00Z", "2026-03-01T10:15:00Z"},
	} {
		s, err := ParseSchedule(c.schedule)
		require.NoError(t, err, c.schedule)
		next, ok := s.Next(at(c.after))
		require.True(t, ok)
		require.Equal(t, at(c.next), next.UTC(), c.schedule)
		again, err := ParseSchedule(s.String())
		require.NoError(t, err)
		require.Equal(t, s.String(), again.String())
	}
	for _, text := range []string{"manual", "on_change", "after a, b", "cron 0 0 30 2 *"} {
		s, err := ParseSchedule(text)
		require.NoError(t, err, text)
		_, ok := s.Next(at("2026-03-01T10:00:00Z"))
		require.False(t, ok, text)
	}
}

func TestRenderings(t *testing.T) {
	t.Parallel()
	ds := Diagnostics{
		{SeverityError, CodeUnknownColumn, "audiences/a.sql", 9, 6, "unknown column x, did you mean y?", ""},
		{SeverityWarning, CodeHeaderMissing, "models/b.sql", 0, 0, "100% odd\nthing", "do this"},
	}
	require.Equal(t, "audiences/a.sql:9:6: unknown column x, did you mean y?\nmodels/b.sql: warning: 100% odd\nthing (do this)\n", ds.String())
	require.Equal(t, "::error file=shop/audiences/a.sql,line=9,col=6,title=unknown-column::unknown column x, did you mean y?\n"+
		"::warning file=shop/models/b.sql,title=header-missing::100%25 odd%0Athing (do this)\n", ds.GitHub("shop/"))
	raw, err := ds.SARIF("1.0")
	require.NoError(t, err)
	require.True(t, json.Valid(raw))
	require.Contains(t, string(raw), `"startLine": 9`)
	require.Contains(t, string(raw), CodeHeaderMissing.Summary())
	raw, err = Diagnostics(nil).JSON()
	require.NoError(t, err)
	require.JSONEq(t, `{"diagnostics":[]}`, string(raw))
	require.EqualError(t, ds.Err(), strings.TrimSpace(ds[:1].String()))
	require.NoError(t, ds[1:].Err())
}
