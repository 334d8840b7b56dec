package syncs

import (
	"context"
	"errors"
	"fmt"
)

// Clean drops what nobody can reach any more: tables of plans and adoptions whose process
// died, and snapshots before the newest sealed one of syncs without an open run.
func (e *Engine) Clean(ctx context.Context) error {
	var tables []string
	err := e.db.Select(ctx, &tables, "SELECT name FROM system.tables WHERE database = ? AND match(name, '^(plan|adopt)_[0-9a-f]{32}$')"+
		" AND metadata_modification_time < now() - INTERVAL 1 DAY", e.db.Database())
	if err != nil {
		return fmt.Errorf("looking for left-over plans: %w", err)
	}
	var errs []error
	for _, name := range tables {
		errs = append(errs, e.db.Exec(ctx, "DROP TABLE IF EXISTS "+e.table(name)+" SYNC"))
	}
	definitions, err := e.Definitions(ctx)
	if err != nil {
		return err
	}
	for _, d := range definitions {
		open, err := e.openRuns(ctx, d.SyncID)
		if err != nil {
			return err
		}
		last, err := e.lastSnapshot(ctx, d.SyncID)
		if err != nil {
			return err
		}
		if len(open) == 0 && last != nil {
			errs = append(errs, e.dropOldSnapshots(ctx, d.SyncID, last.version))
		}
	}
	return errors.Join(errs...)
}
