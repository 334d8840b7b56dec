package syncs

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

const childVariable = "TAILRACE_SYNCS_CHILD"

// childTask is what a killed process was told.
type childTask struct {
	Data, Project, URL string
	Class              connectors.Class
	Door               Door
	Passage            int32 // 0: live to the end
}

const killRun = "kill-run"

// runChild is another process: it opens the warehouse, goes on with the run
// (or starts it), and kills itself at a door.
func runChild(text string) int {
	var task childTask
	err := json.Unmarshal([]byte(text), &task)
	if err == nil {
		err = task.run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	return 0
}

func (c *childTask) run(ctx context.Context) error {
	db, err := warehouse.Open(ctx, warehouse.Options{DSN: "embedded://" + c.Data})
	if err != nil {
		return err
	}
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	for _, sql := range []string{
		"CREATE TABLE IF NOT EXISTS " + db.ProjectDatabase() + ".people (key String, id String, name String, age UInt64) ENGINE = ReplacingMergeTree ORDER BY key",
		"INSERT INTO " + db.ProjectDatabase() + ".people SELECT concat('k', toString(number)), concat('i', toString(number)), 'n', number FROM numbers(60)",
		"OPTIMIZE TABLE " + db.ProjectDatabase() + ".people FINAL",
	} {
		if err := db.Exec(ctx, sql); err != nil {
			return err
		}
	}
	p, diagnostics := project.Load(c.Project, func(string) (string, bool) { return "", false })
	if diagnostics.HasErrors() {
		return fmt.Errorf("%v", diagnostics)
	}
	e := New(Options{DB: db, Log: slog.New(slog.DiscardHandler), Worker: "child", Grace: 100 * time.Millisecond, Concurrency: 2,
		Project: func() *project.Project { return p }, Connect: c.connect, Faults: c.fault()})
	if err := e.Reconcile(ctx); err != nil {
		return err
	}
	if _, err := e.Start(ctx, "s", StartOptions{RunID: killRun}); err != nil {
		return err
	}
	r, err := e.Drive(ctx, killRun)
	if err != nil {
		return err
	}
	fmt.Println(jsonLine(r))
	return db.Close()
}

func jsonLine(v any) string {
	raw, err := marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// fault kills the process, as the kernel would, at the passage it was told.
func (c *childTask) fault() func(context.Context, Door) error {
	var seen atomic.Int32
	return func(_ context.Context, d Door) error {
		if c.Passage > 0 && d == c.Door && seen.Add(1) == c.Passage {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				return err
			}
			select {}
		}
		return nil
	}
}

// poster is a writer that sends rows to the receiver.
type poster struct {
	http connectors.Doer
	url  string
}

func (p *poster) Write(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	keys := make([]string, len(b.Rows))
	for i, r := range b.Rows {
		keys[i] = r.Key
	}
	body, err := connectors.EncodeJSON(map[string]any{"key": b.Key, "rows": keys})
	if err != nil {
		return connectors.Answer{}, err
	}
	reply, err := connectors.Call(ctx, p.http, connectors.Request{Method: http.MethodPost, URL: p.url, Body: body})
	if err != nil {
		return connectors.Answer{}, err
	}
	var accepted []bool
	if err := reply.JSON(&accepted); err != nil {
		return connectors.Answer{}, err
	}
	a := connectors.Answer{Results: make([]connectors.Result, len(accepted))}
	for i, ok := range accepted {
		a.Results[i] = connectors.Result{Status: connectors.Accepted}
		if !ok {
			a.Results[i] = connectors.Result{Status: connectors.Rejected, Code: "poison"}
		}
	}
	return a, nil
}

func (c *childTask) connect(d *project.Destination) (*connectors.Destination, error) {
	host := strings.TrimPrefix(c.URL, "http://")
	transport, err := connectors.NewTransport(connectors.TransportOptions{Allow: []string{host}})
	if err != nil {
		return nil, err
	}
	v := newVendor()
	v.class = c.Class
	connector := v.connector()
	connector.Timeout = 2 * time.Second
	connector.Open = func(_ any, env connectors.Env) (connectors.Writer, error) { return &poster{env.HTTP, c.URL}, nil }
	return connectors.Open(connectors.Options{Name: d.Name, Connector: connector, Config: &connectors.Endpoint{},
		HTTP: transport, Limiter: connectors.NewLocalLimiter(time.Now), Now: time.Now})
}

// receiver is a destination with its own log on disk: it survives whatever
// happens to the sender.
type receiver struct {
	mu    sync.Mutex
	log   *os.File
	class connectors.Class
	seen  map[string]bool
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var in struct {
		Key  string   `json:"key"`
		Rows []string `json:"rows"`
	}
	body, err := io.ReadAll(req.Body)
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		http.Error(w, "what?", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	accepted := make([]bool, len(in.Rows))
	for i, key := range in.Rows {
		if accepted[i] = key != "k7"; accepted[i] && (r.class != connectors.ClassB || !r.seen[in.Key]) {
			_, err = fmt.Fprintln(r.log, key)
		}
	}
	r.seen[in.Key] = true
	if serr := r.log.Sync(); err != nil || serr != nil {
		http.Error(w, "disk", http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, jsonLine(accepted))
}

func TestKilledProcessesByClass(t *testing.T) {
	for _, class := range []connectors.Class{connectors.ClassA, connectors.ClassB, connectors.ClassD} {
		t.Run(class.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFiles(t, filepath.Join(dir, "project"), map[string]string{"tailrace.yml": "name: test\n", "syncs/s.yml": mirrorRecords, "destinations/fake.yml": "connector: fake\n",
				"models/people.sql": "/* model\ndescription: people\nkey: key\n*/\nSELECT 1 AS key, 2 AS id, 3 AS name, 4 AS age\n"})
			log, err := os.Create(filepath.Join(dir, "receiver.log"))
			require.NoError(t, err)
			defer log.Close()
			server := httptest.NewServer(&receiver{log: log, class: class, seen: map[string]bool{}})
			defer server.Close()
			task := childTask{Data: filepath.Join(dir, "data"), Project: filepath.Join(dir, "project"), URL: server.URL, Class: class}
			for _, door := range []Door{{"exec:plan_changes", true}, {"insert:sync_intents", true}, {"send", true}, {"insert:sync_outcomes", true}, {"exec:fold", true}} {
				task.Door, task.Passage = door, 1
				out, err := spawn(task)
				require.Error(t, err, "the child was to die at %v: %s", door, out)
				require.Contains(t, err.Error(), "killed", out)
			}
			task.Passage = 0
			out, err := spawn(task)
			require.NoError(t, err, out)
			var r Run
			require.NoError(t, json.Unmarshal([]byte(out), &r), out)
			checkKilled(t, class, r, filepath.Join(dir, "receiver.log"))
		})
	}
}

// checkKilled compares the ledger's words with the receiver's log.
func checkKilled(t *testing.T, class connectors.Class, r Run, path string) {
	t.Helper()
	s := r.Sums()
	require.NoError(t, s.Check())
	require.EqualValues(t, 60, s.Planned)
	require.LessOrEqual(t, s.Rejected, uint64(1), "only the poison row")
	log, err := os.Open(path)
	require.NoError(t, err)
	defer log.Close()
	times := map[string]int{}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		times[lines.Text()]++
	}
	require.NoError(t, lines.Err())
	require.GreaterOrEqual(t, uint64(len(times)), s.Accepted, "accepted and never arrived")
	if class != connectors.ClassA {
		for key, n := range times {
			require.Equal(t, 1, n, "%s took effect %d times", key, n)
		}
	}
	if class == connectors.ClassD {
		require.Positive(t, s.Unknown, "what was on its way is shown as unknown")
		require.Equal(t, Partial, r.State)
		return
	}
	require.Zero(t, s.Unknown)
	require.Len(t, times, 59)
	require.EqualValues(t, 59, s.Accepted)
}

func spawn(task childTask) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+jsonLine(task))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
}
