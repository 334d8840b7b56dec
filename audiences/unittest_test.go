package audiences_test

import (
	"io/fs"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/sql"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// runUnits runs the unit tests of a project's folder.
func runUnits(t *testing.T, dir string) []audiences.UnitResult {
	t.Helper()
	p, found := project.Load(dir, func(string) (string, bool) { return "", false })
	require.False(t, found.HasErrors(), "%v", found)
	units, err := audiences.NewUnits(t.Context(), warehousetest.Open(t), p, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	var out []audiences.UnitResult
	for _, test := range p.UnitTests {
		r, err := units.Run(t.Context(), test)
		require.NoError(t, err)
		t.Logf("%s: %s %.0f ms", r.File, r.Name, r.Seconds*1000)
		out = append(out, r)
	}
	return out
}

func TestTheShopsUnitTestsPass(t *testing.T) {
	t.Parallel()
	demo, err := fs.Sub(sql.Demo, "demo")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, demo))
	results := runUnits(t, dir)
	require.NotEmpty(t, results)
	for _, r := range results {
		require.Equal(t, audiences.UnitPassed, r.Status, "%s: %s\n%s\nmissing %v\nunexpected %v", r.File, r.Name, r.Error, r.Missing, r.Unexpected)
	}
}
