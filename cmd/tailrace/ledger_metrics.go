package main

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tailrace/tailrace/project"
)

// ledgerMetrics tells Prometheus how syncs, audiences and traits stand, read from the warehouse at most once in a
// while, however often it is asked.
type ledgerMetrics struct {
	app *app

	mu   sync.Mutex
	read time.Time
	last []prometheus.Metric
}

const ledgerMetricsEvery = 30 * time.Second

var (
	syncStateDesc = prometheus.NewDesc("tailrace_sync_last_run", "1 for the state of each sync's newest run.", []string{"sync", "destination", "state"}, nil)
	syncAtDesc    = prometheus.NewDesc("tailrace_sync_last_run_timestamp_seconds", "When each sync's newest run last changed its state.", []string{"sync", "destination"}, nil)
	syncHoldsDesc = prometheus.NewDesc("tailrace_sync_held_rows", "Rows that the destination holds of each sync, by what it accepted.", []string{"sync", "destination"}, nil)
	syncRowsDesc  = prometheus.NewDesc("tailrace_sync_last_run_rows", "Rows of each sync's newest run, by what became of them.", []string{"sync", "destination", "outcome"}, nil)
	pausedDesc    = prometheus.NewDesc("tailrace_sync_paused", "1 for syncs that are paused.", []string{"sync", "destination"}, nil)
	membersDesc   = prometheus.NewDesc("tailrace_version_rows", "Rows of the published version of each audience and trait.", []string{"kind", "name"}, nil)
	publishedDesc = prometheus.NewDesc("tailrace_version_timestamp_seconds", "Logical time of the published version of each audience and trait.", []string{"kind", "name"}, nil)
	staleDesc     = prometheus.NewDesc("tailrace_version_stale", "1 where the published version isn't what the file would give now.", []string{"kind", "name"}, nil)
)

// Describe is part of prometheus.Collector.
func (m *ledgerMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{syncStateDesc, syncAtDesc, syncHoldsDesc, syncRowsDesc, pausedDesc, membersDesc, publishedDesc, staleDesc} {
		out <- d
	}
}

// Collect is part of prometheus.Collector. While the warehouse is away nothing is given.
func (m *ledgerMetrics) Collect(out chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.read) > ledgerMetricsEvery {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		found, err := m.look(ctx)
		if err != nil {
			m.app.log.Debug("reading metrics of the ledger", "error", err)
		}
		m.last, m.read = found, time.Now()
	}
	for _, metric := range m.last {
		out <- metric
	}
}

func (m *ledgerMetrics) look(ctx context.Context) (out []prometheus.Metric, err error) {
	add := func(d *prometheus.Desc, value float64, labels ...string) {
		out = append(out, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...))
	}
	all, err := m.app.syncs.Syncs(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		add(syncHoldsDesc, float64(s.Holds), s.Name, s.Destination)
		add(pausedDesc, boolGauge(s.Paused), s.Name, s.Destination)
		if s.Last == nil {
			continue
		}
		add(syncStateDesc, 1, s.Name, s.Destination, string(s.Last.State))
		add(syncAtDesc, float64(s.Last.At.UnixMilli())/1000, s.Name, s.Destination)
		sums := s.Last.Sums()
		for outcome, rows := range map[string]uint64{"accepted": sums.Accepted, "rejected": sums.Rejected, "unknown": sums.Unknown, "skipped": sums.Skipped, "suppressed": sums.Suppressed} {
			add(syncRowsDesc, float64(rows), s.Name, s.Destination, outcome)
		}
	}
	for _, kind := range []project.Kind{project.KindAudience, project.KindTrait} {
		definitions, err := m.app.audiences.Definitions(ctx, kind)
		if err != nil {
			return nil, err
		}
		for _, d := range definitions {
			add(staleDesc, boolGauge(d.Stale), string(kind), d.Name)
			if d.Published != nil {
				add(membersDesc, float64(d.Members), string(kind), d.Name)
				add(publishedDesc, float64(d.Published.LogicalTime.UnixMilli())/1000, string(kind), d.Name)
			}
		}
	}
	return out, nil
}

func boolGauge(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// requestMetrics counts what leaves for destinations.
type requestMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newRequestMetrics(r prometheus.Registerer) *requestMetrics {
	m := &requestMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tailrace_destination_requests_total",
			Help: "Requests to destinations, by the answer's status; none where no answer came."}, []string{"destination", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tailrace_destination_request_seconds",
			Help: "How long destinations took to answer.", Buckets: prometheus.ExponentialBuckets(0.005, 3, 9)}, []string{"destination"}),
	}
	r.MustRegister(m.requests, m.seconds)
	return m
}

// of counts the requests of one destination.
func (m *requestMetrics) of(destination string) func(status int, took time.Duration) {
	return func(status int, took time.Duration) {
		text := "none"
		if status != 0 {
			text = strconv.Itoa(status)
		}
		m.requests.WithLabelValues(destination, text).Inc()
		m.seconds.WithLabelValues(destination).Observe(took.Seconds())
	}
}
