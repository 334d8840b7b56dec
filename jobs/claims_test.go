package jobs

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

type claimFunc func(ctx context.Context, db *warehouse.DB, scope string, number uint64, worker string) (bool, error)

// contend lets four claimants race for each of many numbers, and counts winners.
func contend(t *testing.T, claim claimFunc, rounds int) (doubles, singles int) {
	db := warehousetest.Open(t)
	for n := range uint64(rounds) {
		var wins atomic.Int32
		var all sync.WaitGroup
		start := make(chan struct{})
		for w := range 4 {
			all.Go(func() {
				<-start
				won, err := claim(t.Context(), db, "race", n, fmt.Sprint("w", w))
				if err != nil {
					t.Error(err)
				}
				if won {
					wins.Add(1)
				}
			})
		}
		close(start)
		all.Wait()
		switch {
		case wins.Load() > 1:
			doubles++
		case wins.Load() == 1:
			singles++
		}
	}
	return doubles, singles
}

func TestNoTwoClaimantsWin(t *testing.T) {
	t.Parallel()
	doubles, singles := contend(t, Claim, 60)
	require.Zero(t, doubles)
	t.Logf("of 60 rounds %d had one winner, the rest none", singles)
}

// The race must be able to show a broken claim: this one looks before it writes instead of after.
func TestRaceCatchesABrokenClaim(t *testing.T) {
	t.Parallel()
	broken := func(ctx context.Context, db *warehouse.DB, scope string, number uint64, worker string) (bool, error) {
		var others uint64
		if err := db.Get(ctx, &others, "SELECT count() FROM jobs_claims WHERE scope = ? AND number = ?", scope, number); err != nil || others > 0 {
			return false, err
		}
		_, err := Claim(ctx, db, scope, number, worker)
		return err == nil, err
	}
	doubles, _ := contend(t, broken, 30)
	require.NotZero(t, doubles)
}

func TestClaimIsForEver(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	for i, want := range []bool{true, false, false} {
		won, err := Claim(t.Context(), db, "run:a", 7, "w")
		require.NoError(t, err)
		require.Equal(t, want, won, i)
	}
	won, err := Claim(t.Context(), db, "run:b", 7, "w")
	require.NoError(t, err)
	require.True(t, won, "scopes don't meet")
}

func TestClaimNextOnlyGrows(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	first, err := ClaimNext(t.Context(), db, "run:a", 1, "w")
	require.NoError(t, err)
	require.EqualValues(t, 1, first)
	next, err := ClaimNext(t.Context(), db, "run:a", 1, "w")
	require.NoError(t, err)
	require.EqualValues(t, 2, next)
	far, err := ClaimNext(t.Context(), db, "run:a", 40, "w")
	require.NoError(t, err)
	require.EqualValues(t, 40, far)

	var mu sync.Mutex
	taken := map[uint64]int{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				n, err := ClaimNext(t.Context(), db, "run:b", 1, "w")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				taken[n]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	require.Len(t, taken, 20, "each number has one owner")
}
