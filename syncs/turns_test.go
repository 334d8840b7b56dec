package syncs

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/project"
)

// A destination that doesn't answer has its share of a process's workers and no more: a third slice for it comes back
// at once, and another destination's run goes through meanwhile.
func TestSlowDestinationDelaysNoOther(t *testing.T) {
	slow, fast := newVendor(), newVendor()
	answer := make(chan struct{})
	slow.answer = func(int, connectors.Batch) (connectors.Answer, error, bool) {
		<-answer
		return connectors.Answer{}, nil, false
	}
	transport, err := connectors.NewTransport(connectors.TransportOptions{})
	require.NoError(t, err)
	limiter := connectors.NewLocalLimiter(time.Now)
	b := setup(t, mirrorRecords, func(o *Options) {
		o.Connect = func(d *project.Destination) (*connectors.Destination, error) {
			v := slow
			if d.Name == "fast" {
				v = fast
			}
			return connectors.Open(connectors.Options{Name: d.Name, Connector: v.connector(), Config: &connectors.Endpoint{},
				HTTP: transport, Limiter: limiter, Now: time.Now})
		}
	})
	to := func(destination string) string {
		return "model: people\ndestination: " + destination + "\nobject: records\nmode: upsert\nmatch: { id: id }\nfields: { name: name }\nschedule: manual\n"
	}
	b.files(map[string]string{"destinations/slow.yml": "connector: fake\n", "destinations/fast.yml": "connector: fake\n",
		"syncs/s.yml": to("slow"), "syncs/s2.yml": to("slow"), "syncs/s3.yml": to("slow"), "syncs/f.yml": to("fast")})
	require.NoError(t, b.e.Reconcile(b.ctx))
	b.people(many(0, 5)...)
	runs := map[string]Run{}
	for _, name := range []string{"s", "s2", "s3", "f"} {
		r, err := b.e.Start(b.ctx, name, StartOptions{})
		require.NoError(t, err)
		require.NoError(t, b.e.Plan(b.ctx, r.ID))
		runs[name] = r
	}
	var stuck sync.WaitGroup
	for _, name := range []string{"s", "s2"} {
		stuck.Go(func() { b.drive(runs[name].ID) })
	}
	require.Eventually(t, func() bool {
		b.e.turns.mu.Lock()
		defer b.e.turns.mu.Unlock()
		return b.e.turns.busy["slow"] == turnsEach
	}, time.Minute, 5*time.Millisecond)
	var later *Later
	require.ErrorAs(t, b.e.Deliver(b.ctx, runs["s3"].ID), &later)
	require.Contains(t, later.Reason, "share of this process")
	require.Equal(t, Succeeded, b.drive(runs["f"].ID).State)
	close(answer)
	stuck.Wait()
	require.Equal(t, Succeeded, b.drive(runs["s3"].ID).State)
}

// Runs that wait for a turn get it in the order of asking.
func TestTurnsComeInOrder(t *testing.T) {
	var turns turns
	first, ok := turns.enter("1", "d")
	require.True(t, ok)
	second, ok := turns.enter("2", "d")
	require.True(t, ok)
	for _, run := range []string{"3", "4"} {
		_, ok = turns.enter(run, "d")
		require.False(t, ok)
		destination, waits := turns.waits(run)
		require.Equal(t, "d", destination)
		require.True(t, waits)
	}
	other, ok := turns.enter("5", "elsewhere")
	require.True(t, ok)
	other()
	first()
	_, ok = turns.enter("4", "d")
	require.False(t, ok, "3 was first")
	third, ok := turns.enter("3", "d")
	require.True(t, ok)
	second()
	_, waits := turns.waits("4")
	require.False(t, waits)
	fourth, ok := turns.enter("4", "d")
	require.True(t, ok)
	third()
	fourth()
}
