package warehouse

import "strings"

var (
	stringQuoter     = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`)
	identifierQuoter = strings.NewReplacer(`\`, `\\`, "`", "\\`", "\x00", `\0`)
)

// quoteString writes s as a ClickHouse string literal. It is for statements
// that take no parameters (SET, DDL); values of queries are parameters.
func quoteString(s string) string { return "'" + stringQuoter.Replace(s) + "'" }

// quoteIdentifier writes s as a quoted identifier.
func quoteIdentifier(s string) string { return "`" + identifierQuoter.Replace(s) + "`" }

// QuoteIdentifier writes a name of a database, table or column for use in SQL
// text, whatever characters it holds.
func QuoteIdentifier(name string) string { return quoteIdentifier(name) }

// quoteTable quotes a table name with an optional database: `db`.`table`.
func quoteTable(table string) string {
	if strings.ContainsAny(table, "`\"") {
		return table
	}
	if database, name, ok := strings.Cut(table, "."); ok {
		return quoteIdentifier(database) + "." + quoteIdentifier(name)
	}
	return quoteIdentifier(table)
}
