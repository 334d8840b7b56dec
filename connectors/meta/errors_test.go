package meta_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/meta"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// open connects to a handler that plays Meta in this process.
func open(t *testing.T, vendor http.Handler, clock func() time.Time) *connectors.Destination {
	t.Helper()
	standins := connectors.NewStandins(nil, 1)
	standins.Set("meta", vendor)
	transport, err := connectors.NewTransport(connectors.TransportOptions{Standins: standins})
	require.NoError(t, err)
	t.Cleanup(transport.Close)
	cfg, bad := connectors.DecodeConfig(meta.Connector, map[string]any{"sandbox": true, "ad_account": "9"})
	require.Empty(t, bad)
	d, err := connectors.Open(connectors.Options{Name: "ads", Connector: meta.Connector, Config: cfg, Sandbox: true, HTTP: transport,
		Limiter: connectors.NewLocalLimiter(clock), Now: clock, RequestsPerSecond: 1e6, MaxWait: time.Millisecond})
	require.NoError(t, err)
	return d
}

func batch(action connectors.Action, target string, emails ...string) connectors.Batch {
	b := connectors.Batch{Action: action, Object: meta.Audience, Target: target, Key: "plan:" + string(action) + strings.Join(emails, "")}
	for _, email := range emails {
		b.Rows = append(b.Rows, connectors.Row{Key: email, IDs: identify(email), Sent: &connectors.Payload{IDs: identify(email)}})
	}
	return b
}

// answers is a vendor that always says the same.
func answers(status int, header http.Header, body any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // a failed write shows as a failed request
	})
}

func TestMetasTableOfErrors(t *testing.T) {
	t.Parallel()
	type e = map[string]any
	usage := http.Header{"X-Business-Use-Case-Usage": {`{"1":[{"type":"ads_management","estimated_time_to_regain_access":3},{"type":"custom_audience","estimated_time_to_regain_access":17}]}`}}
	for name, c := range map[string]struct {
		status int
		error  e
		do     connectors.Do
		scope  connectors.Scope
		wait   time.Duration
	}{
		"app limit":           {400, e{"code": 4}, connectors.Wait, connectors.ScopeAccount, 17 * time.Minute},
		"user limit":          {400, e{"code": 17}, connectors.Wait, connectors.ScopeAccount, 17 * time.Minute},
		"account limit":       {400, e{"code": 80003, "error_subcode": 2446079}, connectors.Wait, connectors.ScopeAccount, 17 * time.Minute},
		"custom limit":        {400, e{"code": 613}, connectors.Wait, connectors.ScopeAccount, 17 * time.Minute},
		"token":               {400, e{"code": 190}, connectors.Stop, connectors.ScopeCredential, 0},
		"right 10":            {403, e{"code": 10}, connectors.Stop, connectors.ScopeCredential, 0},
		"right 200":           {403, e{"code": 200}, connectors.Stop, connectors.ScopeCredential, 0},
		"right 294":           {400, e{"code": 294}, connectors.Stop, connectors.ScopeCredential, 0},
		"terms":               {400, e{"code": 200, "error_user_title": "Custom Audience Terms Not Accepted"}, connectors.Stop, connectors.ScopeAccount, 0},
		"gone":                {400, e{"code": 100, "error_subcode": 33}, connectors.Stop, connectors.ScopeTarget, 0},
		"flagged":             {400, e{"code": 100, "error_subcode": 1713230}, connectors.Stop, connectors.ScopeTarget, 0},
		"other data":          {400, e{"code": 2650}, connectors.Stop, connectors.ScopeTarget, 0},
		"too small":           {400, e{"code": 100, "error_user_msg": "Audience Size too low"}, connectors.Stop, connectors.ScopeBatch, 0},
		"unknown":             {500, e{"code": 1}, connectors.FindOut, connectors.ScopeBatch, 0},
		"away":                {400, e{"code": 2}, connectors.FindOut, connectors.ScopeBatch, 0},
		"transient":           {400, e{"code": 9999, "is_transient": true}, connectors.FindOut, connectors.ScopeBatch, 0},
		"parameter":           {400, e{"code": 100}, connectors.Split, connectors.ScopeBatch, 0},
		"error inside a 200":  {200, e{"code": 190}, connectors.Stop, connectors.ScopeCredential, 0},
		"unknown inside":      {200, e{"code": 1}, connectors.FindOut, connectors.ScopeBatch, 0},
		"not in Meta's table": {500, e{"code": 4711}, connectors.FindOut, connectors.ScopeBatch, 0},
	} {
		d := open(t, answers(c.status, usage, e{"error": c.error}), func() time.Time { return noon })
		o := d.Send(context.Background(), batch(connectors.AddToList, audience, "a@example.com", "b@example.com"))
		require.NotNil(t, o.Err, name)
		require.Equal(t, []any{c.do, c.scope, c.wait}, []any{o.Err.Do, o.Err.Scope, o.Err.Wait}, "%s: %v", name, o.Err)
	}
	d := open(t, answers(400, nil, e{"error": e{"code": 17}}), func() time.Time { return noon })
	require.Equal(t, time.Minute, d.Send(context.Background(), batch(connectors.AddToList, audience, "a@example.com")).Err.Wait, "where Meta says nothing")
}

// Only the counts of an answer are evidence.
func TestCounts(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	for name, c := range map[string]struct {
		answer m
		status connectors.Status
		do     connectors.Do
	}{
		"one lost":     {m{"num_received": 1, "num_invalid_entries": 0}, connectors.Unknown, connectors.FindOut},
		"one too many": {m{"num_received": 3, "num_invalid_entries": 0}, connectors.Unknown, connectors.FindOut},
		"no count":     {m{"audience_id": "1", "session_id": "2"}, connectors.Unknown, connectors.FindOut},
		"half a count": {m{"num_received": 2}, connectors.Unknown, connectors.FindOut},
		"one refused":  {m{"num_received": 2, "num_invalid_entries": 1}, connectors.Unknown, connectors.Split},
	} {
		o := open(t, answers(200, nil, c.answer), time.Now).Send(context.Background(), batch(connectors.AddToList, audience, "a@example.com", "b@example.com"))
		require.NotNil(t, o.Err, name)
		require.Equal(t, c.do, o.Err.Do, name)
		require.Equal(t, []connectors.Status{c.status, c.status}, []connectors.Status{o.Results[0].Status, o.Results[1].Status}, name)
	}
	o := open(t, answers(200, nil, m{"num_received": 2, "num_invalid_entries": 2}), time.Now).
		Send(context.Background(), batch(connectors.AddToList, audience, "a@example.com", "b@example.com"))
	require.Nil(t, o.Err, "as many as there are rows: no search is needed")
	require.Equal(t, connectors.Rejected, o.Results[0].Status)
	require.Equal(t, connectors.CodeUnnamed, o.Results[1].Code)
}

// A removal that Meta refuses, since too few would stay, changes nothing and
// refuses nothing else: additions go on, and then it may be taken.
func TestRefusedRemovalOfASmallAudience(t *testing.T) {
	t.Parallel()
	standin := sandbox.NewMeta(sandbox.Options{Rate: -1, SmallAudience: 2})
	d := open(t, standin, time.Now)
	require.Nil(t, d.Send(context.Background(), batch(connectors.AddToList, audience, "a@example.com", "b@example.com", "c@example.com")).Err)
	require.Nil(t, d.Send(context.Background(), batch(connectors.RemoveFromList, audience, "a@example.com")).Err)
	o := d.Send(context.Background(), batch(connectors.RemoveFromList, audience, "b@example.com"))
	require.NotNil(t, o.Err)
	require.Equal(t, []any{connectors.Stop, connectors.ScopeBatch, connectors.Deferred, "audience_too_small"},
		[]any{o.Err.Do, o.Err.Scope, o.Results[0].Status, o.Results[0].Code})
	require.Contains(t, o.Results[0].Words, "Audience Size too low")
	require.Contains(t, o.Results[0].Words, "The next run tries again")
	require.Len(t, standin.State().Audiences[audience], 2)
	require.Nil(t, d.Send(context.Background(), batch(connectors.AddToList, audience, "d@example.com")).Err, "the audience isn't stopped")
	require.Nil(t, d.Send(context.Background(), batch(connectors.RemoveFromList, audience, "b@example.com")).Err, "enough people stay now")
	require.Nil(t, d.Send(context.Background(), batch(connectors.RemoveFromList, audience, "nobody@example.com")).Err, "nobody leaves")
}

// Meta throttles with status 400; the wait is its own.
func TestThrottlingOfTheStandin(t *testing.T) {
	t.Parallel()
	now := noon
	standin := sandbox.NewMeta(sandbox.Options{Rate: 2, Now: func() time.Time { return now }})
	d := open(t, standin, func() time.Time { return now })
	for _, email := range []string{"a@example.com", "b@example.com"} {
		require.Nil(t, d.Send(context.Background(), batch(connectors.AddToList, audience, email)).Err)
	}
	now = now.Add(20 * time.Minute)
	o := d.Send(context.Background(), batch(connectors.AddToList, audience, "c@example.com"))
	require.NotNil(t, o.Err)
	require.Equal(t, []any{connectors.Wait, "80003/2446079", 40 * time.Minute}, []any{o.Err.Do, o.Err.Code, o.Err.Wait})
	now = now.Add(39 * time.Minute)
	o = d.Send(context.Background(), batch(connectors.AddToList, audience, "c@example.com"))
	require.Equal(t, "budget", o.Err.Code, "other syncs of the credential wait too")
	now = now.Add(2 * time.Minute)
	require.Nil(t, d.Send(context.Background(), batch(connectors.AddToList, audience, "c@example.com")).Err)
}

func TestTestCountAndLook(t *testing.T) {
	t.Parallel()
	now := noon
	standin := sandbox.NewMeta(sandbox.Options{Rate: -1, Now: func() time.Time { return now }})
	d := open(t, standin, func() time.Time { return now })
	account, err := d.Test(context.Background())
	require.NoError(t, err)
	require.Equal(t, connectors.Account{Fingerprint: "meta:act_9", Name: "standin_act_9", Standin: true}, account)

	b := batch(connectors.AddToList, audience, "a@example.com", "b@example.com")
	found, err := d.Look(context.Background(), b)
	require.NoError(t, err)
	require.Equal(t, connectors.PresenceUnknown, found[0].Presence)
	require.Nil(t, d.Send(context.Background(), b).Err)
	found, err = d.Look(context.Background(), b)
	require.NoError(t, err)
	require.Equal(t, []connectors.Found{{Presence: connectors.Present}, {Presence: connectors.Present}}, found)
	unnamed := batch(connectors.AddToList, audience, "unnamed@example.com", "c@example.com")
	require.NotNil(t, d.Send(context.Background(), unnamed).Err)
	found, err = d.Look(context.Background(), unnamed)
	require.NoError(t, err)
	require.Equal(t, connectors.PresenceUnknown, found[1].Presence, "a session with refused entries proves nothing about a row")

	n, err := d.Count(context.Background(), meta.Audience, audience)
	require.NoError(t, err)
	require.False(t, n.Exact)
	_, err = d.Count(context.Background(), meta.Audience, "standin_flagged")
	var stop *connectors.CallError
	require.ErrorAs(t, err, &stop)
	require.Equal(t, "471", stop.Code)
}
