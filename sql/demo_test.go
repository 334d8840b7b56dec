package sql_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/sql"
)

// writeDemo writes the shop project as tailrace init does.
func writeDemo(t *testing.T) string {
	t.Helper()
	shop, err := sql.ExampleNamed("shop")
	require.NoError(t, err)
	files, err := shop.Files()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, files))
	return dir
}

func TestTheShopProjectHasNothingToSay(t *testing.T) {
	t.Parallel()
	p, out := project.Load(writeDemo(t), func(string) (string, bool) { return "", false })
	require.Empty(t, out.String())
	require.Len(t, p.Syncs, 9)
	require.True(t, p.Destination("hubspot").Sandbox)
	require.Empty(t, p.Destination("webhook").Credentials)
	onboarding := p.Audience("activated_not_converted").Header
	require.InDelta(t, 10, float64(onboarding.Experiment.Holdout), 1e-9)
	require.Equal(t, onboarding.Priority.Group, p.Audience("cart_abandoners").Header.Priority.Group)
}
