package audiences

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// publish writes who entered and left, then the one row that reveals the
// version, then the views.
func (a *Audiences) publish(ctx context.Context, f *project.SQLFile, m *Materialization) error {
	a.revealing.Lock()
	defer a.revealing.Unlock()
	base, err := a.published(ctx, m.Kind, m.Name)
	if err != nil {
		return err
	}
	for settled := false; !settled; {
		if base != nil && base.Version > m.Version {
			m.addReason("version %d was published meanwhile", base.Version)
			return a.advance(ctx, m, StateSuperseded)
		}
		// While it was held, another version may have been published.
		if err := a.countChanges(ctx, base, m); err != nil {
			return err
		}
		if m.Kind == project.KindAudience {
			if err := a.writeChanges(ctx, f, base, m); err != nil {
				return err
			}
		}
		if err := a.still(ctx, m); err != nil {
			return err
		}
		now, err := a.published(ctx, m.Kind, m.Name)
		if err != nil {
			return err
		}
		if settled = versionText(now) == versionText(base); !settled {
			// Another materialization of this name came first: the changes are against its version.
			if err := a.dropChanges(ctx, m); err != nil {
				return err
			}
			base = now
		}
	}
	if base == nil {
		// Who sees the row below finds the view, which is empty until then.
		if err := a.resultView(ctx, m); err != nil {
			return err
		}
	}
	if err := a.advance(ctx, m, StatePublished); err != nil {
		return err
	}
	if err := a.supersedeHeld(ctx, m); err != nil {
		return err
	}
	return a.reveal(ctx, m)
}

// writeChanges writes the version's enter and exit rows, once: rows of an
// attempt that died are counted, and replaced if they aren't all there.
func (a *Audiences) writeChanges(ctx context.Context, f *project.SQLFile, base, m *Materialization) error {
	want := m.Entered + m.Exited
	if have, err := a.changesWritten(ctx, m); err != nil || have == want {
		return err
	} else if have > 0 {
		if err := a.dropChanges(ctx, m); err != nil {
			return err
		}
	}
	parts := a.sides(base, m)
	args := a.sideVersions(base, m)
	var names []string
	parts["because_new"], names = becauseNames(f, m.Columns)
	parts["because_old"] = "CAST([], 'Array(String)')"
	if base != nil {
		parts["because_old"], _ = becauseNames(f, base.Columns)
	}
	sql, err := a.statement("write_changes", parts)
	if err != nil {
		return err
	}
	maps.Copy(args, warehouse.P{"name": m.Name, "because": names, "logical_time": m.LogicalTime})
	if err := a.db.Exec(ctx, sql, args); err != nil {
		return fmt.Errorf("writing who entered and left %s: %w", m.Name, err)
	}
	have, err := a.changesWritten(ctx, m)
	if err != nil {
		return err
	}
	if have != want {
		return fmt.Errorf("writing who entered and left %s: %d rows were expected, there are %d", m.Name, want, have)
	}
	return nil
}

// dropChanges takes back changes of a version that isn't published.
func (a *Audiences) dropChanges(ctx context.Context, m *Materialization) error {
	sql := "DELETE FROM " + a.table("audience_changes_raw") + " WHERE name = ? AND version = ?"
	if err := a.db.Exec(ctx, sql, m.Name, m.Version); err != nil {
		return fmt.Errorf("taking back unpublished changes of %s: %w", m.Name, err)
	}
	return nil
}

func (a *Audiences) changesWritten(ctx context.Context, m *Materialization) (uint64, error) {
	var have uint64
	sql := "SELECT count() FROM " + a.table("audience_changes_raw") + " WHERE name = ? AND version = ?"
	if err := a.db.Get(ctx, &have, sql, m.Name, m.Version); err != nil {
		return 0, fmt.Errorf("counting changes of %s: %w", m.Name, err)
	}
	return have, nil
}

// supersedeHeld ends older versions that wait for a person: there is one to decide about.
func (a *Audiences) supersedeHeld(ctx context.Context, m *Materialization) error {
	recent, err := a.newestVersions(ctx, m.Kind, m.Name)
	if err != nil {
		return err
	}
	for _, old := range recent {
		if old.State == StateHeld && old.Version < m.Version {
			old.Reason = fmt.Sprintf("version %d came after it", m.Version)
			// Whoever decides about it at this moment is right too.
			if err := a.decide(ctx, &old, StateSuperseded); err != nil && !errors.Is(err, ErrConflict) {
				return err
			}
		}
	}
	return nil
}
