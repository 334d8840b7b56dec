package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// built is the binary under test, built once a test process, when a test first needs it.
var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// binary is the path of the real binary, as `make build` makes it: without cgo and without the race detector.
// TAILRACE_BINARY names one that is built already.
func binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.path = os.Getenv("TAILRACE_BINARY"); built.path != "" {
			return
		}
		if built.dir, built.err = os.MkdirTemp("", "tailrace-binary-"); built.err != nil {
			return
		}
		built.path = filepath.Join(built.dir, "tailrace")
		if built.err = os.Symlink(engine(t), filepath.Join(built.dir, "libchdb.so")); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", built.path, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("building the binary: %w\n%s", err, out)
		}
	})
	require.NoError(t, built.err)
	return built.path
}

// engine is the path of libchdb: the built binary finds it beside itself, one named by TAILRACE_BINARY is told.
func engine(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("TAILRACE_LIBCHDB"); path != "" {
		return path
	}
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", "libchdb.so"))
	require.NoError(t, err)
	return path
}
