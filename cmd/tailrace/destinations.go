package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/all"
	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
)

func splitPath(path string) []string { return strings.Split(path, ".") }

// destinations opens connectors for the project in force. One limiter and one set of stand-ins are shared by all of
// them; the transport follows outbound.allow.
type destinations struct {
	now      func() time.Time
	limiter  connectors.Limiter
	standins *connectors.Standins
	metrics  *requestMetrics

	mu        sync.Mutex
	allow     string
	transport *connectors.Transport
	open      map[string]*connectors.Destination // by project hash and name
	hash      string
}

func newDestinations(now func() time.Time, queue *jobs.Queue, registry prometheus.Registerer) *destinations {
	return &destinations{now: now, metrics: newRequestMetrics(registry), limiter: &limiter{queue: queue, local: connectors.NewLocalLimiter(now), now: now}, standins: connectors.NewStandins(all.All, 1),
		open: map[string]*connectors.Destination{}}
}

// connect opens a destination of a project, or returns the one that is open.
func (d *destinations) connect(p *project.Project, dst *project.Destination) (*connectors.Destination, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hash != p.Hash {
		d.open, d.hash = map[string]*connectors.Destination{}, p.Hash
	}
	if open := d.open[dst.Name]; open != nil {
		return open, nil
	}
	if allow := strings.Join(p.Config.Outbound.Allow, ","); d.transport == nil || allow != d.allow {
		transport, err := connectors.NewTransport(connectors.TransportOptions{Allow: p.Config.Outbound.Allow, Standins: d.standins})
		if err != nil {
			return nil, fmt.Errorf("outbound.allow of tailrace.yml: %w", err)
		}
		d.transport, d.allow = transport, allow
	}
	c, ok := findConnector(dst.Connector)
	if !ok {
		return nil, fmt.Errorf("destination %s: unknown connector %s", dst.Name, dst.Connector)
	}
	raw := destinationSettings(dst)
	cfg, bad := connectors.DecodeConfig(c, raw)
	if len(bad) > 0 {
		return nil, fmt.Errorf("destination %s: %w", dst.Name, bad[0])
	}
	sandbox, _ := raw["sandbox"].(bool)
	open, err := connectors.Open(connectors.Options{Name: dst.Name, Credential: credential(dst), Connector: c, Config: cfg, Sandbox: sandbox, HTTP: d.transport, Observe: d.metrics.of(dst.Name),
		Limiter: d.limiter, Now: d.now, RequestsPerSecond: dst.Limits.RequestsPerSecond, Concurrency: dst.Limits.Concurrency})
	if err != nil {
		return nil, err
	}
	d.open[dst.Name] = open
	return open, nil
}

// close ends idle connections.
func (d *destinations) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.transport != nil {
		d.transport.Close()
	}
}
