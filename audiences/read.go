package audiences

import "context"

// Materialization returns the newest version that an id stands for.
// Errors: ErrNotFound.
func (a *Audiences) Materialization(ctx context.Context, id string) (Materialization, error) {
	return a.latest(ctx, id)
}
