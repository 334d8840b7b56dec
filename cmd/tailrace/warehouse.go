package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/tailrace/tailrace/warehouse"
)

func warehouseCommand(c *config) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "warehouse",
		Short: "Serve the embedded warehouse to other processes",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(warehouseServeCommand(c))
	return cmd
}

func warehouseServeCommand(c *config) *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the embedded warehouse over the ClickHouse HTTP interface",
		Long: `Runs the embedded engine on the data folder and nothing else, and answers ClickHouse's HTTP interface, so that
several schedulers, APIs, workers and collectors share one warehouse, and any ClickHouse client can query it:

  tailrace warehouse serve --data /var/lib/tailrace &
  export TAILRACE_WAREHOUSE="http://default:$(cat /var/lib/tailrace/warehouse.password)@127.0.0.1:8123"
  tailrace serve --data /var/lib/tailrace-a --redis redis://127.0.0.1:6379
  curl "$TAILRACE_WAREHOUSE" -d 'SELECT count() FROM tailrace.events'

The password is made at the first start and kept in the data folder, readable by its owner only; or it is
TAILRACE_WAREHOUSE_PASSWORD. Whoever has it may read and change everything: for users' SQL there are 'tailrace query' and
the API. The interface has no TLS: keep it on this machine or behind a proxy.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := c.logger()
			if err != nil {
				return err
			}
			dsn, err := c.warehouseDSN()
			if err != nil {
				return err
			}
			if !strings.HasPrefix(dsn, "embedded://") {
				return errors.New("tailrace warehouse serve serves the embedded warehouse: a ClickHouse server serves itself")
			}
			if err := os.MkdirAll(c.Data, 0o700); err != nil {
				return fmt.Errorf("making the data folder: %w", err)
			}
			password, from, err := warehousePassword(c.Data)
			if err != nil {
				return err
			}
			db, err := openWarehouse(cmd.Context(), c, log)
			if err != nil {
				return err
			}
			server, err := warehouse.NewServer(db, warehouse.ServerOptions{Password: password, Log: log})
			if err == nil {
				err = serveWarehouse(cmd.Context(), addr, server, func(at string) {
					fmt.Fprintf(cmd.OutOrStdout(), "serving ClickHouse %s on http://%s, user default, password in %s\n", db.Version(), at, from)
				})
			}
			return errors.Join(err, db.Close())
		},
	}
	cmd.Flags().StringVar(&addr, "addr", env("TAILRACE_WAREHOUSE_ADDR", "127.0.0.1:8123"), "address to listen on (TAILRACE_WAREHOUSE_ADDR)")
	return cmd
}

// warehousePassword returns the server's password and where people find it; the first call on a data folder makes one.
func warehousePassword(data string) (password, from string, err error) {
	if password := env("TAILRACE_WAREHOUSE_PASSWORD", ""); password != "" {
		return password, "TAILRACE_WAREHOUSE_PASSWORD", nil
	}
	path := filepath.Join(data, "warehouse.password")
	body, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(body)) != "" {
		return strings.TrimSpace(string(body)), path, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("reading the warehouse's password: %w", err)
	}
	password = rand.Text()
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		return "", "", fmt.Errorf("keeping the warehouse's password: %w", err)
	}
	return password, path, nil
}

// serveWarehouse answers until ctx ends, then gives running statements five seconds.
func serveWarehouse(ctx context.Context, addr string, handler http.Handler, ready func(addr string)) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w; choose another address with --addr", addr, err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: 1 << 20}
	ready(listener.Addr().String())
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving %s: %w", addr, err)
		}
		return nil
	})
	g.Go(func() error {
		<-gctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(drain); err != nil {
			return server.Close()
		}
		return nil
	})
	return g.Wait()
}
