package all_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors/all"
)

// A connector's one way out is env.HTTP, its one clock env.Now.
func TestConnectorsHaveNoOtherWayOut(t *testing.T) {
	t.Parallel()
	forbidden := []string{
		"http.Client{", "http.Get(", "http.Post(", "http.DefaultClient", "http.DefaultTransport", "net.Dial", "time.Now(",
		"time.Sleep(", "os.Getenv(", "go func", "func init()", "slog.", "log.",
	}
	for _, c := range all.All {
		files, err := filepath.Glob(filepath.Join("..", c.Name, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			content, err := os.ReadFile(f)
			require.NoError(t, err)
			for _, word := range forbidden {
				require.NotContains(t, string(content), word, "%s", f)
			}
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range all.All {
		require.False(t, seen[c.Name], c.Name)
		seen[c.Name] = true
		got, ok := all.ByName(c.Name)
		require.True(t, ok)
		require.Equal(t, c.Title, got.Title)
	}
	_, ok := all.ByName("nobody")
	require.False(t, ok)
}
