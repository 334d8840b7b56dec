package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// changeGate tells cheaply whether tables may hold something new: it compares what parts they have, which costs the same
// for a thousand rows as for a billion. A merge opens it too, which only costs a look.
type changeGate struct {
	db      *warehouse.DB
	tables  []string
	atLeast time.Duration // it opens this often anyway, for what becomes due by time alone
	seen    uint64
	opened  time.Time
}

// open reports whether it is worth looking now.
func (g *changeGate) open(ctx context.Context) (bool, error) {
	var parts uint64
	err := g.db.Get(ctx, &parts, "SELECT groupBitXor(cityHash64(table, name)) FROM system.parts WHERE active AND database = ? AND table IN {tables:Array(String)}",
		g.db.Database(), warehouse.P{"tables": g.tables})
	if err != nil {
		return false, fmt.Errorf("looking for new parts: %w", err)
	}
	if parts == g.seen && time.Since(g.opened) < g.atLeast {
		return false, nil
	}
	g.seen, g.opened = parts, time.Now()
	return true, nil
}
