package collector

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the collector's counters. One Metrics belongs to one Collector.
type Metrics struct {
	requests   *prometheus.CounterVec // by status
	accepted   prometheus.Counter
	setAside   *prometheus.CounterVec // by reason
	loaded     prometheus.Counter
	duplicates prometheus.Counter
	blocks     prometheus.Counter
	failures   prometheus.Counter
	damaged    prometheus.Counter
	tornBytes  prometheus.Counter
	collector  atomic.Pointer[Collector]
	counts     counts
}

// counts repeats the counters that Stats shows.
type counts struct{ accepted, setAside, loaded, duplicates atomic.Uint64 }

// NewMetrics makes the collector's metrics and registers them; reg may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tailrace_collector_requests_total", Help: "Tracking requests by HTTP status.",
		}, []string{"status"}),
		setAside: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tailrace_collector_events_rejected_total", Help: "Events set aside into events_rejected, by reason.",
		}, []string{"reason"}),
		accepted:   counter("events_accepted_total", "Events answered with 200 that were not set aside."),
		loaded:     counter("events_loaded_total", "Events written to events_raw."),
		duplicates: counter("events_duplicate_total", "Events whose message id had been loaded before."),
		blocks:     counter("blocks_total", "Blocks of the log that were loaded."),
		failures:   counter("load_failures_total", "Inserts that failed and were tried again."),
		damaged:    counter("log_damaged_bytes_total", "Bytes of the log that held no sound record."),
		tornBytes:  counter("log_torn_bytes_total", "Bytes of torn, never acknowledged writes cut off at start."),
	}
	if reg == nil {
		return m
	}
	reg.MustRegister(m.requests, m.setAside, m.accepted, m.loaded, m.duplicates, m.blocks, m.failures, m.damaged, m.tornBytes,
		gauge("log_bytes", "Bytes that the log keeps on disk.", func() float64 {
			return m.of(func(c *Collector) float64 { return float64(c.wal.retainedBytes()) })
		}),
		gauge("log_pending_bytes", "Accepted bytes that are not in the warehouse yet.", func() float64 {
			return m.of(func(c *Collector) float64 { return float64(c.Stats().PendingBytes) })
		}))
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "tailrace_collector_" + name, Help: help})
}

func gauge(name, help string, read func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tailrace_collector_" + name, Help: help}, read)
}

func (m *Metrics) observe(c *Collector) { m.collector.Store(c) }

func (m *Metrics) of(read func(*Collector) float64) float64 {
	if c := m.collector.Load(); c != nil {
		return read(c)
	}
	return 0
}

// Stats is what the collector knows about itself.
type Stats struct {
	Accepted, Rejected uint64 // events answered with 200, since start
	Loaded, Duplicates uint64 // events written to events_raw; those that were there already
	LogBytes           int64  // on disk
	PendingBytes       int64  // accepted and not in the warehouse yet
	LogFill            float64
	LastLoad           time.Time // zero before the first
	LastError          string    // of the last insert, empty when it went well
}

// Stats returns the collector's numbers.
func (c *Collector) Stats() Stats {
	m := &c.opts.Metrics.counts
	lastLoad, lastError := c.loader.last()
	return Stats{
		Accepted: m.accepted.Load(), Rejected: m.setAside.Load(),
		Loaded: m.loaded.Load(), Duplicates: m.duplicates.Load(),
		LogBytes: c.wal.retainedBytes(), PendingBytes: c.wal.pending(c.loader.position()), LogFill: c.wal.fill(),
		LastLoad: lastLoad, LastError: lastError,
	}
}

// Health returns what keeps the collector from accepting or loading, in words
// for /readyz, or nil. A warehouse that is away is told of, though events are
// still accepted.
func (c *Collector) Health() error {
	s := c.Stats()
	switch {
	case s.LogFill >= 1:
		return errLogFull
	case s.LastError != "":
		return &loadError{s.LastError}
	}
	return nil
}

type loadError struct{ reason string }

func (e *loadError) Error() string { return "events wait in the log: " + e.reason }
