package warehousetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
)

const dirPrefix = "tailrace-test-"

var (
	shared struct {
		once    sync.Once
		dsn     string
		release func()
		err     error
	}
	databases atomic.Uint64
)

// OpenEmpty is Open without the migration: no database exists yet. What there
// is in the end is dropped.
func OpenEmpty(t testing.TB) *warehouse.DB {
	t.Helper()
	db, err := warehouse.Open(t.Context(), warehouse.Options{DSN: DSN(t), Database: NewDatabase()})
	require.NoError(t, err, "opening the test engine")
	t.Cleanup(func() {
		drop(t, db)
		require.NoError(t, db.Close())
	})
	return db
}

// NewDatabase returns a name that no other test of this process has.
func NewDatabase() string {
	return fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
}

// DSN is the DSN of the process's engine, for tests that open it themselves.
// The engine runs until the process ends, or until Stop.
func DSN(t testing.TB) string {
	t.Helper()
	shared.once.Do(start)
	require.NoError(t, shared.err, "starting the test engine")
	return shared.dsn
}

// start boots the engine on a folder of its own. fsync of table metadata is off:
// it is most of what creating tables costs, and no test loses power.
func start() {
	sweep()
	dir, err := os.MkdirTemp("", dirPrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		shared.err = err
		return
	}
	shared.dsn = "embedded://" + dir + "?fsync_metadata=0"
	release, err := warehouse.Hold(shared.dsn)
	shared.err = err
	shared.release = func() {
		if release != nil {
			release()
		}
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "warehousetest: removing the engine's folder:", err)
		}
	}
}

// Stop shuts the engine down and removes its folder. It is for the end of a
// TestMain; without it, the next test process that starts removes the folder.
func Stop() {
	if shared.release != nil {
		shared.release()
		shared.release = nil
	}
}

// sweep removes the folders of test processes that are gone.
func sweep() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		pid, err := strconv.Atoi(owner)
		if err != nil || syscall.Kill(pid, 0) != syscall.ESRCH {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "warehousetest: removing", dir+":", err)
		}
	}
}
