package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/jobs/redistest"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv("TAILRACE_TEST_STUCK_WORKER"); url != "" {
		os.Exit(stuckWorker(url))
	}
	code := m.Run()
	warehousetest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "leaked goroutines:", err)
		code = 1
	}
	os.Exit(code)
}

// onBoth runs a test on Redis in process and on a real server.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) { t.Parallel(); test(t, "") })
	t.Run("redis-server", func(t *testing.T) { t.Parallel(); test(t, redistest.Start(t).URL()) })
}

// open returns a queue with short intervals, closed when the test ends.
func open(t *testing.T, url string, change ...func(*Options)) *Queue {
	t.Helper()
	o := Options{
		RedisURL: url, Prefix: "test", DispatchEvery: 100 * time.Millisecond, ScheduleEvery: 50 * time.Millisecond,
		RunLease: time.Second, Grace: 5 * time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, c := range change {
		c(&o)
	}
	q, err := Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	return q
}

// run starts the queue; it has ended when the test does, or when stop returns.
func run(t *testing.T, q *Queue) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := q.Run(ctx); err != nil {
			t.Errorf("running the queue: %v", err)
		}
	})
	stop = func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, d time.Duration, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, d, 20*time.Millisecond, what)
}

func flush(t *testing.T, c redis.UniversalClient) {
	t.Helper()
	require.NoError(t, c.FlushAll(context.Background()).Err())
}

// ledger stands for the warehouse: work is open until it is done, and a second effect would show.
type ledger struct {
	mu            sync.Mutex
	open          []string
	done, started map[string]int
}

func newLedger(n int) *ledger {
	l := &ledger{done: map[string]int{}, started: map[string]int{}}
	for i := range n {
		l.open = append(l.open, fmt.Sprint("w", i))
	}
	return l
}

// finder names what isn't done.
func (l *ledger) finder(context.Context) ([]Task, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var tasks []Task
	for _, id := range l.open {
		if l.done[id] == 0 {
			tasks = append(tasks, Task{Kind: "work", ID: id})
		}
	}
	return tasks, nil
}

// start counts a run and says whether there is something left to do.
func (l *ledger) start(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started[id]++
	return l.done[id] == 0
}

func (l *ledger) finish(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[id]++
}

func (l *ledger) starts(id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.started[id]
}

func (l *ledger) finished() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.done)
}
