package warehouse_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

func TestForbiddenStatementsAreRefused(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	tried, work, err := db.TryForbidden(t.Context(), db.Database(), false)
	require.NoError(t, err)
	require.Empty(t, work)
	require.GreaterOrEqual(t, tried, 20)
}

func TestGrantsAreSQL(t *testing.T) {
	t.Parallel()
	db := warehousetest.OpenEmpty(t)
	for _, cluster := range []string{"", "prod"} {
		text := warehouse.Grants("shop", []string{"analytics"}, cluster)
		require.Contains(t, text, "SELECT ON `analytics`.* TO tailrace_models")
		for _, statement := range warehouse.SplitStatements(text) {
			var formatted string
			require.NoError(t, db.Get(t.Context(), &formatted, "SELECT formatQuery(?)", statement, warehouse.Admin), statement)
		}
	}
}
