package audiences_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// The child process of the crash test is this test binary again.
const (
	childEnv     = "TAILRACE_AUDIENCES_CHILD" // what it does: work or verify
	childData    = "TAILRACE_AUDIENCES_DATA"
	childProject = "TAILRACE_AUDIENCES_PROJECT"
	childJob     = "TAILRACE_AUDIENCES_JOB"
)

// found is what the verifying child sees.
type found struct {
	States    []string          // of the job's versions, in order
	Members   uint64            // of the view
	Published []uint64          // versions
	Changes   map[string]uint64 // visible ones, by version and kind
	Doubled   uint64            // (version, key) with more than one change
}

func child() int {
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	if err := childWork(ctx, log); err != nil {
		log.Error("the child failed", "error", err)
		return 1
	}
	return 0
}

func childWork(ctx context.Context, log *slog.Logger) error {
	db, err := warehouse.Open(ctx, warehouse.Options{DSN: "embedded://" + os.Getenv(childData), Database: "crash", Log: log})
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	if err := childVerify(ctx, db); err != nil || os.Getenv(childEnv) == "verify" {
		return err
	}
	p, diagnostics := project.Load(os.Getenv(childProject), os.LookupEnv)
	if diagnostics.HasErrors() {
		return fmt.Errorf("the project: %v", diagnostics)
	}
	a := audiences.New(audiences.Options{
		DB: db, Project: func() *project.Project { return p }, Queue: &queue{}, Now: time.Now, Log: log,
	})
	if _, err := a.Apply(ctx); err != nil {
		return err
	}
	m, err := a.Start(ctx, project.KindAudience, "numbers", audiences.StartOptions{ID: os.Getenv(childJob)})
	if err != nil {
		return err
	}
	return a.Run(ctx, m.ID)
}

func childVerify(ctx context.Context, db *warehouse.DB) error {
	f := found{Changes: map[string]uint64{}}
	var counts []struct {
		Name string `ch:"name"`
		N    uint64 `ch:"n"`
	}
	for _, read := range []struct {
		dest any
		sql  string
		args []any
	}{
		{&f.States, "SELECT argMax(state, seq) FROM materialization_log WHERE id = ? GROUP BY version ORDER BY version", []any{os.Getenv(childJob)}},
		{&f.Published, "SELECT version FROM materialization_log WHERE state = 'published' ORDER BY version", nil},
		{&counts, "SELECT concat(toString(version), ' ', change) AS name, count() AS n FROM audience_changes GROUP BY version, change", nil},
	} {
		if err := db.Select(ctx, read.dest, read.sql, read.args...); err != nil {
			return err
		}
	}
	for _, c := range counts {
		f.Changes[c.Name] = c.N
	}
	if len(f.Published) > 0 {
		if err := db.Get(ctx, &f.Members, "SELECT count() FROM crash_project.numbers"); err != nil {
			return err
		}
	}
	if err := db.Get(ctx, &f.Doubled, "SELECT count() FROM (SELECT 1 FROM audience_changes GROUP BY version, key HAVING count() > 1)"); err != nil {
		return err
	}
	out, err := json.Marshal(f)
	fmt.Println("FOUND", string(out))
	return err
}

// crasher runs children on one data folder.
type crasher struct {
	*testing.T
	data, project string
}

// run starts a child and kills it, delay after it has logged a line with the
// given text; without one it must end well. It returns what the child found
// before it did anything.
func (c *crasher) run(mode, job, killAt string, delay time.Duration) (f found) {
	c.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+mode, childData+"="+c.data, childProject+"="+c.project, childJob+"="+job)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(c, err)
	require.NoError(c, cmd.Start())
	var all strings.Builder
	killed := false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if text, ok := strings.CutPrefix(lines.Text(), "FOUND "); ok {
			require.NoError(c, json.Unmarshal([]byte(text), &f))
		}
		if killAt != "" && !killed && strings.Contains(lines.Text(), killAt) {
			// The instant of the kill is what the test varies; nothing is waited for.
			time.Sleep(delay)
			require.NoError(c, cmd.Process.Signal(syscall.SIGKILL))
			killed = true
		}
	}
	err = cmd.Wait()
	if killAt == "" {
		require.NoError(c, err, all.String())
	} else {
		require.True(c, killed || len(f.Published) > 1, "the child never logged %q:\n%s", killAt, all.String())
	}
	return f
}

func TestAKilledMaterializationIsPublishedOnceAndNeverHalf(t *testing.T) {
	t.Parallel()
	c := &crasher{T: t, data: t.TempDir(), project: t.TempDir()}
	write := func(sql string) {
		require.NoError(t, os.MkdirAll(c.project+"/audiences", 0o755))
		require.NoError(t, os.WriteFile(c.project+"/tailrace.yml", []byte("name: crash\n"), 0o644))
		require.NoError(t, os.WriteFile(c.project+"/audiences/numbers.sql",
			[]byte("/* audience\nentity: none\nlimits: { max_shrink: 100% }\n*/\n"+sql), 0o644))
	}
	write("SELECT number AS id FROM numbers(1000)")
	c.run("work", "first", "", 0)
	// 500 stay, 500 leave, 199,500 come.
	write("SELECT number * 2 AS id, toString(number) AS name FROM numbers(200000)")
	for _, kill := range []struct {
		at    string
		delay time.Duration
	}{
		{"state=queued", 0},
		{"state=computing", 30 * time.Millisecond},
		{"state=computing", 70 * time.Millisecond},
		{"state=computed", 5 * time.Millisecond},
		{"state=checked", 0},
	} {
		f := c.run("work", "second", kill.at, kill.delay)
		if len(f.Published) > 1 {
			break // the last one was faster than its kill; what follows holds all the same
		}
		require.EqualValues(t, 1000, f.Members, "before the kill at %s: %+v", kill.at, f)
		require.Equal(t, map[string]uint64{"1 enter": 1000}, f.Changes)
	}
	c.run("work", "second", "", 0)
	// The work after the last row is repeated without harm.
	f := c.run("work", "second", "", 0)
	require.Equal(t, f, c.run("verify", "second", "", 0))
	require.EqualValues(t, 200000, f.Members)
	require.Len(t, f.Published, 2)
	last := f.Published[1]
	require.Equal(t, map[string]uint64{"1 enter": 1000, fmt.Sprint(last, " enter"): 199500, fmt.Sprint(last, " exit"): 500}, f.Changes)
	require.Zero(t, f.Doubled)
	require.Equal(t, "published", f.States[len(f.States)-1])
	for _, s := range f.States[:len(f.States)-1] {
		require.Equal(t, "superseded", s)
	}
}
