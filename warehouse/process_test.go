package warehouse_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// runChild is what this test binary does as another process: libchdb runs one
// path a process, and some promises are about two of them, or about death.
func runChild(job string) int {
	ctx := context.Background()
	db, err := warehouse.Open(ctx, warehouse.Options{DSN: "embedded://" + os.Getenv("TAILRACE_TEST_PATH")})
	if err != nil {
		fmt.Println("error:", err, errors.Is(err, warehouse.ErrLocked))
		return 3
	}
	switch job {
	case "write":
		err = childWrites(ctx, db)
	case "count":
		var counted struct {
			Rows    uint64 `ch:"rows"`
			Highest int64  `ch:"highest"`
		}
		err = db.Get(ctx, &counted, "SELECT count() AS rows, max(n) AS highest FROM t")
		fmt.Println(counted.Rows, counted.Highest)
	case "zone":
		var zone string
		err = db.Get(ctx, &zone, "SELECT toString(toDateTime(1719792000)) || ' ' || toString(toDate(toDateTime64('2024-07-01 00:30:00', 3, 'UTC')))", warehouse.Admin)
		fmt.Println(zone)
	}
	if err != nil {
		fmt.Println("error:", err)
		return 4
	}
	if err := db.Close(); err != nil {
		fmt.Println("error:", err)
		return 5
	}
	return 0
}

// childWrites inserts one row after another and says each number only when it
// is acknowledged, until it is killed.
func childWrites(ctx context.Context, db *warehouse.DB) error {
	if err := db.Exec(ctx, "CREATE DATABASE IF NOT EXISTS tailrace", warehouse.Admin); err != nil {
		return err
	}
	if err := db.Exec(ctx, "CREATE TABLE IF NOT EXISTS t (n Int64) ENGINE = MergeTree ORDER BY n SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"); err != nil {
		return err
	}
	for n := int64(1); ; n++ {
		if err := db.Insert(ctx, "t", []string{"n"}, [][]any{{n}}, warehouse.InsertOptions{Token: strconv.FormatInt(n, 10)}); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func child(t *testing.T, job, path string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "TAILRACE_TEST_CHILD="+job, "TAILRACE_TEST_PATH="+path)...)
	return cmd
}

// A path belongs to one process; when that dies, however it dies, the next one
// opens the path and finds what was acknowledged.
func TestPathIsLockedAndSurvivesKill(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	acknowledged := int64(0)
	for range 2 {
		writer := child(t, "write", path)
		out, err := writer.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, writer.Start())
		lines := bufio.NewScanner(out)
		for i := 0; i < 15 && lines.Scan(); i++ {
			n, err := strconv.ParseInt(lines.Text(), 10, 64)
			require.NoError(t, err, lines.Text())
			acknowledged = max(acknowledged, n)
		}

		refused, err := child(t, "count", path).Output()
		require.Error(t, err)
		require.Contains(t, string(refused), "in use by another process (process "+strconv.Itoa(writer.Process.Pid)+") true")

		require.NoError(t, writer.Process.Kill())
		for lines.Scan() {
			n, err := strconv.ParseInt(lines.Text(), 10, 64)
			if err == nil {
				acknowledged = max(acknowledged, n)
			}
		}
		require.Error(t, writer.Wait())

		count := child(t, "count", path)
		var stderr bytes.Buffer
		count.Stderr = &stderr
		counted, err := count.Output()
		require.NoError(t, err, "%s", counted)
		require.Empty(t, stderr.String(), "libchdb is not quiet")
		var n, highest int64
		_, err = fmt.Sscan(string(counted), &n, &highest)
		require.NoError(t, err)
		require.GreaterOrEqual(t, highest, acknowledged)
		require.GreaterOrEqual(t, n, acknowledged)
	}
}

// Days are UTC wherever the machine stands.
func TestZoneOfTheMachineDoesNotMatter(t *testing.T) {
	t.Parallel()
	out, err := child(t, "zone", t.TempDir(), "TZ=America/New_York").Output()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "2024-07-01 00:00:00 2024-07-01", strings.TrimSpace(string(out)))
}

func TestLibraryErrorsSayWhatToRun(t *testing.T) {
	t.Parallel()
	out, err := child(t, "count", t.TempDir(), "TAILRACE_LIBCHDB=/nowhere/libchdb.so").Output()
	require.Error(t, err)
	require.Contains(t, string(out), "make libchdb")
	require.Contains(t, string(out), "/nowhere/libchdb.so")

	// A library without the functions is one that is too old.
	old := systemLibrary(t)
	var library *warehouse.LibraryError
	require.ErrorAs(t, warehouse.LoadLibrary(old), &library)
	require.ErrorContains(t, library, "too old")
	require.ErrorContains(t, library, "make libchdb")

	text := t.TempDir() + "/libchdb.so"
	require.NoError(t, os.WriteFile(text, []byte("no library"), 0o600))
	require.ErrorAs(t, warehouse.LoadLibrary(text), &library)
	require.ErrorContains(t, library, "can't be loaded")
}

// systemLibrary is any shared library that this process has mapped.
func systemLibrary(t *testing.T) string {
	warehousetest.DSN(t)
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	for line := range strings.Lines(string(maps)) {
		fields := strings.Fields(line)
		if path := fields[len(fields)-1]; strings.Contains(path, "/libm.so") || strings.Contains(path, "/libc.so") {
			return path
		}
	}
	require.Fail(t, "no shared library is mapped")
	return ""
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"", "nonsense", "mysql://h", "embedded://", "embedded://x?a%3Db=1", "http://", "clickhouse://user:secret@h:bad:port"} {
		_, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
		require.Error(t, err, dsn)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := warehouse.Open(t.Context(), warehouse.Options{DSN: warehousetest.DSN(t), Database: "a;b"})
	require.ErrorContains(t, err, "database name")
	_, err = warehouse.Open(t.Context(), warehouse.Options{DSN: "embedded://" + t.TempDir()})
	require.ErrorContains(t, err, "one path a process")
	_, err = warehouse.Open(t.Context(), warehouse.Options{DSN: "http://127.0.0.1:1"})
	require.ErrorContains(t, err, "connecting to the warehouse")
}

func TestReopenAfterClose(t *testing.T) {
	t.Parallel()
	dsn := warehousetest.DSN(t)
	for range 3 {
		db, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
		require.NoError(t, err)
		require.True(t, db.Embedded())
		require.NotEmpty(t, db.Version())
		require.Equal(t, "tailrace_project", db.ProjectDatabase())
		require.NoError(t, db.Close())
		require.NoError(t, db.Close())
		require.Error(t, db.Exec(t.Context(), "SELECT 1"))
	}
}
