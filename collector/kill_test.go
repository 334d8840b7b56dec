package collector

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tailrace/tailrace/warehouse"
)

// victimEnv makes the test binary a collector that waits to be killed. It holds
// the data folder.
const victimEnv = "TAILRACE_COLLECTOR_VICTIM"

// brokenEnv makes the victim acknowledge blocks that aren't inserted yet: a fault
// that the test must find.
const brokenEnv = "TAILRACE_COLLECTOR_BROKEN"

// hasty is a warehouse that reports success first and inserts later: after any
// kill, so that it is no matter of luck whether one loses something.
type hasty struct{ *warehouse.DB }

func (h hasty) Insert(ctx context.Context, table string, columns []string, rows [][]any, o warehouse.InsertOptions) error {
	time.AfterFunc(3*time.Second, func() { _ = h.DB.Insert(context.WithoutCancel(ctx), table, columns, rows, o) })
	return nil
}

// victim collects and loads until it is killed. Small segments and blocks make
// it pass every step of the log often. Its first line of output is its address.
func victim(dir string) {
	fail := func(err error) {
		fmt.Println("victim:", err)
		os.Exit(1)
	}
	ctx := context.Background()
	db, err := warehouse.Open(ctx, warehouse.Options{DSN: "embedded://" + filepath.Join(dir, "warehouse")})
	if err != nil {
		fail(err)
	}
	if _, err := db.Migrate(ctx); err != nil {
		fail(err)
	}
	var into Warehouse = db
	if os.Getenv(brokenEnv) != "" {
		into = hasty{db}
	}
	c, err := Open(Options{Dir: filepath.Join(dir, "log"), Warehouse: into, Sources: testSources,
		SegmentBytes: 64 << 10, BlockEvents: 200, BlockWait: 20 * time.Millisecond})
	if err != nil {
		fail(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	fmt.Println(listener.Addr())
	go func() {
		if err := c.Run(ctx); err != nil {
			fail(err)
		}
	}()
	mux := http.NewServeMux()
	mux.Handle("/", c.Handler())
	mux.HandleFunc("GET /ids/{table}", func(w http.ResponseWriter, r *http.Request) {
		var ids []string
		if err := c.Flush(r.Context()); err != nil {
			fail(err)
		}
		if err := db.Select(r.Context(), &ids, "SELECT message_id FROM "+db.Database()+"."+r.PathValue("table")); err != nil {
			fail(err)
		}
		fmt.Fprint(w, strings.Join(ids, "\n"))
	})
	fail(http.Serve(listener, mux))
}

// landed counts the message ids in a victim's table once its log is loaded.
func landed(t *testing.T, client *http.Client, address, table string) map[string]int {
	t.Helper()
	res, err := client.Get("http://" + address + "/ids/" + table)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	seen := map[string]int{}
	for id := range strings.Lines(string(body)) {
		seen[strings.TrimSpace(id)]++
	}
	return seen
}

// startVictim starts a collector process on a data folder.
func startVictim(t *testing.T, dir string, env ...string) (process *exec.Cmd, address string) {
	t.Helper()
	process = exec.Command(os.Args[0], "-test.run=^$")
	process.Env = append(append(os.Environ(), victimEnv+"="+dir), env...)
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	process.Stderr = os.Stderr
	require.NoError(t, process.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	address = strings.TrimSpace(line)
	require.False(t, strings.HasPrefix(address, "victim:"), address)
	return process, address
}

func kill(t *testing.T, process *exec.Cmd) {
	t.Helper()
	require.NoError(t, process.Process.Kill())
	var exit *exec.ExitError
	require.ErrorAs(t, process.Wait(), &exit)
	require.Equal(t, -1, exit.ExitCode(), "it died of the signal, not before")
}

// sender posts batches with good, bad and repeated events until the server is
// gone, and remembers what was answered with 200.
type sender struct {
	name             string
	batch            int
	accepted, bad    map[string]bool
	unknown          map[string]bool // sent, and no answer came
	client           *http.Client
	failed, answered int
}

func (s *sender) run(address string) {
	for {
		var events, good, bad []string
		for i := range 5 {
			id := fmt.Sprintf("%s-%d-%d", s.name, s.batch, i)
			if i == 3 {
				bad = append(bad, id)
				events = append(events, fmt.Sprintf(`{"type":"nope","messageId":"%s"}`, id))
				continue
			}
			good = append(good, id)
			events = append(events, fmt.Sprintf(`{"type":"track","event":"e","messageId":"%s","userId":"u%d","timestamp":"2026-0%d-01T00:00:00Z","properties":{"n":%d}}`, id, i, 1+s.batch%6, i))
		}
		events = append(events, events[0]) // the same message once more
		body := `{"batch":[` + strings.Join(events, ",") + `]}`
		if len(s.unknown) > 0 && s.batch%3 == 0 {
			// A client that had no answer sends the same again.
			for id := range s.unknown {
				body = strings.Replace(body, `{"batch":[`, fmt.Sprintf(`{"batch":[{"type":"track","event":"e","messageId":"%s","userId":"u%s","timestamp":"2026-01-01T00:00:00Z"},`, id, id[len(id)-1:]), 1)
				good = append(good, id)
				delete(s.unknown, id)
				break
			}
		}
		s.batch++
		r, err := http.NewRequest(http.MethodPost, "http://"+address+"/v1/batch", strings.NewReader(body))
		if err != nil {
			return
		}
		r.SetBasicAuth("k", "")
		res, err := s.client.Do(r)
		if err != nil {
			s.failed++
			for _, id := range good {
				s.unknown[id] = true
			}
			return
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			continue
		}
		s.answered++
		for _, id := range good {
			s.accepted[id] = true
		}
		for _, id := range bad {
			s.bad[id] = true
		}
	}
}

// TestNothingIsLostOrDoubledByKill9 kills a collector under load again and
// again: every event answered with 200 is in events, and every bad one in
// events_rejected, exactly once.
func TestNothingIsLostOrDoubledByKill9(t *testing.T) {
	t.Parallel()
	kills := 6
	if testing.Short() {
		kills = 3
	}
	faults := killUnderLoad(t, kills)
	require.Empty(t, faults)
}

// TestKill9FindsABrokenCollector proves that the test above can fail.
func TestKill9FindsABrokenCollector(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, killUnderLoad(t, 2, brokenEnv+"=1"))
}

// killUnderLoad returns what is lost or doubled after a number of kills.
func killUnderLoad(t *testing.T, kills int, env ...string) (faults []string) {
	dir := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var senders []*sender
	for i := range 4 {
		senders = append(senders, &sender{name: fmt.Sprintf("s%d", i), accepted: map[string]bool{}, bad: map[string]bool{},
			unknown: map[string]bool{}, client: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}})
	}
	for range kills {
		process, address := startVictim(t, dir, env...)
		var wg sync.WaitGroup
		for _, s := range senders {
			wg.Go(func() { s.run(address) })
		}
		time.Sleep(time.Duration(random.IntN(900)+100) * time.Millisecond) // the moment of death is the variable
		kill(t, process)
		wg.Wait()
		for _, s := range senders {
			s.client.CloseIdleConnections()
		}
	}
	process, address := startVictim(t, dir)
	client := senders[0].client
	events, rejected := landed(t, client, address, "events_raw"), landed(t, client, address, "events_rejected")
	client.CloseIdleConnections()
	kill(t, process)

	answered := 0
	for _, s := range senders {
		answered += s.answered
		for id := range s.accepted {
			if events[id] != 1 {
				faults = append(faults, fmt.Sprintf("event %s is there %d times", id, events[id]))
			}
		}
		for id := range s.bad {
			if rejected[id] != 1 {
				faults = append(faults, fmt.Sprintf("bad event %s is there %d times", id, rejected[id]))
			}
		}
	}
	for id, n := range events {
		if n != 1 {
			faults = append(faults, fmt.Sprintf("event %s is there %d times", id, n))
		}
	}
	require.Positive(t, answered)
	t.Logf("%d requests answered, %d events, %d rejected", answered, len(events), len(rejected))
	return faults
}
