package audiences

import (
	"context"
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// judge decides what becomes of a sealed version: unchanged, failed by its
// tests, held by its limits, or checked. over says that it goes no further.
func (a *Audiences) judge(ctx context.Context, p *project.Project, f *project.SQLFile, m *Materialization) (over bool, err error) {
	base, err := a.published(ctx, m.Kind, m.Name)
	if err != nil {
		return false, err
	}
	same := sameResult(base, m)
	if same {
		// Rows of a published version are taken out when people are erased: who comes back after that enters again.
		if same, err = a.complete(ctx, base); err != nil {
			return false, err
		}
	}
	if same {
		m.Entered, m.Exited = 0, 0
		return true, a.advance(ctx, m, StateUnchanged)
	}
	if m.Warnings, err = a.test(ctx, p, f, m); err != nil {
		return false, err
	}
	if err := a.countChanges(ctx, base, m); err != nil {
		return false, err
	}
	if why := a.overLimits(f, base, m); why != "" {
		m.addReason("%s", why)
		if err := a.supersedeHeld(ctx, m); err != nil {
			return true, err
		}
		return true, a.advance(ctx, m, StateHeld)
	}
	return false, a.advance(ctx, m, StateChecked)
}

// complete reports whether a version still has all of its rows.
func (a *Audiences) complete(ctx context.Context, m *Materialization) (bool, error) {
	var rows uint64
	err := a.db.Get(ctx, &rows, "SELECT count() FROM "+a.table(m.Table)+" WHERE version = {version:UInt64}", warehouse.P{"version": m.Version})
	if err != nil {
		return false, fmt.Errorf("counting the rows of the published version of %s: %w", m.Name, err)
	}
	return rows == m.Rows, nil
}

func sameResult(base, m *Materialization) bool {
	return base != nil && base.Rows == m.Rows && base.Checksum == m.Checksum && slices.EqualFunc(base.Columns, m.Columns,
		func(x, y Column) bool { return x.Name == y.Name && x.Type == y.Type })
}

// overLimits says in words which limit a version passes; "" when none.
func (a *Audiences) overLimits(f *project.SQLFile, base, m *Materialization) string {
	if base == nil || base.Rows == 0 {
		return ""
	}
	had, limits := float64(base.Rows), f.Header.Limits
	shrink, why := a.limits.MaxShrink, "more than half, the default limit, of over 100 members"
	if a.limits.MaxShrink != 50 || a.limits.MinMembers != 100 {
		why = fmt.Sprintf("more than %s, the default limit, of over %d members", a.limits.MaxShrink, a.limits.MinMembers)
	}
	if limits.MaxShrink != nil {
		shrink, why = *limits.MaxShrink, fmt.Sprintf("more than max_shrink: %s", *limits.MaxShrink)
	}
	if (limits.MaxShrink != nil || base.Rows > a.limits.MinMembers) && float64(m.Exited) > shrink.Of(had) {
		return fmt.Sprintf("%d of %d members would leave: %s", m.Exited, base.Rows, why)
	}
	if limits.MaxGrow != nil && m.Rows > base.Rows && float64(m.Rows-base.Rows) > limits.MaxGrow.Of(had) {
		return fmt.Sprintf("%d members would become %d: more than max_grow: %s", base.Rows, m.Rows, *limits.MaxGrow)
	}
	return ""
}

// countChanges counts who enters and leaves between two versions.
func (a *Audiences) countChanges(ctx context.Context, base, m *Materialization) error {
	sql, err := a.statement("count_changes", a.sides(base, m))
	if err != nil {
		return err
	}
	var found struct {
		Entered uint64 `ch:"entered"`
		Exited  uint64 `ch:"exited"`
	}
	if err := a.db.Get(ctx, &found, sql, a.sideVersions(base, m)); err != nil {
		return fmt.Errorf("comparing %s with its published version: %w", m.Name, err)
	}
	m.Entered, m.Exited = found.Entered, found.Exited
	return nil
}

// sides are the tables of the published version and of the new one. Without a
// published one, version 0 of the new one's table stands for it: it is empty.
func (a *Audiences) sides(base, m *Materialization) map[string]string {
	old := m.Table
	if base != nil {
		old = base.Table
	}
	return map[string]string{"old": a.table(old), "new": a.table(m.Table)}
}

func (a *Audiences) sideVersions(base, m *Materialization) warehouse.P {
	args := warehouse.P{"old_version": uint64(0), "new_version": m.Version}
	if base != nil {
		args["old_version"] = base.Version
	}
	return args
}
