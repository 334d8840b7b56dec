package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// witness is a client that keeps what was answered 200, and repeats whatever wasn't, as an SDK does.
type witness struct {
	mu       sync.Mutex
	accepted []string
	cut      int // requests whose connection broke: a kill landed in them
}

func (w *witness) count() (accepted, cut int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.accepted), w.cut
}

// send posts batches of five until stop is closed; a batch is repeated until it is answered 200.
func (w *witness) send(p *process, client int, stop <-chan struct{}) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for n := 0; ; n++ {
		var ids []string
		var batch []map[string]any
		for i := range 5 {
			ids = append(ids, fmt.Sprintf("kill-%d-%d-%d", client, n, i))
			batch = append(batch, trackEvent(ids[i], fmt.Sprintf("u%d", client), "Ping", map[string]any{"n": n}))
		}
		for {
			status, err := p.post(batch)
			if err == nil && status == http.StatusOK {
				break
			}
			if err == nil && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
				return fmt.Errorf("batch %d was answered %d", n, status)
			}
			w.mu.Lock()
			w.cut++
			w.mu.Unlock()
			select {
			case <-stop:
				return nil
			case <-again.C:
			}
		}
		w.mu.Lock()
		w.accepted = append(w.accepted, ids...)
		w.mu.Unlock()
		select {
		case <-stop:
			return nil
		default:
		}
	}
}

// lostOrDoubled compares what was accepted with what is in the warehouse, each id as often as it is there.
func lostOrDoubled(accepted []string, found map[string]int) (lost, doubled []string) {
	for _, id := range accepted {
		if found[id] == 0 {
			lost = append(lost, id)
		}
	}
	for id, n := range found {
		if n > 1 {
			doubled = append(doubled, id)
		}
	}
	return lost, doubled
}

// TestKillInIngest kills the server at random instants while clients send: every event answered 200 is there once.
func TestKillInIngest(t *testing.T) {
	t.Parallel()
	p := setup(t, bare)
	p.start()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	seen, stop := &witness{}, make(chan struct{})
	var clients sync.WaitGroup
	failed := make(chan error, 3)
	for c := range 3 {
		clients.Go(func() { failed <- seen.send(p, c, stop) })
	}
	landed := 0
	for range 4 {
		before, cutBefore := seen.count()
		p.eventually("traffic flows", func() bool { n, _ := seen.count(); return n > before+20 })
		timer := time.NewTimer(time.Duration(random.Int64N(int64(600 * time.Millisecond))))
		<-timer.C
		p.kill()
		p.eventually("a client meets the dead server", func() bool { _, cut := seen.count(); return cut > cutBefore })
		landed++
		p.start()
	}
	close(stop)
	clients.Wait()
	for range 3 {
		require.NoError(t, <-failed)
	}
	require.Equal(t, 4, landed)
	p.loaded()
	found := map[string]int{}
	for _, row := range queryRows[struct {
		ID string `json:"id"`
		N  int    `json:"n"`
	}](p, "SELECT message_id AS id, toUInt32(count()) AS n FROM events GROUP BY message_id") {
		found[row.ID] = row.N
	}
	lost, doubled := lostOrDoubled(seen.accepted, found)
	require.Empty(t, lost, "answered 200 and lost")
	require.Empty(t, doubled, "counted more than once")

	// The comparison can fail.
	found[seen.accepted[0]], found[seen.accepted[1]] = 0, 2
	lost, doubled = lostOrDoubled(seen.accepted, found)
	require.Equal(t, []string{seen.accepted[0]}, lost)
	require.Equal(t, []string{seen.accepted[1]}, doubled)
}
