package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/tailrace/tailrace/api"
)

func serveCommand(c *config) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the collector, the API, the scheduler and the workers",
		Long: `Serves the tracking API (/v1), the REST API (/api/v1, /openapi.json), /healthz, /readyz and /metrics on one address,
materializes traits and audiences when they are due, and delivers syncs. Without any setting everything is embedded:
ClickHouse and Redis run in this process and the data folder holds the data.

The first admin token is printed once at the first start, or taken from TAILRACE_ADMIN_TOKEN. SIGTERM drains and ends
within 15 s. Changed project files are picked up without a restart; a broken project leaves the last good one in force.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("log-level") && os.Getenv("TAILRACE_LOG_LEVEL") == "" {
				c.LogLevel = "info"
			}
			if err := c.checkRoles(); err != nil {
				return err
			}
			log, err := c.logger()
			if err != nil {
				return err
			}
			stopTracing, err := startTracing(cmd.Context(), log)
			if err != nil {
				return err
			}
			defer stopTracing()
			a, err := openApp(cmd.Context(), c, log)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), func(secret string) {
				fmt.Fprintf(cmd.OutOrStdout(), "first admin token, shown only now:\n%s\n", secret)
			})
		},
	}
	cmd.Flags().StringVar(&c.Addr, "addr", env("TAILRACE_ADDR", "127.0.0.1:8080"), "address to listen on (TAILRACE_ADDR)")
	cmd.Flags().StringVar(&c.PublicURL, "public-url", env("TAILRACE_PUBLIC_URL", ""), "where browsers reach the collector, such as https://events.shop.example (TAILRACE_PUBLIC_URL; default the host that they ask)")
	cmd.Flags().StringVar(&c.AnalyticsJS, "analytics-js", env("TAILRACE_ANALYTICS_JS", ""), "folder of Segment's browser SDK, dist/umd of @segment/analytics-next, for pages with the snippet (TAILRACE_ANALYTICS_JS)")
	cmd.Flags().StringSliceVar(&c.Roles, "roles", nil, "collector,api,scheduler,worker (default all)")
	return cmd
}

// serve listens and works until ctx ends, then drains, and closes the app. firstToken is told the first admin token
// when one is made.
func (a *app) serve(ctx context.Context, firstToken func(string)) (err error) {
	defer func() { err = errors.Join(err, a.close()) }()
	if err := a.adminToken(ctx, firstToken); err != nil {
		return err
	}
	listener := a.listener
	if listener == nil {
		if listener, err = net.Listen("tcp", a.cfg.Addr); err != nil {
			return fmt.Errorf("listening on %s: %w; choose another address with --addr", a.cfg.Addr, err)
		}
	}
	local, err := api.NewSecret("local")
	if err != nil {
		return err
	}
	a.tokens.Fix(local, localIdentity)
	if err := (runtimeFile{URL: "http://" + reachable(listener.Addr()), PID: os.Getpid(), Token: local}).write(a.cfg.Data); err != nil {
		return err
	}
	defer os.Remove(runtimePath(a.cfg.Data))
	server := &http.Server{Handler: a.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving %s: %w", a.cfg.Addr, err)
		}
		return nil
	})
	g.Go(func() error {
		<-gctx.Done()
		// Stop accepting first, so that all that was answered is in the log before the rest ends.
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(drain); err != nil {
			return server.Close()
		}
		return nil
	})
	g.Go(func() error { return a.work(gctx, true) })
	a.log.Info("serving", "addr", listener.Addr().String(), "warehouse", a.db.Version(), "roles", cmp.Or(strings.Join(a.cfg.Roles, ","), "all"))
	return g.Wait()
}

// reachable is the address that a client on this machine uses for a listener on all interfaces.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
}

// adminToken takes TAILRACE_ADMIN_TOKEN, or makes the first admin token of a new warehouse.
func (a *app) adminToken(ctx context.Context, made func(string)) error {
	if a.cfg.AdminToken != "" {
		if len(a.cfg.AdminToken) < 16 {
			return errors.New("TAILRACE_ADMIN_TOKEN is too short: use 16 characters or more, such as `openssl rand -hex 32`")
		}
		a.tokens.Fix(a.cfg.AdminToken, api.Identity{ID: "env", Name: "TAILRACE_ADMIN_TOKEN", Role: api.Admin})
		return nil
	}
	known, err := a.tokens.List(ctx)
	if err != nil || len(known) > 0 {
		return err
	}
	_, secret, err := a.tokens.Create(ctx, "first admin", api.Admin, "first start")
	if err != nil {
		return err
	}
	made(secret)
	return nil
}
