package erasure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/tailrace/tailrace/warehouse"
)

// inPlace makes a mutation return when it is done, also on a replicated table, where subqueries must be asked for.
var inPlace = warehouse.Settings{"mutations_sync": 2, "allow_nondeterministic_mutations": 1}

// eraseTables takes the people out of every table. It may be repeated; what is gone already costs a look at each part.
func (e *Engine) eraseTables(ctx context.Context, x *Erasure) (map[string]uint64, error) {
	if err := e.secret(ctx); err != nil {
		return nil, err
	}
	in := e.subjectsOf(x.ID)
	places, err := e.places(ctx, in, e.ledger(x.ID))
	if err != nil {
		return nil, err
	}
	erased := map[string]uint64{}
	for _, p := range places {
		err := e.erasePlace(ctx, p, in, erased)
		if aborted(err) {
			return nil, &again{time.Second}
		}
		if err != nil {
			return nil, fmt.Errorf("erasing from %s: %w", p.table, err)
		}
	}
	return erased, nil
}

// aborted reports a mutation that the engine gave up because a partition was dropped meanwhile, as superseded versions and
// snapshots are all the time. It may be asked for again.
func aborted(err error) bool {
	var ex *clickhouse.Exception
	return errors.As(err, &ex) && (ex.Code == 236 || ex.Code == 341 && strings.Contains(ex.Message, "ABORTED"))
}

func (e *Engine) erasePlace(ctx context.Context, p place, in set, erased map[string]uint64) error {
	where := p.rows(in)
	if p.table == "suppressions" {
		// They stay suppressed by hash: its rows name nobody.
		where = "kind != 'erased' AND (" + where + ")"
	}
	if p.table == "sync_changes" || p.table == "sync_outcomes" {
		where = "NOT startsWith(key, 'erased:') AND (" + where + ")"
	}
	var n uint64
	if err := e.db.Get(ctx, &n, "SELECT count() FROM "+e.table(p.table)+" WHERE "+where); err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	erased[p.table] = n
	sql := "ALTER TABLE " + e.table(p.table) + " DELETE WHERE " + where
	if p.blank != "" {
		sql = "ALTER TABLE " + e.table(p.table) + " UPDATE " + p.blank + " WHERE " + where
	}
	return e.db.Exec(ctx, sql, inPlace)
}

// forget drops what an erasure knew of the people.
func (e *Engine) forget(ctx context.Context, erasureID string) error {
	for _, table := range working {
		if err := e.db.Exec(ctx, "ALTER TABLE "+e.table(table)+" DROP PARTITION '"+erasureID+"'"); err != nil {
			return fmt.Errorf("forgetting who was erased: %w", err)
		}
	}
	return nil
}
