package connectors

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

type sampleConfig struct {
	Endpoint
	Credentials struct {
		Token Secret `json:"token" required:"true" standin:"standin_t"`
	} `json:"credentials"`
	Wait  time.Duration `json:"wait" default:"5m"`
	Rows  int           `json:"rows" default:"10"`
	Share float64       `json:"share"`
	On    bool          `json:"on"`
}

var sample = Connector{Name: "sample", Config: func() any { return &sampleConfig{Endpoint: Endpoint{BaseURL: "https://x.example"}} }}

type foreignSecret struct{}

func (foreignSecret) Reveal() string { return "hush" }

func TestDecodeConfig(t *testing.T) {
	t.Parallel()
	cfg, problems := DecodeConfig(sample, map[string]any{
		"connector": "sample", "owner": "a", "limits": map[string]any{"x": 1},
		"credentials": map[string]foreignSecret{"token": {}}, "wait": "90s", "rows": uint64(7), "share": 0.5, "on": true,
	})
	require.Empty(t, problems)
	c := cfg.(*sampleConfig)
	require.Equal(t, "hush", c.Credentials.Token.Reveal())
	require.Equal(t, 90*time.Second, c.Wait)
	require.Equal(t, 7, c.Rows)
	require.Equal(t, "https://x.example", c.Address())
}

func TestDecodeConfigCollectsAllMistakes(t *testing.T) {
	t.Parallel()
	_, problems := DecodeConfig(sample, map[string]any{
		"credentials": map[string]any{"token": "literal", "tokn": NewSecret("x")}, "wait": "soon", "rows": "many", "onn": true, "base_url": 1.5,
	})
	var got []string
	for _, p := range problems {
		got = append(got, p.Error())
	}
	require.Equal(t, []string{
		"base_url: must be a text",
		"credentials.token: a secret is given by reference, never as text (write ${env:NAME} or ${file:/path})",
		"credentials.tokn: is not a setting of this connector (did you mean token?)",
		"onn: is not a setting of this connector (did you mean on?)",
		"rows: must be a whole number",
		"wait: is not a duration (write 90s, 5m or 1h)",
	}, got)
}

func TestSecretsAreRequiredUnlessSandboxed(t *testing.T) {
	t.Parallel()
	_, problems := DecodeConfig(sample, map[string]any{})
	require.Len(t, problems, 1)
	require.Equal(t, "credentials.token", problems[0].Path)
	cfg, problems := DecodeConfig(sample, map[string]any{"sandbox": true})
	require.Empty(t, problems)
	require.Equal(t, "standin_t", cfg.(*sampleConfig).Credentials.Token.Reveal())
}

func TestSecretRedactsInEveryFormat(t *testing.T) {
	t.Parallel()
	c := &sampleConfig{}
	c.Credentials.Token = NewSecret("canary")
	hidden := struct{ s Secret }{c.Credentials.Token}
	var out strings.Builder
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", c.Credentials.Token, "config", c)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", c.Credentials.Token)
		fmt.Fprintf(&out, verb+"\n", *c)
		fmt.Fprintf(&out, verb+"\n", hidden)
	}
	j, err := json.Marshal(c)
	require.NoError(t, err)
	y, err := yaml.Marshal(c)
	require.NoError(t, err)
	out.Write(j)
	out.Write(y)
	require.NotContains(t, out.String(), "canary")
	require.NotContains(t, out.String(), fmt.Sprintf("%x", "canary"))
	require.Contains(t, string(j), Redacted)
	require.Len(t, Secrets(c), 1)
}
