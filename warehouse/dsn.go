package warehouse

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// DefaultDatabase holds the data when Options name no database.
const DefaultDatabase = "tailrace"

// databaseName is what a database may be called: it becomes part of other
// names and of SQL text in views.
var databaseName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// source is a DSN, understood.
type source struct {
	embeddedPath string            // of embedded://PATH
	settings     map[string]string // of embedded://PATH?name=value
	driver       *clickhouse.Options
	database     string
}

// parseDSN reads embedded://PATH, http(s)://… and clickhouse://…. Errors never
// repeat the DSN, which may hold a password.
func parseDSN(dsn string) (*source, error) {
	scheme, rest, ok := strings.Cut(dsn, "://")
	if !ok {
		return nil, errors.New("reading the warehouse DSN: it must be embedded://PATH, http(s)://HOST:PORT or clickhouse://HOST:PORT")
	}
	switch scheme {
	case "embedded":
		return parseEmbedded(rest)
	case "http", "https", "clickhouse", "tcp":
		options, err := clickhouse.ParseDSN(dsn)
		if err != nil {
			return nil, fmt.Errorf("reading the warehouse DSN: %w", err)
		}
		return &source{driver: options, database: options.Auth.Database}, nil
	default:
		return nil, fmt.Errorf("reading the warehouse DSN: %q is no scheme that is known; use embedded, http, https or clickhouse", scheme)
	}
}

func parseEmbedded(rest string) (*source, error) {
	path, query, _ := strings.Cut(rest, "?")
	if path == "" {
		return nil, errors.New("reading the warehouse DSN: embedded:// needs a path, such as embedded://./data/warehouse")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("reading the warehouse DSN: %w", err)
	}
	s := &source{embeddedPath: path, settings: map[string]string{}, driver: &clickhouse.Options{
		Protocol: clickhouse.HTTP,
		Addr:     []string{"embedded:0"},
	}}
	for name := range values {
		if name == "database" {
			s.database = values.Get(name)
			continue
		}
		if !settingName.MatchString(name) {
			return nil, fmt.Errorf("reading the warehouse DSN: %q is no name of a setting", name)
		}
		s.settings[name] = values.Get(name)
	}
	return s, nil
}

// checkCluster sees that a cluster is reached through one replica of it.
func (s *source) checkCluster(cluster string) error {
	switch {
	case cluster == "":
		return nil
	case s.embeddedPath != "":
		return errors.New("opening the warehouse: an embedded warehouse is in no cluster; name a server's DSN, or take warehouse.cluster out")
	case len(s.driver.Addr) > 1:
		return errors.New("opening the warehouse: with warehouse.cluster the DSN names one replica, the same for every process: the ledger must read what it wrote; to fail over, name another")
	}
	return nil
}

// defaultSettings are sent with every statement, on every engine.
//   - async_insert: on by default since 26.3; an acknowledged insert must be in
//     the table.
//   - session_timezone: days in SQL are UTC wherever the server stands.
//   - cancel_http_readonly_queries_on_client_close: off by default.
func defaultSettings() clickhouse.Settings {
	return clickhouse.Settings{
		"async_insert":     0,
		"session_timezone": "UTC",
		"cancel_http_readonly_queries_on_client_close": 1,
	}
}

// configure completes the driver's options. lane's size is used unless the DSN
// says otherwise.
func (s *source) configure(lane Lane, database string, transport func(http.RoundTripper) http.RoundTripper) *clickhouse.Options {
	o := *s.driver
	o.Auth.Database = database
	o.Settings = defaultSettings()
	for name, value := range s.driver.Settings {
		o.Settings[name] = value
	}
	for name, value := range s.settings {
		o.Settings[name] = value
	}
	if o.MaxOpenConns == 0 {
		o.MaxOpenConns = laneSizes[lane]
		o.MaxIdleConns = laneSizes[lane]
	}
	if o.DialTimeout == 0 {
		// Also how long a call waits for a free connection of its lane.
		o.DialTimeout = 30 * time.Second
	}
	o.ConnMaxLifetime = time.Hour
	if o.Protocol == clickhouse.HTTP {
		o.TransportFunc = func(t *http.Transport) (http.RoundTripper, error) { return transport(t), nil }
	}
	o.ClientInfo.Products = append(o.ClientInfo.Products, struct{ Name, Version string }{"tailrace", "1"})
	return &o
}
