package lex

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The square of 50,000 tokens would take far longer. What counts is the CPU time of the test's own thread, as a busy
// machine stretches any other.
func TestHostileTextTakesLinearTime(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, piece := range []string{"(", "SELECT 1;", "WITH a (", "(FROM a ", "now(", "[", "{", "$a ", "x IN ", "1.", "/*", "*/", "-- x\n", "SELECT a AS b, "} {
		src := strings.Repeat(piece, 50_000/len(piece))
		begun := threadTime(t)
		tokens := Tokens(src)
		Tables(tokens)
		Functions(tokens)
		SelectItems(tokens)
		ColumnComments(tokens)
		Statements(src)
		_, _ = RewriteTime(src, logical)
		require.Less(t, threadTime(t)-begun, 5*time.Second, piece)
	}
}

// threadTime is the CPU time of the calling thread.
func threadTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_THREAD, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
