package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tailrace/tailrace/project"
)

// config is what the flags and TAILRACE_… variables say; a flag wins over its variable.
type config struct {
	Project     string   // folder of the project's files
	Data        string   // folder of the log and the embedded warehouse
	Addr        string   // listen address of serve
	Warehouse   string   // DSN; empty: embedded://DATA/warehouse
	Database    string   // ClickHouse database
	Cluster     string   // of ClickHouse; empty: one server
	Redis       string   // URL; empty: in process
	Prefix      string   // of Redis keys; empty: the database's name
	PublicURL   string   // where browsers reach the collector; empty: the host they ask
	AnalyticsJS string   // folder of Segment's browser SDK; empty: not served
	LogBytes    int64    // cap of the event log; 0: the collector's default
	Environment string   // of tailrace.yml
	AdminToken  string   // first admin token; empty: made and printed once
	Roles       []string // empty: all
	LogFormat   string   // text | json
	LogLevel    string
	Server      string // API address of a running server
	Token       string // API token for Server
	JSON        bool
	MarkFile    string // where the ledger's mark is kept too; empty: in the data folder only
	local       bool   // this process opens the data for one command only
}

var allRoles = []string{"collector", "api", "scheduler", "worker"}

// bind declares the flags that every command shares.
func (c *config) bind(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&c.Project, "project", env("TAILRACE_PROJECT", "."), "folder with tailrace.yml (TAILRACE_PROJECT)")
	f.StringVar(&c.Data, "data", env("TAILRACE_DATA", ".tailrace"), "folder of the event log and the embedded warehouse (TAILRACE_DATA)")
	f.StringVar(&c.Warehouse, "warehouse", env("TAILRACE_WAREHOUSE", ""), "ClickHouse: embedded://PATH, https://… or clickhouse://… (TAILRACE_WAREHOUSE; default that of tailrace.yml, else embedded in the data folder)")
	f.StringVar(&c.Database, "database", env("TAILRACE_DATABASE", ""), "ClickHouse database (TAILRACE_DATABASE; default that of tailrace.yml, else tailrace)")
	f.StringVar(&c.Cluster, "cluster", env("TAILRACE_CLUSTER", ""), "ClickHouse cluster on which tables are replicated (TAILRACE_CLUSTER; default that of tailrace.yml, else one server)")
	f.StringVar(&c.Redis, "redis", env("TAILRACE_REDIS", ""), "Redis URL (TAILRACE_REDIS; default that of tailrace.yml, else in process)")
	f.StringVar(&c.Environment, "environment", env("TAILRACE_ENVIRONMENT", ""), "environment of tailrace.yml, which overrides database and Redis prefix (TAILRACE_ENVIRONMENT)")
	f.StringVar(&c.Server, "server", env("TAILRACE_SERVER", ""), "address of a running server, such as http://127.0.0.1:8080 (TAILRACE_SERVER)")
	f.StringVar(&c.Token, "token", env("TAILRACE_TOKEN", ""), "API token for --server (TAILRACE_TOKEN)")
	f.StringVar(&c.LogLevel, "log-level", env("TAILRACE_LOG_LEVEL", "warn"), "debug, info, warn or error (TAILRACE_LOG_LEVEL; serve: info)")
	f.StringVar(&c.LogFormat, "log-format", env("TAILRACE_LOG_FORMAT", "text"), "text or json (TAILRACE_LOG_FORMAT)")
	f.BoolVar(&c.JSON, "json", false, "print JSON for scripts")
	c.MarkFile = env("TAILRACE_MARK_FILE", "")
	c.AdminToken = env("TAILRACE_ADMIN_TOKEN", "")
}

func env(name, otherwise string) string {
	if v, ok := os.LookupEnv(name); ok && v != "" {
		return v
	}
	return otherwise
}

// settle fills in from tailrace.yml what neither a flag nor a variable says. A project that doesn't load is told
// elsewhere; here it only says nothing.
func (c *config) settle() error {
	if hasFiles(c.Project) {
		p, _ := project.Load(c.Project, os.LookupEnv)
		cfg := p.Config
		if c.Environment != "" {
			var err error
			if cfg, err = cfg.In(c.Environment); err != nil {
				return err
			}
		}
		c.Warehouse = cmp.Or(c.Warehouse, cfg.Warehouse.DSN.Reveal())
		c.Database = cmp.Or(c.Database, cfg.Warehouse.Database)
		c.Cluster = cmp.Or(c.Cluster, cfg.Warehouse.Cluster)
		c.Redis = cmp.Or(c.Redis, cfg.Redis.URL.Reveal())
		c.Prefix = cfg.Redis.Prefix
		c.LogBytes = int64(cfg.Collector.LogSize)
	} else if c.Environment != "" {
		return fmt.Errorf("--environment %s: there is no tailrace.yml in %s", c.Environment, c.Project)
	}
	c.Database = cmp.Or(c.Database, "tailrace")
	return nil
}

func (c *config) warehouseDSN() (string, error) {
	if c.Warehouse != "" {
		return c.Warehouse, nil
	}
	path, err := filepath.Abs(filepath.Join(c.Data, "warehouse"))
	if err != nil {
		return "", fmt.Errorf("finding the data folder %s: %w", c.Data, err)
	}
	return "embedded://" + path, nil
}

// role reports whether this process has the role.
func (c *config) role(name string) bool { return len(c.Roles) == 0 || slices.Contains(c.Roles, name) }

// checkRoles refuses unknown roles, and a part of the roles on an embedded warehouse, which one process owns.
func (c *config) checkRoles() error {
	for _, r := range c.Roles {
		if !slices.Contains(allRoles, r) {
			return fmt.Errorf("unknown role %q: roles are %s", r, strings.Join(allRoles, ", "))
		}
	}
	missing := slices.ContainsFunc(allRoles, func(r string) bool { return !c.role(r) })
	if missing && (c.Warehouse == "" || strings.HasPrefix(c.Warehouse, "embedded://")) {
		return fmt.Errorf("--roles %s: an embedded warehouse belongs to one process, so that process has every role; "+
			"set TAILRACE_WAREHOUSE to a ClickHouse server to split them", strings.Join(c.Roles, ","))
	}
	return nil
}

func (c *config) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %q: use debug, info, warn or error", c.LogLevel)
	}
	switch c.LogFormat {
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})), nil
	case "text":
		return slog.New(tint.NewTextHandler(os.Stderr, &tint.Options{Level: level, TimeFormat: "15:04:05.000", NoColor: !term.IsTerminal(int(os.Stderr.Fd()))})), nil
	default:
		return nil, fmt.Errorf("--log-format %q: use text or json", c.LogFormat)
	}
}
