package webhook

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "destinations", "webhook.md"))
	require.NoError(t, err)
	return string(text)
}

// The messages that the page shows have the shape of those that are sent, and
// the page names all types.
func TestMessagesOfThePage(t *testing.T) {
	t.Parallel()
	text := page(t)
	blocks := regexp.MustCompile("(?ms)^```json\n(.*?)^```").FindAllStringSubmatch(text, -1)
	require.Len(t, blocks, 4)
	for _, block := range blocks {
		var m message
		d := json.NewDecoder(strings.NewReader(block[1]))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&m), block[1])
		require.Contains(t, slices.Collect(maps.Values(types)), m.Type)
	}
	for _, name := range types {
		require.Contains(t, text, "`"+name+"`")
	}
}

// The page's receiver takes what is signed with its secret, once, and nothing else.
func TestReceiverOfThePage(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("(?ms)^```js\n(.*?)^```").FindStringSubmatch(page(t))
	require.NotNil(t, code)
	file := filepath.Join(t.TempDir(), "receiver.mjs")
	require.NoError(t, os.WriteFile(file, []byte(code[1]), 0o600))
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	node := exec.CommandContext(t.Context(), "node", file)
	node.Env = append(os.Environ(), "PORT=0", "HOOK_SECRET="+secret)
	out, err := node.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, node.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	port, ok := strings.CutPrefix(lines.Text(), "listening ")
	require.True(t, ok, lines.Text())

	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	send := func(secret string, now time.Time, b connectors.Batch) ([]connectors.Status, error) {
		cfg, problems := connectors.DecodeConfig(Connector, map[string]any{"base_url": "http://127.0.0.1:" + port,
			"credentials": map[string]any{"secret": connectors.NewSecret(secret)}})
		require.Empty(t, problems)
		w, err := open(cfg.(*Config), connectors.Env{HTTP: client, Now: func() time.Time { return now }})
		require.NoError(t, err)
		a, err := w.Write(t.Context(), b)
		var got []connectors.Status
		for _, r := range a.Results {
			got = append(got, r.Status)
		}
		return got, err
	}
	b := batch()
	b.Rows[1].IDs = map[string]string{"phone": "1"} // the receiver wants addresses
	for range 2 {
		got, err := send(secret, time.Now(), b)
		require.NoError(t, err)
		require.Equal(t, []connectors.Status{connectors.Accepted, connectors.Rejected}, got)
	}
	var refused *connectors.HTTPError
	_, err = send("whsec_dGhlIHByZXZpb3VzIHNlY3JldCBvZiB0aGUga2l0IQ==", time.Now(), b)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, http.StatusUnauthorized, refused.Status)
	_, err = send(secret, time.Now().Add(-time.Hour), b)
	require.ErrorAs(t, err, &refused, "an old message is refused")

	transport.CloseIdleConnections()
	require.NoError(t, node.Process.Kill())
	var printed bytes.Buffer
	for lines.Scan() {
		printed.WriteString(lines.Text() + "\n")
	}
	require.Error(t, node.Wait(), "it was killed")
	require.Equal(t, "audience.members vip k1\n", printed.String())
}
