package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/warehouse"
)

// ErrContended is returned by ClaimNext when every number it tried was contended.
var ErrContended = errors.New("too many claimants at once")

const claimTries = 64

// Claim claims (scope, number) for a worker. ClickHouse has no compare-and-swap, so a claimant appends a row
// and reads all rows back: who sees only itself has the claim, for ever. Since each append ends before its
// own read begins, two can't both see only themselves; that none wins is possible, and burns the number
// (reliability.md 3.5). After an error the number counts as burnt too: take the next one.
func Claim(ctx context.Context, db *warehouse.DB, scope string, number uint64, worker string) (bool, error) {
	return ClaimAs(ctx, db, scope, number, worker, uuid.New())
}

// ClaimAs is Claim under an id of the caller's, which must be new, for callers that look at claims afterwards.
func ClaimAs(ctx context.Context, db *warehouse.DB, scope string, number uint64, worker string, claim uuid.UUID) (bool, error) {
	if err := insertOnce(ctx, db, "jobs_claims", []string{"scope", "number", "claim", "worker"},
		[]any{scope, number, claim, worker}, "claim:"+claim.String()); err != nil {
		return false, fmt.Errorf("claiming %s %d: %w", scope, number, err)
	}
	var others uint64
	err := db.Get(ctx, &others, "SELECT count() FROM "+table(db, "jobs_claims")+
		" WHERE scope = ? AND number = ? AND claim != ?", scope, number, claim)
	if err != nil {
		return false, fmt.Errorf("reading back claims of %s %d: %w", scope, number, err)
	}
	return others == 0, nil
}

// ClaimNext claims the first free number from next on, above every number that was claimed in scope before.
// Numbers only grow; gaps are left by contended claims.
func ClaimNext(ctx context.Context, db *warehouse.DB, scope string, next uint64, worker string) (uint64, error) {
	for try := range claimTries {
		var highest uint64
		if err := db.Get(ctx, &highest, "SELECT max(number) FROM "+table(db, "jobs_claims")+" WHERE scope = ?", scope); err != nil {
			return 0, fmt.Errorf("reading claims of %s: %w", scope, err)
		}
		number := max(next, highest+1)
		won, err := Claim(ctx, db, scope, number, worker)
		if err != nil {
			return 0, err
		}
		if won {
			return number, nil
		}
		// Claimants in step would collide again; a random pause sets them apart.
		if !pause(ctx, rand.N(time.Duration(min(try+1, 10))*10*time.Millisecond)) {
			return 0, fmt.Errorf("claiming in %s: %w", scope, context.Cause(ctx))
		}
	}
	return 0, fmt.Errorf("claiming in %s: %w", scope, ErrContended)
}

// insertOnce appends one row. An error leaves open whether it is there, so the same row goes in once more
// under the same token, which the warehouse counts once.
func insertOnce(ctx context.Context, db *warehouse.DB, name string, columns []string, row []any, token string) error {
	opts := warehouse.InsertOptions{Token: token}
	err := db.Insert(ctx, name, columns, [][]any{row}, opts)
	if err != nil && ctx.Err() == nil {
		err = db.Insert(ctx, name, columns, [][]any{row}, opts)
	}
	return err
}

func table(db *warehouse.DB, name string) string {
	return warehouse.QuoteIdentifier(db.Database()) + "." + warehouse.QuoteIdentifier(name)
}
