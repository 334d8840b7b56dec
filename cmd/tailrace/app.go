package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	prometheuscollectors "github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/collector"
	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/syncs/erasure"
	"github.com/tailrace/tailrace/warehouse"
)

// app is every part of the product, wired. openApp opens it, serve or runLocal runs its loops, close ends it.
type app struct {
	cfg          *config
	log          *slog.Logger
	db           *warehouse.DB
	queue        *jobs.Queue
	keeper       *keeper
	identity     *identity.Resolver
	audiences    *audiences.Audiences
	syncs        *syncs.Engine
	erasures     *erasure.Engine
	collector    *collector.Collector // nil without the role
	destinations *destinations
	tokens       *api.Tokens
	metrics      *prometheus.Registry
	api          *api.Server
	handler      http.Handler
	listener     net.Listener    // to serve on; nil: on the configured address
	hold         <-chan struct{} // nothing runs by itself before it is closed; nil holds nothing
}

// drainFor bounds how long running work may go on after SIGTERM; all of it must end within 15 s.
const drainFor = 8 * time.Second

// openApp opens the warehouse (and migrates it), the queue, the log and the project. On an error all is closed again.
func openApp(ctx context.Context, cfg *config, log *slog.Logger) (_ *app, err error) {
	a := &app{cfg: cfg, log: log, metrics: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	a.metrics.MustRegister(prometheuscollectors.NewGoCollector(), prometheuscollectors.NewProcessCollector(prometheuscollectors.ProcessCollectorOpts{}))
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return a, fmt.Errorf("making the data folder: %w", err)
	}
	if a.db, err = openWarehouse(ctx, cfg, log); err != nil {
		return a, err
	}
	if _, err = a.db.Migrate(ctx); err != nil {
		return a, fmt.Errorf("migrating the warehouse: %w", err)
	}
	if a.queue, err = jobs.Open(ctx, jobs.Options{RedisURL: cfg.Redis, Prefix: cfg.Prefix, DB: a.db, Log: log, Grace: drainFor}); err != nil {
		return a, fmt.Errorf("opening the queue: %w", err)
	}
	a.metrics.MustRegister(a.queue)
	a.destinations = newDestinations(time.Now, a.queue, a.metrics)
	a.keeper = &keeper{db: a.db, log: log, use: a.use, apply: a.apply, trust: cfg.local}
	if cfg.role("scheduler") && hasFiles(cfg.Project) {
		a.keeper.dir = cfg.Project
	}
	a.keeper.current.Store(&project.Project{})
	a.audiences = audiences.New(audiences.Options{DB: a.db, Project: a.keeper.project, Queue: a.queue, Now: time.Now, Log: log})
	a.syncs = syncs.New(syncs.Options{DB: a.db, Queue: a.queue, Now: time.Now, Log: log, Project: a.keeper.project, Worker: a.queue.Worker(),
		External: a.audiences.ExternalMarks, Marks: a.marks(),
		Connect: func(d *project.Destination) (*connectors.Destination, error) {
			return a.destinations.connect(a.keeper.project(), d)
		}})
	a.keeper.columns = a.audiences.Validate
	a.identity = &identity.Resolver{DB: a.db, Now: time.Now, Log: log}
	if cfg.role("collector") {
		public, err := collector.ParsePublicURL(cfg.PublicURL)
		if err != nil {
			return a, err
		}
		a.collector, err = collector.Open(collector.Options{Dir: filepath.Join(cfg.Data, "log"), Warehouse: a.db, Log: log,
			Metrics: collector.NewMetrics(a.metrics), MaxLogBytes: cfg.LogBytes, PublicURL: public, AnalyticsJS: cfg.AnalyticsJS})
		if err != nil {
			return a, err
		}
	}
	if err = a.syncs.CheckMarks(ctx); err != nil {
		return a, err
	}
	a.erasures = erasure.New(a.erasing())
	a.handlers()
	if err = a.keeper.start(ctx); err != nil {
		return a, err
	}
	a.metrics.MustRegister(&ledgerMetrics{app: a})
	a.mount()
	return a, nil
}

// openWarehouse opens the DSN, and says what to do where a data folder is in another process's hands.
func openWarehouse(ctx context.Context, cfg *config, log *slog.Logger) (*warehouse.DB, error) {
	dsn, err := cfg.warehouseDSN()
	if err != nil {
		return nil, err
	}
	db, err := warehouse.Open(ctx, warehouse.Options{DSN: dsn, Database: cfg.Database, Cluster: cfg.Cluster, Log: log})
	if errors.Is(err, warehouse.ErrLocked) {
		return nil, fmt.Errorf("%w: if it is `tailrace serve`, give this command the same --data, or --server with its address; if it is `tailrace warehouse serve`, set TAILRACE_WAREHOUSE to its address; if it is gone, its lock goes with it, so try again", err)
	}
	return db, err
}

// use gives a project that came into force to the parts of this process.
func (a *app) use(p *project.Project) {
	if a.collector != nil {
		a.collector.SetSources(func(key string) (collector.Source, bool) {
			s := p.SourceByWriteKey(key)
			if s == nil || s.Paused {
				return collector.Source{}, false
			}
			return collector.Source{Name: s.Name, Origins: s.Origins}, true
		})
	}
	if a.collector != nil {
		a.collector.SetBlocked(p.Config.Identity.Blocked)
	}
	a.identity.Configure(p.Config.Identity.MaxIDs, p.Config.Identity.Blocked)
}

// apply makes the warehouse follow a project: views, and the register of syncs.
func (a *app) apply(ctx context.Context, _ *project.Project) error {
	found, err := a.audiences.Apply(ctx)
	if err != nil {
		return err
	}
	for _, d := range found {
		a.log.Warn("the project", "at", d.String())
	}
	return a.syncs.Reconcile(ctx)
}

// handlers registers what workers do and how lost work is found again.
func (a *app) handlers() {
	a.queue.Handle(audiences.TaskMaterialize, 30*time.Minute, func(ctx context.Context, id string) error {
		// First who is who in all events that are loaded, or members would change their keys with the next pass.
		if _, err := a.identity.Run(ctx); err != nil {
			return err
		}
		return a.audiences.Run(ctx, id)
	})
	for kind, handle := range a.syncs.Handlers() {
		timeout := time.Minute
		if kind == syncs.TaskPlan || kind == syncs.TaskFinish {
			timeout = 30 * time.Minute
		}
		a.queue.Handle(kind, timeout, handle)
	}
	// These load the warehouse; deliveries mostly wait for vendors.
	a.queue.Limit(audiences.TaskMaterialize, 4)
	a.queue.Limit(syncs.TaskPlan, 3)
	a.queue.Limit(syncs.TaskFinish, 4)
	a.queue.Handle(erasure.TaskErase, 30*time.Minute, a.erasures.Handle)
	a.queue.Finder(a.erasures.Unfinished)
	a.queue.Finder(a.audiences.Unfinished)
	a.queue.Finder(a.syncs.Unfinished)
}

// erasing is what an erasure needs of this process.
func (a *app) erasing() erasure.Options {
	o := erasure.Options{DB: a.db, Syncs: a.syncs, Queue: a.queue, Now: time.Now, Log: a.log, Dir: a.cfg.Data}
	if a.collector != nil {
		o.Logs, o.Collector = a.collector.LetGo, a.collector.ID()
		o.Host = hostname()
	}
	return o
}

// releaseLogs lets go of this process's log for erasures of all processes.
func (a *app) releaseLogs(ctx context.Context, serving bool) error {
	release := func() {
		if err := a.erasures.ReleaseLogs(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("letting go of the log for an erasure", "error", err)
		}
	}
	if serving {
		release()
	}
	return every(ctx, 2*time.Second, release)
}

// leaveLogs deletes the log of a collector that ends and has loaded everything, so that no erasure waits for it. One that
// hasn't is waited for: it comes back.
func (a *app) leaveLogs() error {
	if a.erasures == nil || a.db == nil || a.collector.Stats().PendingBytes > 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := a.collector.LetGo(ctx); err != nil {
		a.log.Warn("the log stays; an erasure waits for this collector until it is started again", "error", err)
		return nil
	}
	if err := a.erasures.LeaveLogs(ctx); err != nil {
		a.log.Warn("an erasure waits for this collector until it is started again", "error", err)
	}
	return nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "a host without a name"
	}
	return name
}

// mount builds the one handler: tracking, API, health.
func (a *app) mount() {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.RedirectTrailingSlash = false
	if a.collector != nil {
		a.collector.Routes(router)
	}
	a.tokens = api.NewTokens(a.db, time.Now)
	o := api.Options{DB: a.db, Tokens: a.tokens, Audiences: a.audiences, Syncs: a.syncs, Erasures: a.erasures, Project: a.keeper.project, Reload: a.keeper.reload,
		Test: a.test, Ready: a.ready, Metrics: a.metrics, Now: time.Now, Log: a.log, Version: version,
		LastReload: a.keeper.state.Load, Validate: a.keeper.validate}
	if a.collector != nil {
		o.Collector = a.collector.Stats
	}
	a.api = api.New(router, o)
	a.handler = router
}

// test makes one harmless call to a destination and tells whose account it is.
func (a *app) test(ctx context.Context, name string) (any, error) {
	d := a.keeper.project().Destination(name)
	if d == nil {
		return nil, fmt.Errorf("destination %s: %w", name, syncs.ErrNotFound)
	}
	open, err := a.destinations.connect(a.keeper.project(), d)
	if err != nil {
		return nil, err
	}
	return open.Test(ctx)
}

// ready asks each part for its state.
func (a *app) ready(ctx context.Context) api.Readiness {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out := api.Readiness{Ready: true, Parts: map[string]string{}}
	set := func(part string, err error) {
		out.Parts[part] = "ok"
		if err != nil {
			out.Parts[part], out.Ready = err.Error(), false
		}
	}
	set("warehouse", a.db.Exec(ctx, "SELECT 1"))
	health := a.queue.Health(ctx)
	if health.Reachable {
		set("queue", nil)
	} else {
		set("queue", errors.New("no answer from Redis"))
	}
	out.Warnings = append(out.Warnings, health.Warnings...)
	if state := a.keeper.state.Load(); state != nil && !state.Published {
		out.Warnings = append(out.Warnings, fmt.Sprintf("The project's files have %d errors; the last good project stays in force. `tailrace validate` lists them.", len(state.Diagnostics.Errors())))
	}
	if words, err := a.restoredWords(ctx); err != nil {
		out.Warnings = append(out.Warnings, "Whether the ledger is behind its destinations isn't known: "+err.Error())
	} else if words != "" {
		out.Warnings = append(out.Warnings, words)
	}
	if a.collector != nil {
		out.Parts["collector"] = "ok"
		if stats := a.collector.Stats(); stats.LastError != "" {
			out.Warnings = append(out.Warnings, "Events are accepted but can't be loaded now: "+stats.LastError)
		}
	}
	return out
}

// work runs the loops of this process's roles until ctx ends; with the scheduler only if scheduled is set.
func (a *app) work(ctx context.Context, scheduled bool) error {
	g, ctx := errgroup.WithContext(ctx)
	if a.collector != nil {
		g.Go(func() error { return a.collector.Run(ctx) })
		g.Go(func() error { return a.releaseLogs(ctx, scheduled) })
	}
	if a.cfg.role("worker") {
		g.Go(func() error { return a.queue.Run(ctx) })
		g.Go(func() error { return a.resolveIdentities(ctx) })
	}
	if a.cfg.role("scheduler") && scheduled {
		g.Go(func() error { return a.schedule(ctx) })
	}
	if scheduled {
		g.Go(func() error { return a.keeper.run(ctx) })
	}
	return g.Wait()
}

// schedule starts what is due by the clock or by a change, once nothing holds it, while this process leads.
func (a *app) schedule(ctx context.Context) error {
	if a.hold != nil {
		select {
		case <-a.hold:
		case <-ctx.Done():
			return nil
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.queue.Schedule(ctx, a.scheduled) })
	g.Go(func() error { return a.queue.Lead(ctx, "changes", a.watchChanges) })
	g.Go(func() error { return a.queue.Lead(ctx, "janitor", a.tidy) })
	g.Go(func() error { return a.queue.Lead(ctx, "marks", a.watchMarks) })
	g.Go(func() error { return a.queue.Lead(ctx, "alerts", (&alerts{a}).run) })
	return g.Wait()
}

// runLocal runs what a single command needs: it does the work that the command asks for, and starts none by itself.
func (a *app) runLocal(ctx context.Context) error { return a.work(ctx, false) }

// resolveIdentities ties identifiers together as events come in, one process at a time.
func (a *app) resolveIdentities(ctx context.Context) error {
	gate := &changeGate{db: a.db, tables: []string{"events_raw"}, atLeast: time.Minute}
	return every(ctx, 500*time.Millisecond, func() {
		worth, err := gate.open(ctx)
		if err == nil && worth {
			err = a.resolveOnce(ctx)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Warn("resolving identities", "error", err)
		}
	})
}

// resolveOnce makes a pass, unless another process does.
func (a *app) resolveOnce(ctx context.Context) error {
	release, ok, err := a.queue.Lease(ctx, "identity", time.Minute)
	if err != nil || !ok {
		return err
	}
	defer release()
	_, err = a.identity.Run(ctx)
	return err
}

// close ends everything in the only right order: the log before the queue, the warehouse last.
func (a *app) close() error {
	var errs []error
	if a.listener != nil {
		if err := a.listener.Close(); !errors.Is(err, net.ErrClosed) { // closed already, unless serving never began
			errs = append(errs, err)
		}
	}
	if a.collector != nil {
		errs = append(errs, a.leaveLogs(), a.collector.Close())
	}
	if a.queue != nil {
		errs = append(errs, a.queue.Close())
	}
	if a.destinations != nil {
		a.destinations.close()
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	return errors.Join(errs...)
}
