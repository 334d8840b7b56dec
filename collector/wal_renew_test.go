package collector

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// TestLetGo sees that what was accepted is in no file afterwards, that nothing is lost, and that the log goes on.
func TestLetGo(t *testing.T) {
	t.Parallel()
	db, dir := warehousetest.Open(t), t.TempDir()
	c := open(t, Options{Dir: dir, Warehouse: db})
	stop := run(t, c)
	const canary = "canary-in-the-log"
	for range 2 {
		require.Equal(t, http.StatusOK, post(t, c.Handler(), "/v1/batch", `{"batch":[{"type":"track","event":"A","userId":"`+canary+`"}]}`).Code)
	}
	require.NotEmpty(t, filesWith(t, dir, canary))
	require.NoError(t, c.LetGo(t.Context()))
	require.Empty(t, filesWith(t, dir, canary))
	require.EqualValues(t, 2, count(t, db, "SELECT count() FROM {db}.events_raw"))
	require.NoError(t, c.LetGo(t.Context()), "of an empty log too")

	require.Equal(t, http.StatusOK, post(t, c.Handler(), "/v1/batch", `{"batch":[{"type":"track","event":"B","userId":"u2"}]}`).Code)
	flush(t, c)
	require.EqualValues(t, 3, count(t, db, "SELECT count() FROM {db}.events_raw"))
	require.Zero(t, c.Stats().PendingBytes)

	// With everything loaded it needs no loader, as at the end of a process.
	stop()
	require.NoError(t, c.LetGo(t.Context()))
	require.Empty(t, filesWith(t, dir, `"u2"`))
	id := c.ID()
	require.NoError(t, c.Close())
	again := open(t, Options{Dir: dir, Warehouse: db})
	require.Equal(t, id, again.ID())
}

func filesWith(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		if bytes.Contains(raw, []byte(text)) {
			found = append(found, path)
		}
	}
	return found
}
