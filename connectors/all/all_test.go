package all_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/all"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, name string, standins *connectors.Standins) *connectors.Destination {
	t.Helper()
	transport, err := connectors.NewTransport(connectors.TransportOptions{Standins: standins})
	require.NoError(t, err)
	t.Cleanup(transport.Close)
	c, ok := all.ByName(name)
	require.True(t, ok)
	cfg, problems := connectors.DecodeConfig(c, map[string]any{"connector": name, "sandbox": true})
	require.Empty(t, problems)
	d, err := connectors.Open(connectors.Options{
		Name: name, Connector: c, Config: cfg, Sandbox: true, HTTP: transport,
		Limiter: connectors.NewLocalLimiter(time.Now), Now: time.Now,
	})
	require.NoError(t, err)
	return d
}

// A sandboxed destination is served in this process: the guard has no hole
// for it, the outcome and the account say that it is a stand-in.
func TestSandboxedDestinations(t *testing.T) {
	t.Parallel()
	standins := connectors.NewStandins(all.All, 7)
	rows := []connectors.Row{
		{Key: "p1", IDs: map[string]string{"email": "ada@example.com"}, Fields: map[string]connectors.Value{"plan": connectors.Text("pro")}},
		{Key: "p2", IDs: map[string]string{"email": "invalid@example.com"}},
	}
	for _, name := range []string{"webhook", "hubspot"} {
		d := open(t, name, standins)
		o := d.Send(context.Background(), connectors.Batch{
			Action: connectors.Upsert, Object: "contacts", Key: "plan:1", Sync: "vip", At: time.Now(), Rows: rows,
		})
		require.Nil(t, o.Err, name)
		require.True(t, o.Standin)
		require.Equal(t, connectors.Accepted, o.Results[0].Status, name)
		require.Equal(t, connectors.Rejected, o.Results[1].Status, name)
		require.NotContains(t, o.Results[1].Words, "@")
		require.Len(t, o.Exchanges, 1)
		require.NotEmpty(t, o.Exchanges[0].Standin)
	}
	state := standins.Handler("hubspot").(*sandbox.HubSpot).State()
	require.Len(t, state.Contacts, 1)
	require.Equal(t, "pro", state.Contacts[0].Properties["plan"])

	account, err := open(t, "hubspot", standins).Test(context.Background())
	require.NoError(t, err)
	require.True(t, account.Standin)
	require.Equal(t, "hubspot:standin_7", account.Fingerprint)
}
