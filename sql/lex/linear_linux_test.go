package lex

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Eight times the text takes about eight times the work, and far from the 64 times of a square: of CPU time of the
// test's own thread, as a busy machine stretches any other.
func TestHostileTextTakesLinearTime(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	work := func(piece string, size int) time.Duration {
		src := strings.Repeat(piece, size/len(piece))
		begun := threadTime(t)
		tokens := Tokens(src)
		Tables(tokens)
		Functions(tokens)
		SelectItems(tokens)
		ColumnComments(tokens)
		Statements(src)
		_, _ = RewriteTime(src, logical)
		return threadTime(t) - begun
	}
	for _, piece := range []string{"(", "SELECT 1;", "WITH a (", "(FROM a ", "now(", "[", "{", "$a ", "x IN ", "1.", "/*", "*/", "-- x\n", "SELECT a AS b, "} {
		few := max(work(piece, 4_000), 2*time.Millisecond)
		require.Less(t, work(piece, 32_000), 24*few, piece)
	}
}

// threadTime is the CPU time of the calling thread.
func threadTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_THREAD, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
