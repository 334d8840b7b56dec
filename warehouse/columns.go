package warehouse

import (
	"context"
	"fmt"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// columnCache remembers the column types of tables that are inserted into: over
// HTTP the driver would ask for them before every block.
type columnCache struct {
	mu     sync.Mutex
	tables map[string]map[string]string
}

// types returns names and types of the columns, in the order given.
func (c *columnCache) types(ctx context.Context, db *DB, table string, columns []string) ([]clickhouse.ColumnNameAndType, error) {
	known, err := c.table(ctx, db, table)
	if err != nil {
		return nil, err
	}
	out := make([]clickhouse.ColumnNameAndType, len(columns))
	for i, name := range columns {
		typ, ok := known[name]
		if !ok {
			c.forget(table)
			return nil, fmt.Errorf("%s has no column %s that can be written", table, name)
		}
		out[i] = clickhouse.ColumnNameAndType{Name: name, Type: typ}
	}
	return out, nil
}

func (c *columnCache) table(ctx context.Context, db *DB, table string) (map[string]string, error) {
	c.mu.Lock()
	known := c.tables[table]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	rows, err := db.Query(ctx, "DESCRIBE TABLE "+quoteTable(table))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known = map[string]string{}
	for rows.Next() {
		var name, typ, kind, ignored string
		if err := rows.Scan(&name, &typ, &kind, &ignored, &ignored, &ignored, &ignored); err != nil {
			return nil, err
		}
		if kind != "MATERIALIZED" && kind != "ALIAS" {
			known[name] = typ
		}
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tables == nil {
		c.tables = map[string]map[string]string{}
	}
	c.tables[table] = known
	return known, nil
}

// forget drops what is known of a table; the next insert asks again.
func (c *columnCache) forget(table string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tables, table)
}

// changed is told of every executed statement: one that may change tables
// empties the cache.
func (c *columnCache) changed(sql string) {
	switch firstWord(sql) {
	case "INSERT", "DELETE", "SYSTEM", "OPTIMIZE", "KILL", "TRUNCATE":
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.tables)
}
