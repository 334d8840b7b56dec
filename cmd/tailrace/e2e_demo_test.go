package main

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDemoOnce plays a small shop once: it ends with 0 and prints sums that hold.
func TestDemoOnce(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	out, errs, code := p.tailrace("demo", "--once", "--people", "60")
	require.Zero(t, code, "%s%s", out, errs)
	firsts, seconds := 0, 0
	for _, line := range strings.Split(out, "\n") {
		switch {
		case strings.HasPrefix(line, "  selected "):
			firsts++
			requireSum(t, line)
		case strings.HasPrefix(line, "  planned "):
			seconds++
			requireSum(t, line)
		}
	}
	syncs, err := filepath.Glob(filepath.Join("..", "..", "sql", "demo", "syncs", "*.yml"))
	require.NoError(t, err)
	require.Equal(t, len(syncs), firsts, "one sum of each sync\n%s", out)
	require.Equal(t, firsts, seconds)
	require.Contains(t, out, "existing_customers")
	require.Contains(t, out, "token")
}

var number = regexp.MustCompile(`[\d,]+`)

// requireSum adds up a printed sum: the first number is the total of the rest.
func requireSum(t *testing.T, line string) {
	t.Helper()
	left, right, ok := strings.Cut(line, " = ")
	require.True(t, ok, line)
	sum := func(text string) (n int) {
		for _, digits := range number.FindAllString(text, -1) {
			x, err := strconv.Atoi(strings.ReplaceAll(digits, ",", ""))
			require.NoError(t, err)
			n += x
		}
		return n
	}
	require.Equal(t, sum(left), sum(right), line)
}
