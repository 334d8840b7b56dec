package hubspot_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/hubspot"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

func sandboxed(t *testing.T, h http.Handler) *connectors.Destination {
	t.Helper()
	standins := connectors.NewStandins(nil, 1)
	standins.Set("hubspot", h)
	transport, err := connectors.NewTransport(connectors.TransportOptions{Standins: standins})
	require.NoError(t, err)
	cfg, problems := connectors.DecodeConfig(hubspot.Connector, map[string]any{"sandbox": true})
	require.Empty(t, problems)
	d, err := connectors.Open(connectors.Options{
		Name: "hubspot", Connector: hubspot.Connector, Config: cfg, Sandbox: true, HTTP: transport,
		Limiter: connectors.NewLocalLimiter(time.Now), Now: time.Now, RequestsPerSecond: 1e6,
	})
	require.NoError(t, err)
	return d
}

// A contact is erased by its record id, an archived one too; who isn't known is never named to HubSpot, which would block
// the address.
func TestErase(t *testing.T) {
	t.Parallel()
	s := sandbox.NewHubSpot(sandbox.Options{Rate: -1})
	d := sandboxed(t, s)
	rows := exist(t, d, []connectors.Row{row("k1", "ada@example.com"), row("k2", "bob@example.com"), row("k3", "eve@example.com")})
	send := func(erase bool, r connectors.Row) connectors.Result {
		t.Helper()
		o := d.Send(context.Background(), connectors.Batch{Action: connectors.Delete, Object: hubspot.Contacts, Key: "p", Erase: erase, Rows: []connectors.Row{r}})
		require.Nil(t, o.Err)
		return o.Results[0]
	}
	require.Equal(t, connectors.Accepted, send(true, rows[0]).Status)
	again := send(true, rows[0])
	require.Equal(t, connectors.Accepted, again.Status)
	require.Equal(t, "was not there", again.Words)
	unacknowledged := rows[1]
	unacknowledged.Ref = ""
	require.Equal(t, connectors.Accepted, send(true, unacknowledged).Status)
	require.Equal(t, connectors.Accepted, send(false, rows[2]).Status)
	require.Equal(t, connectors.Accepted, send(true, rows[2]).Status, "also out of the recycling bin")
	require.Equal(t, connectors.Accepted, send(true, row("k4", "nobody@example.com")).Status)
	state := s.State()
	require.Empty(t, state.Contacts)
	require.Empty(t, state.Blocked)
	require.Equal(t, 3, state.Counts["erase"])
}

// Members are listed over pages, counted, and the account is named.
func TestListCountTest(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := sandboxed(t, sandbox.NewHubSpot(sandbox.Options{Rate: -1}))
	var rows []connectors.Row
	for i := range 600 {
		rows = append(rows, connectors.Row{Key: fmt.Sprint(i), IDs: map[string]string{"email": fmt.Sprintf("p%d@example.com", i)}})
	}
	rows = members(t, d, rows)
	seen := map[string]bool{}
	require.NoError(t, d.List(ctx, hubspot.List, list, func(m connectors.Member) error {
		seen[m.Ref] = true
		return nil
	}))
	require.Len(t, seen, 600)
	require.True(t, seen[rows[599].Ref])
	n, err := d.Count(ctx, hubspot.List, list)
	require.NoError(t, err)
	require.EqualValues(t, 600, n.N)
	require.False(t, n.Exact)
	stop := errors.New("enough")
	require.ErrorIs(t, d.List(ctx, hubspot.List, list, func(connectors.Member) error { return stop }), stop)
	_, err = d.Count(ctx, hubspot.List, "404")
	var c *connectors.CallError
	require.ErrorAs(t, err, &c)
	require.Equal(t, connectors.ScopeTarget, c.Scope)
	_, err = d.Describe(ctx)
	require.ErrorIs(t, err, connectors.ErrUnsupported)
	a, err := d.Test(ctx)
	require.NoError(t, err)
	require.True(t, a.Standin)
}

func TestExpiredToken(t *testing.T) {
	t.Parallel()
	d := sandboxed(t, sandbox.NewHubSpot(sandbox.Options{Token: "another"}))
	_, err := d.Test(context.Background())
	var c *connectors.CallError
	require.ErrorAs(t, err, &c)
	require.Equal(t, connectors.Stop, c.Do)
	require.Equal(t, connectors.ScopeCredential, c.Scope)
}
