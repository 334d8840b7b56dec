package erasure

import (
	"context"
	"fmt"

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
		if err := e.erasePlace(ctx, p, in, erased); err != nil {
			return nil, fmt.Errorf("erasing from %s: %w", p.table, err)
		}
	}
	return erased, nil
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
	// Rewritten parts leave their old ones behind for minutes; they go soon while an erasure is under way.
	if err := e.db.Exec(ctx, "ALTER TABLE "+e.table(p.table)+" MODIFY SETTING old_parts_lifetime = 1"); err != nil {
		return err
	}
	sql := "ALTER TABLE " + e.table(p.table) + " DELETE WHERE " + where
	if p.blank != "" {
		sql = "ALTER TABLE " + e.table(p.table) + " UPDATE " + p.blank + " WHERE " + where
	}
	return e.db.Exec(ctx, sql, inPlace)
}

// nudge lets the engine look at once which parts it can delete, where it would in its own time.
func (e *Engine) nudge(ctx context.Context, tables []string) {
	for _, table := range tables {
		if err := e.db.Exec(ctx, "SYSTEM START MERGES "+e.table(table)); err != nil {
			e.o.Log.Debug("the engine deletes old parts in its own time", "table", table, "error", err)
		}
	}
}

// oldParts counts parts that the engine has put aside and not deleted yet, of the tables that were rewritten, and gives
// the tables their own lifetime of such parts back when there is none.
func (e *Engine) oldParts(ctx context.Context, tables []string) (uint64, error) {
	if len(tables) == 0 {
		return 0, nil
	}
	var n uint64
	err := e.db.Get(ctx, &n, "SELECT count() FROM system.parts WHERE database = {db:String} AND NOT active AND table IN {tables:Array(String)}",
		warehouse.P{"db": e.db.Database(), "tables": tables})
	if err != nil {
		return 0, fmt.Errorf("looking for parts that are about to be deleted: %w", err)
	}
	return n, nil
}

// settle gives tables back the lifetime of old parts that they are made with.
func (e *Engine) settle(ctx context.Context, tables []string) error {
	for _, table := range tables {
		if err := e.db.Exec(ctx, "ALTER TABLE "+e.table(table)+" RESET SETTING old_parts_lifetime"); err != nil {
			return fmt.Errorf("resetting %s: %w", table, err)
		}
	}
	return nil
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
