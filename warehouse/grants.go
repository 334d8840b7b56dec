package warehouse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Grants is the SQL that gives a server the two users Tailrace needs: one for
// the program, and one that may only read what users' SQL may. read are the
// databases under warehouse.read. Passwords are left for a person to fill in.
func Grants(database string, read []string, cluster string) string {
	where := ""
	if cluster != "" {
		where = " ON CLUSTER " + quoteString(cluster)
	}
	data, views := quoteIdentifier(database), quoteIdentifier(database+"_project")
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+";\n", args...) }
	b.WriteString("-- The program's own user: everything in its three databases, reading in those of warehouse.read.\n")
	line("CREATE USER IF NOT EXISTS tailrace%s IDENTIFIED WITH sha256_password BY '<password>'", where)
	for _, db := range []string{data, views, quoteIdentifier(database + "_masked")} {
		line("GRANT%s CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP, ALTER, SELECT, INSERT, TRUNCATE, OPTIMIZE ON %s.* TO tailrace", where, db)
	}
	line("GRANT%s SELECT ON system.tables, SELECT ON system.columns, SELECT ON system.parts, SELECT ON system.replicas TO tailrace", where)
	line("GRANT%s KILL QUERY ON *.* TO tailrace", where)
	if cluster != "" {
		line("GRANT%s CLUSTER, SYSTEM SYNC REPLICA ON *.* TO tailrace", where)
	}
	for _, db := range read {
		line("GRANT%s SELECT ON %s.* TO tailrace", where, quoteIdentifier(db))
	}
	b.WriteString("\n-- A user that may do no more than users' SQL may, for people and tools, and to try that against.\n")
	line("CREATE SETTINGS PROFILE IF NOT EXISTS tailrace_models%s SETTINGS readonly = 1, max_execution_time = 600, max_memory_usage = 4294967296, max_result_rows = 10000000", where)
	line("CREATE USER IF NOT EXISTS tailrace_models%s IDENTIFIED WITH sha256_password BY '<password>' SETTINGS PROFILE 'tailrace_models'", where)
	for _, db := range append([]string{database + "_project"}, read...) {
		line("GRANT%s SELECT ON %s.* TO tailrace_models", where, quoteIdentifier(db))
	}
	return b.String()
}

// Forbidden are statements that users' SQL must never get done. They name
// nothing that holds data of anybody's; one that worked would do no harm.
func Forbidden(database string) []string {
	d := quoteIdentifier(database)
	return []string{
		"INSERT INTO " + d + ".jobs_claims (scope, number) VALUES ('doctor', 1)",
		"CREATE TABLE " + d + ".doctor_was_here (a UInt8) ENGINE = Memory",
		"CREATE TEMPORARY TABLE doctor_was_here (a UInt8)",
		"CREATE DATABASE doctor_was_here",
		"CREATE VIEW " + d + ".doctor_was_here AS SELECT 1",
		"CREATE FUNCTION doctor_was_here AS x -> x",
		"DROP TABLE IF EXISTS " + d + ".doctor_was_here",
		"ALTER TABLE " + d + ".jobs_claims DELETE WHERE scope = 'doctor'",
		"DELETE FROM " + d + ".jobs_claims WHERE scope = 'doctor'",
		"OPTIMIZE TABLE " + d + ".jobs_claims",
		"INSERT INTO FUNCTION file('doctor_was_here.csv', 'CSV', 'a UInt8') VALUES (1)",
		"SELECT * FROM file('/etc/passwd', 'LineAsString')",
		"SELECT file('/etc/passwd')",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
		"SELECT * FROM remote('127.0.0.1:1', system.one)",
		"SELECT * FROM s3('http://127.0.0.1:1/b/k', 'CSV', 'a UInt8')",
		"SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
		"SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
		"SELECT * FROM executable('true', 'CSV', 'a UInt8')",
		"SELECT hash FROM " + d + ".api_tokens LIMIT 1",
		"SELECT count() FROM system.query_log",
		"SELECT count() FROM system.users",
		"KILL QUERY WHERE query_id = 'doctor'",
		"SYSTEM FLUSH LOGS",
		"GRANT SELECT ON *.* TO tailrace_models",
		"SET readonly = 0",
	}
}

// TryForbidden tries each forbidden statement of a database and returns those
// that work: through the gate, as users' SQL would be, and, where plain is set,
// as they are with this connection's user. An error is of the machinery.
func (db *DB) TryForbidden(ctx context.Context, database string, plain bool) (tried int, work []string, err error) {
	for _, statement := range Forbidden(database) {
		tried++
		var refused error
		if plain {
			refused = db.Exec(ctx, statement, LaneUser, Settings{"max_execution_time": 10})
		} else {
			_, refused = db.Check(ctx, statement, GateOptions{AllowedTables: map[string]bool{}})
		}
		var gate *GateError
		var exception *clickhouse.Exception
		switch {
		case refused == nil:
			work = append(work, statement)
		case errors.As(refused, &gate), errors.As(refused, &exception):
		default:
			return tried, work, fmt.Errorf("trying %s: %w", statement, refused)
		}
	}
	return tried, work, nil
}
