package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors/sandbox"
	"github.com/tailrace/tailrace/jobs/redistest"
)

// servedWarehouse is `tailrace warehouse serve` as a child of this test.
type servedWarehouse struct {
	t          *testing.T
	data, addr string
	cmd        *exec.Cmd
}

func serveWarehouseProcess(t *testing.T) *servedWarehouse {
	s := &servedWarehouse{t: t, data: filepath.Join(t.TempDir(), "warehouse"), addr: freeAddr(t)}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *servedWarehouse) start() {
	s.t.Helper()
	s.cmd = exec.Command(binary(s.t), "warehouse", "serve", "--data", s.data, "--addr", s.addr)
	s.cmd.Env, s.cmd.Stderr, s.cmd.SysProcAttr = cleanEnv(s.t), os.Stderr, dieWithParent()
	require.NoError(s.t, s.cmd.Start())
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if res, err := http.Get("http://" + s.addr + "/ping"); err == nil {
			require.NoError(s.t, res.Body.Close())
			return
		}
		require.True(s.t, time.Now().Before(deadline), "the warehouse wasn't served in time")
		<-tick.C
	}
}

func (s *servedWarehouse) kill() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL) // fails only when it is gone already
	_ = s.cmd.Wait()                          // killed, as asked
}

// dsn is what the command's help says to set.
func (s *servedWarehouse) dsn() string {
	s.t.Helper()
	password, err := os.ReadFile(filepath.Join(s.data, "warehouse.password"))
	require.NoError(s.t, err)
	return "http://default:" + strings.TrimSpace(string(password)) + "@" + s.addr
}

// beside returns another server of the same project, warehouse and Redis, started, with roles of its own.
func (p *process) beside(roles string) *process {
	p.t.Helper()
	other := setup(p.t, nil, p.env...)
	other.project, other.args = p.project, []string{"--roles", roles}
	other.start()
	return other
}

// TestFleet shares one Redis and one served warehouse between three servers. The one that delivers a run, by the ledger,
// is killed with requests on their way; another takes over. Then the warehouse is killed and started again, and the run
// comes to its end, with every row applied once.
func TestFleet(t *testing.T) {
	t.Parallel()
	warehouse, redis := serveWarehouseProcess(t), redistest.Start(t)
	w := newWorld(t, 300, 60*time.Millisecond, "TAILRACE_WAREHOUSE="+warehouse.dsn(), "TAILRACE_REDIS="+redis.URL())
	servers := []*process{w.process, w.beside("api,scheduler,worker"), w.beside("worker")}
	w.materialize()
	// None is answered until somebody was killed, so that the run can't be over by then.
	w.mailer.Faults().Add(sandbox.Fault{Kind: hangs, Applied: true, Times: 1000})
	r := w.startRun("to_mailer")
	w.eventually("requests hang", func() bool { return w.mailer.Faults().Hits() >= 2 })
	// Any client of ClickHouse can ask the served warehouse, and the ledger says who sent what.
	worker := warehouse.text("SELECT any(worker) FROM tailrace.sync_intents")
	victim := slices.IndexFunc(servers, func(p *process) bool { return strings.Contains(worker, fmt.Sprintf(":%d:", p.cmd.Process.Pid)) })
	require.GreaterOrEqual(t, victim, 0, "nobody is %s", worker)
	servers[victim].kill()
	w.mailer.Faults().Clear()
	before := w.mailer.State().Counts["requests"]
	if victim == 0 {
		w.process = servers[1]
	}
	w.eventually("another goes on", func() bool { return w.mailer.State().Counts["requests"] > before })
	warehouse.kill()
	warehouse.start()
	w.eventually("the run is over", func() bool {
		status, _, err := w.ask(http.MethodGet, "/api/v1/runs/"+r.ID, nil)
		return err == nil && status == http.StatusOK && w.run(r.ID).Over
	})
	require.NoError(t, w.delivered(w.run(r.ID)))
	require.Greater(t, warehouse.count("SELECT uniqExact(worker) FROM tailrace.sync_intents"), 1, "one process did all the work")
	require.Positive(t, w.mailer.State().Counts["duplicates"], "what hung was to be sent again under the same id")
}

// text runs a query that yields one value.
func (s *servedWarehouse) text(sql string) string {
	s.t.Helper()
	res, err := http.Post(s.dsn(), "text/plain", strings.NewReader(sql))
	require.NoError(s.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, res.StatusCode, "%s", body)
	return strings.TrimSpace(string(body))
}

// count runs a query that yields one number.
func (s *servedWarehouse) count(sql string) int {
	s.t.Helper()
	n, err := strconv.Atoi(s.text(sql))
	require.NoError(s.t, err)
	return n
}
