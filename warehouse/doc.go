// Package warehouse is the one door to ClickHouse: it connects (embedded, HTTP,
// native), migrates, and offers a typed gateway on which every other package
// runs its SQL.
//
// It must never know projects, vendors or the HTTP API; it may import only sql
// (the migrations) and sql/lex.
//
// # Engines
//
//	embedded://PATH         ClickHouse in this process (libchdb), no server
//	http(s)://host:8123     a server or ClickHouse Cloud over HTTP
//	clickhouse://host:9000  a server over its native protocol, ?secure=true for TLS
//
// The same driver (clickhouse-go) serves all three. For the embedded engine its
// HTTP transport is replaced by one that executes the request in libchdb:
//
//	gateway ─▶ clickhouse-go ─▶ http.RoundTripper ─┬─▶ net/http ─▶ a server
//	                                               └─▶ engine ─▶ libchdb (purego)
//
// # Promises
//
//   - A statement's settings, parameters and database are its own: nothing of
//     them is left for the next statement.
//   - Values travel as typed server-side parameters, never as text in the SQL.
//   - An insert that reports success wrote the rows that were given; an insert
//     that reports an error has an unknown outcome, and repeating it with the
//     same rows and the same token is harmless where the table deduplicates.
//   - An error of the engine is a *clickhouse.Exception, also in mid-stream: a
//     result is complete or it ends with an error.
//   - When a statement's context ends, the statement ends in the engine too.
package warehouse
