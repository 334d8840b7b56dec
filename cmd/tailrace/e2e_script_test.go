package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// TestScripts runs the command line as people do: each file of testdata/script holds commands, the files that they
// read and what they print. `exec tailrace` is the real binary, since an engine opens one data folder a process.
func TestScripts(t *testing.T) {
	bin := t.TempDir()
	require.NoError(t, os.Symlink(binary(t), filepath.Join(bin, "tailrace")))
	lib := engine(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("TAILRACE_LIBCHDB", lib)
			env.Setenv("TAILRACE_DATA", filepath.Join(env.WorkDir, "data"))
			return nil
		},
	})
}
