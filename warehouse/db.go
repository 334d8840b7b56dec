package warehouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Options say which warehouse to open.
type Options struct {
	// DSN is embedded://PATH, http(s)://user:password@host:port or
	// clickhouse://user:password@host:port (?secure=true for TLS).
	DSN string
	// Database holds the data; empty means the DSN's, else DefaultDatabase.
	Database string
	// Cluster is the ClickHouse cluster of one shard on which tables are
	// replicated; empty for one server. The DSN then names one replica.
	Cluster string
	// Log gets what no caller can be told; nil discards it.
	Log *slog.Logger
}

// DB is an open warehouse. It is safe for concurrent use.
type DB struct {
	database string
	cluster  string
	log      *slog.Logger
	engine   *engine // nil unless embedded
	version  string
	http     *httpEndpoint // nil on the native protocol
	lanes    [laneCount]driver.Conn

	closing sync.Once
	closed  chan struct{}
	work    sync.WaitGroup // killers of statements whose context ended
	columns columnCache
}

// Open connects. It migrates nothing and needs no database to exist yet.
// Errors: ErrLocked when another process holds an embedded path, *LibraryError
// when libchdb is missing or too old, *clickhouse.Exception from a server.
func Open(ctx context.Context, o Options) (*DB, error) {
	s, err := parseDSN(o.DSN)
	if err != nil {
		return nil, err
	}
	db := &DB{database: o.Database, cluster: o.Cluster, log: o.Log, closed: make(chan struct{})}
	if db.database == "" {
		db.database = s.database
	}
	if db.database == "" {
		db.database = DefaultDatabase
	}
	if !databaseName.MatchString(db.database) {
		return nil, fmt.Errorf("opening the warehouse: %q is no database name that can be used: letters, digits and _", db.database)
	}
	if err := s.checkCluster(o.Cluster); err != nil {
		return nil, err
	}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	transport := func(next http.RoundTripper) http.RoundTripper { return &guardTransport{next: next} }
	if s.embeddedPath != "" {
		if db.engine, err = acquireEngine(s.embeddedPath); err != nil {
			return nil, err
		}
		embedded := &embeddedTransport{engine: db.engine}
		transport = func(http.RoundTripper) http.RoundTripper { return &guardTransport{next: embedded} }
	}
	if err := db.connect(ctx, s, transport); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) connect(ctx context.Context, s *source, transport func(http.RoundTripper) http.RoundTripper) error {
	for lane := range laneCount {
		database := db.database
		if lane == laneAdmin {
			database = ""
		}
		options := s.configure(lane, database, transport)
		if db.cluster != "" {
			maps.Copy(options.Settings, clusterSettings())
		}
		conn, err := clickhouse.Open(options)
		if err != nil {
			return fmt.Errorf("opening the warehouse: %w", err)
		}
		db.lanes[lane] = conn
		if lane == LaneUser && options.Protocol == clickhouse.HTTP {
			db.http = newHTTPEndpoint(options, transport)
		}
	}
	if err := db.lanes[laneAdmin].QueryRow(ctx, "SELECT version()").Scan(&db.version); err != nil {
		return fmt.Errorf("connecting to the warehouse: %w", err)
	}
	return nil
}

// Close waits for running statements' clean-up and closes every connection;
// the last DB of an embedded path shuts its engine down. Rows must be closed
// before.
func (db *DB) Close() error {
	var errs []error
	db.closing.Do(func() {
		close(db.closed)
		db.work.Wait()
		for _, conn := range db.lanes {
			if conn != nil {
				errs = append(errs, conn.Close())
			}
		}
		if db.http != nil {
			db.http.client.CloseIdleConnections()
		}
		if db.engine != nil {
			db.engine.release()
		}
	})
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing the warehouse: %w", err)
	}
	return nil
}

// Database is where the data is.
func (db *DB) Database() string { return db.database }

// ProjectDatabase is where users' views are: <database>_project.
func (db *DB) ProjectDatabase() string { return db.database + "_project" }

// Cluster is the cluster on which tables are replicated; empty for one server.
func (db *DB) Cluster() string { return db.cluster }

// MaskedDatabase is where the views are that hide personal data: <database>_masked.
func (db *DB) MaskedDatabase() string { return db.database + "_masked" }

// Embedded reports whether ClickHouse runs in this process.
func (db *DB) Embedded() bool { return db.engine != nil }

// Version is the version of ClickHouse, such as "26.7.3".
func (db *DB) Version() string { return db.version }
