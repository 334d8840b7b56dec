package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// functionsPage lists the functions that the gate lets users' SQL call.
func functionsPage(root string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(root, "warehouse", "gate_functions.txt"))
	if err != nil {
		return "", fmt.Errorf("reading the gate's functions: %w", err)
	}
	p := newPage("SQL functions", "The ClickHouse functions that models, traits, audiences, tests and `tailrace query` may call: those that compute a "+
		"value from their arguments and nothing else. Aggregate functions take ClickHouse's combinators (`sumIf`, `argMaxIf`, "+
		"`groupUniqArrayArray` …). `now()`, `today()` and their kin are the logical time. Anything else is refused: see "+
		"[security](../security.md#users-sql). What each does: [ClickHouse's documentation](https://clickhouse.com/docs/sql-reference/functions).")
	var letter string
	var names []string
	flush := func() {
		if len(names) > 0 {
			p.line("\n%s", codes(names))
		}
		names = nil
	}
	for _, name := range strings.Fields(string(raw)) {
		if strings.HasPrefix(name, "_") {
			continue // the engine's own
		}
		if first := strings.ToLower(name[:1]); first != letter {
			flush()
			letter = first
		}
		names = append(names, name)
	}
	flush()
	return p.String(), nil
}
