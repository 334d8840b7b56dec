package syncs

import (
	"embed"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/warehouse"
)

//go:embed statements/*.sql
var statementFiles embed.FS

// statement reads statements/NAME.sql and fills in [[names]]: db, and whatever
// SQL the caller generated. Values of rows are parameters, never filled in.
func (e *Engine) statement(name string, fill map[string]string) string {
	raw, err := statementFiles.ReadFile("statements/" + name + ".sql")
	if err != nil {
		panic(fmt.Sprintf("statement %s isn't part of the binary", name)) // a constant of this package
	}
	pairs := []string{"[[db]]", warehouse.QuoteIdentifier(e.db.Database()), "[[encoding_settings]]", encodingSettings}
	for k, v := range fill {
		pairs = append(pairs, "[["+k+"]]", v)
	}
	_, body, found := strings.Cut(string(raw), "*/\n")
	if !found {
		body = string(raw)
	}
	return strings.TrimSpace(strings.NewReplacer(pairs...).Replace(body))
}

// table is a table of ours, quoted.
func (e *Engine) table(name string) string {
	return warehouse.QuoteIdentifier(e.db.Database()) + "." + warehouse.QuoteIdentifier(name)
}
