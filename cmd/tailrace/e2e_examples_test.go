package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/sql"
)

// TestExamplesValidate: every example can be written, has nothing to say, and its unit tests pass.
func TestExamplesValidate(t *testing.T) {
	t.Parallel()
	for _, e := range sql.Examples {
		p := setup(t, nil)
		dir := filepath.Join(t.TempDir(), e.Name)
		out, errs, code := p.tailrace("init", dir, "--example", e.Name)
		require.Zero(t, code, "%s%s", out, errs)
		out, errs, code = p.tailrace("validate", "--project", dir)
		require.Zero(t, code, "%s%s", out, errs)
		require.Contains(t, out, "the project is valid", e.Name)
		out, errs, code = p.tailrace("test", "--project", dir)
		require.Zero(t, code, "%s%s", out, errs)
		if e.Name != "empty" {
			require.Regexp(t, `\d+ tests?: [1-9]\d* passed in`, out, e.Name)
		}
	}
	p := setup(t, nil)
	_, errs, code := p.tailrace("init", "--example", "nope")
	require.NotZero(t, code)
	require.Contains(t, errs, "choose one of shop, saas, brands, empty")
}

// TestDemoExamples plays the examples with few people: every sync sends something, and both sums hold.
func TestDemoExamples(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile(`^│ (\w+) +│ (succeeded|partial) +│`)
	for _, name := range []string{"saas", "brands"} {
		p := setup(t, nil)
		out, errs, code := p.tailrace("demo", "--once", "--example", name, "--people", "90")
		require.Zero(t, code, "%s%s", out, errs)
		sent := 0
		for _, line := range strings.Split(out, "\n") {
			if strings.HasPrefix(line, "  selected ") || strings.HasPrefix(line, "  planned ") {
				requireSum(t, line)
			}
			if row.MatchString(line) {
				sent++
				cells := strings.Split(line, "│")
				require.NotEqual(t, "0", strings.TrimSpace(cells[8]), line)
			}
		}
		require.Greater(t, sent, 8, out)
		require.Contains(t, out, "exclusion priority", "somebody is left out for a better audience")
	}
}
