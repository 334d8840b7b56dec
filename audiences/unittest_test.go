package audiences_test

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
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

// testExamples are the test files that docs/testing.md shows, by name.
func testExamples(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "testing.md"))
	require.NoError(t, err)
	out := map[string]string{}
	for _, found := range regexp.MustCompile("(?s)```yaml\n# tests/(\\w+\\.yml)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		out[found[1]] = found[2]
	}
	return out
}

// TestTheExamplesOfThePageAreTrue runs what docs/testing.md shows in the shop, and the same with something else expected.
func TestTheExamplesOfThePageAreTrue(t *testing.T) {
	t.Parallel()
	examples := testExamples(t)
	require.Len(t, examples, 2)
	demo, err := fs.Sub(sql.Demo, "demo")
	require.NoError(t, err)
	run := func(change func(string) string) []audiences.UnitResult {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, demo))
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "tests")))
		require.NoError(t, os.Mkdir(filepath.Join(dir, "tests"), 0o755))
		for name, text := range examples {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "tests", name), []byte(change(text)), 0o600))
		}
		return runUnits(t, dir)
	}
	for _, r := range run(func(text string) string { return text }) {
		require.Equal(t, audiences.UnitPassed, r.Status, "%s: %s\n%s\nmissing %v\nunexpected %v", r.File, r.Name, r.Error, r.Missing, r.Unexpected)
	}
	broken := run(strings.NewReplacer("members: [ada]", "members: [ada, bob]", "values: { ada: 3 }", "values: { ada: 4 }").Replace)
	require.Len(t, broken, 2)
	for _, r := range broken {
		require.Equal(t, audiences.UnitFailed, r.Status, r.Name)
		require.NotEmpty(t, r.Missing, r.Name)
	}
}
