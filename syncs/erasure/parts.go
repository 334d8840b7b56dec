package erasure

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// A rewritten part stays on disk beside the new one until the engine's cleanup deletes it: by default after eight minutes,
// when the table's thread wakes from a sleep of up to five. While an erasure is under way both are seconds.
const (
	hurried = "old_parts_lifetime = 1, cleanup_delay_period = 1, max_cleanup_delay_period = 2, cleanup_delay_period_random_add = 0, " +
		"cleanup_thread_preferred_points_per_iteration = 0"
	hurriedMark = "old_parts_lifetime = 1,"
)

// clocksApart is how far the warehouse's clock may be from ours.
const clocksApart = time.Minute

// ours lists our tables, those that are being hurried or those that aren't.
func (e *Engine) ours(ctx context.Context, hurried bool) ([]string, error) {
	var tables []string
	err := e.db.Select(ctx, &tables, "SELECT name FROM system.tables WHERE database = {db:String} AND engine LIKE '%MergeTree' AND (position(engine_full, {mark:String}) > 0) = {hurried:Bool} ORDER BY name",
		warehouse.P{"db": e.db.Database(), "mark": hurriedMark, "hurried": hurried})
	if err != nil {
		return nil, fmt.Errorf("listing our tables: %w", err)
	}
	return tables, nil
}

// hurry makes the engine delete what it puts aside within seconds, from when each table's cleanup wakes next.
func (e *Engine) hurry(ctx context.Context) error {
	tables, err := e.ours(ctx, false)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := e.alter(ctx, table, "MODIFY SETTING "+hurried); err != nil {
			return err
		}
	}
	return nil
}

// settle gives our tables their own pace of cleaning up back. Of several erasures under way, those that go on hurry again.
func (e *Engine) settle(ctx context.Context) error {
	tables, err := e.ours(ctx, true)
	if err != nil {
		return err
	}
	names := []string{}
	for _, setting := range strings.Split(hurried, ", ") {
		name, _, _ := strings.Cut(setting, " ")
		names = append(names, name)
	}
	for _, table := range tables {
		if err := e.alter(ctx, table, "RESET SETTING "+strings.Join(names, ", ")); err != nil {
			return err
		}
	}
	return nil
}

// alter changes a table's settings; one that was dropped meanwhile has none.
func (e *Engine) alter(ctx context.Context, table, what string) error {
	err := e.db.Exec(ctx, "ALTER TABLE "+e.table(table)+" "+what)
	if err == nil {
		return nil
	}
	var there uint64
	if look := e.db.Get(ctx, &there, "SELECT count() FROM system.tables WHERE database = ? AND name = ?", e.db.Database(), table); look == nil && there == 0 {
		return nil
	}
	return fmt.Errorf("changing how fast %s is cleaned up: %w", table, err)
}

// known waits until the engine knows of every part on disk: after a start it looks at those that were put aside before in
// its own time, and doesn't delete what it doesn't know.
func (e *Engine) known(ctx context.Context) error {
	tables, err := e.ours(ctx, true)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := e.db.Exec(ctx, "SYSTEM WAIT LOADING PARTS "+e.table(table)); err != nil {
			e.o.Log.Debug("the engine looks at parts in its own time", "table", table, "error", err) // not ours to ask, or dropped meanwhile
		}
	}
	return nil
}

// oldParts counts the parts that were put aside by the time an erasure had rewritten the tables, and are still on disk.
// What is put aside later was rewritten before, and holds nobody.
func (e *Engine) oldParts(ctx context.Context, rewritten time.Time) (uint64, error) {
	var n uint64
	err := e.db.Get(ctx, &n, "SELECT count() FROM system.parts WHERE database = {db:String} AND NOT active AND table NOT IN {working:Array(String)} AND remove_time <= fromUnixTimestamp64Milli({by:Int64})",
		warehouse.P{"db": e.db.Database(), "working": working, "by": rewritten.Add(clocksApart).UnixMilli()})
	if err != nil {
		return 0, fmt.Errorf("looking for parts that are about to be deleted: %w", err)
	}
	return n, nil
}
