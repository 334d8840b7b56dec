package audiences

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// What stands in the place of the view events must stay what the view is, but
// for the profiles that it keeps to. Whoever changes the one changes the other.
func TestAffectedEventsAreTheViewEvents(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	a := New(Options{DB: db})
	sql, err := a.statement("affected_events", map[string]string{"affected": a.table("affected_x")})
	require.NoError(t, err)
	view := strings.NewReplacer(
		"m.profile_id AS profile_id", "if(m.into_profile = toUUID('"+zeroUUID+"'), e.profile_id, m.into_profile) AS profile_id",
		"INNER JOIN "+a.table("affected_x")+" AS m ON e.profile_id = m.id",
		"LEFT ANY JOIN (SELECT from_profile, into_profile FROM "+a.table("identity_merges")+" FINAL) AS m ON e.profile_id = m.from_profile",
	).Replace(regexp.MustCompile(`(?m)^(--|PREWHERE).*$`).ReplaceAllString(sql, ""))
	var want, got string
	ctx := context.Background()
	require.NoError(t, db.Get(ctx, &want, "SELECT formatQuery(as_select) FROM system.tables WHERE database = ? AND name = 'events'", db.Database()))
	require.NoError(t, db.Get(ctx, &got, "SELECT formatQuery(?)", view))
	require.Equal(t, want, got)
}
