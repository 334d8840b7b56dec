package jobs

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/jobs/redistest"
)

func TestHealthNamesWhatMayLoseTasks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"well":     {nil, nil},
		"no AOF":   {[]string{"--appendonly", "no"}, []string{"appendonly yes"}},
		"evicts":   {[]string{"--maxmemory-policy", "allkeys-lru"}, []string{"maxmemory-policy noeviction"}},
		"volatile": {[]string{"--maxmemory-policy", "volatile-ttl", "--appendonly", "no"}, []string{"appendonly yes", "maxmemory-policy noeviction"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, redistest.Start(t, c.args...).URL()).Health(t.Context())
			require.Equal(t, "redis", h.Mode)
			require.True(t, h.Reachable)
			require.NotEmpty(t, h.Version)
			require.Len(t, h.Warnings, len(c.want))
			for i, want := range c.want {
				require.Contains(t, h.Warnings[i], want)
			}
			require.Equal(t, !strings.Contains(strings.Join(c.args, " "), "--appendonly no"), h.AOF)
		})
	}
}

func TestHealthInProcessAndAway(t *testing.T) {
	t.Parallel()
	require.Equal(t, Health{Mode: "in process", Reachable: true}, open(t, "").Health(t.Context()))
	server := redistest.Start(t)
	q := open(t, server.URL())
	server.Kill()
	h := q.Health(t.Context())
	require.False(t, h.Reachable)
	require.Contains(t, h.Warnings[0], "doesn't answer")
}

func TestMetricsAreWellFormed(t *testing.T) {
	t.Parallel()
	q := open(t, "")
	require.NoError(t, q.Enqueue(t.Context(), "work", "a"))
	r := prometheus.NewPedanticRegistry()
	require.NoError(t, r.Register(q))
	families, err := r.Gather()
	require.NoError(t, err)
	found := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			found[f.GetName()+"/"+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	require.EqualValues(t, 1, found["tailrace_queue_tasks/pending"])
	require.EqualValues(t, 1, found["tailrace_queue_events_total/enqueued"])
}
