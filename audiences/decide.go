package audiences

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/jobs"
)

// Approve publishes a held version; actor is who said so. Errors: ErrNotFound,
// ErrConflict when it isn't held, or somebody else decided at the same time.
func (a *Audiences) Approve(ctx context.Context, id, actor string) (Materialization, error) {
	m, err := a.held(ctx, id)
	if err != nil {
		return m, err
	}
	m.Actor = actor
	m.addReason("approved by %s", actor)
	if err := a.decide(ctx, &m, StateChecked); err != nil {
		return m, err
	}
	// From here on it is like any other; should this process die, a worker goes on.
	if err := a.run(ctx, &m); err != nil {
		return m, fmt.Errorf("publishing %s %s: %w", m.Kind, m.Name, err)
	}
	return m, nil
}

// Discard drops a held version. Errors as of Approve.
func (a *Audiences) Discard(ctx context.Context, id, actor string) (Materialization, error) {
	m, err := a.held(ctx, id)
	if err != nil {
		return m, err
	}
	m.Actor = actor
	m.addReason("discarded by %s", actor)
	return m, a.decide(ctx, &m, StateDiscarded)
}

func (a *Audiences) held(ctx context.Context, id string) (Materialization, error) {
	m, err := a.latest(ctx, id)
	if err != nil {
		return m, err
	}
	if m.State != StateHeld {
		return m, fmt.Errorf("version %d of %s %s is %s, not held: %w", m.Version, m.Kind, m.Name, m.State, ErrConflict)
	}
	return m, nil
}

// decide advances a held version, for the first who does. A claim that its
// owner didn't use, because it died, is in nobody's way after a minute.
func (a *Audiences) decide(ctx context.Context, m *Materialization, to State) error {
	a.deciding.Lock()
	defer a.deciding.Unlock()
	if err := a.still(ctx, m); err != nil {
		return fmt.Errorf("deciding about version %d of %s %s: %w", m.Version, m.Kind, m.Name, ErrConflict)
	}
	scope := fmt.Sprintf("materialization:decide:%s:%d:%d", m.ID, m.Version, m.seq)
	mine, err := jobs.Claim(ctx, a.db, scope, uint64(a.now().Unix()/60), a.worker)
	if err != nil {
		return err
	}
	if !mine {
		return fmt.Errorf("somebody else decides about version %d of %s %s (look again in a minute): %w", m.Version, m.Kind, m.Name, ErrConflict)
	}
	return a.advance(ctx, m, to)
}
