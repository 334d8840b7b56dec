package mailchimp_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/mailchimp"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

func sandboxed(t *testing.T, h http.Handler, settings map[string]any) *connectors.Destination {
	t.Helper()
	standins := connectors.NewStandins(nil, 1)
	standins.Set("mailchimp", h)
	transport, err := connectors.NewTransport(connectors.TransportOptions{Standins: standins})
	require.NoError(t, err)
	raw := map[string]any{"sandbox": true, "audience_id": audience}
	for k, v := range settings {
		raw[k] = v
	}
	cfg, problems := connectors.DecodeConfig(mailchimp.Connector, raw)
	require.Empty(t, problems)
	d, err := connectors.Open(connectors.Options{
		Name: "mailchimp", Connector: mailchimp.Connector, Config: cfg, Sandbox: true, HTTP: transport,
		Limiter: connectors.NewLocalLimiter(time.Now), Now: time.Now, RequestsPerSecond: 1e6,
	})
	require.NoError(t, err)
	return d
}

func send(d *connectors.Destination, object, target string, a connectors.Action, rows ...connectors.Row) connectors.Outcome {
	return d.Send(context.Background(), connectors.Batch{Action: a, Object: object, Target: target, Key: "plan:1", Rows: rows})
}

// No object but subscribers changes a subscription status, whatever it was.
func TestStatusIsTheirs(t *testing.T) {
	t.Parallel()
	s := sandbox.NewMailchimp(sandbox.Options{Rate: -1})
	d := sandboxed(t, s, nil)
	ada := row("Ada@example.com")
	ada.Fields = map[string]connectors.Value{"FNAME": connectors.Text("Ada")}
	status := func() string {
		m, ok := s.Member(audience, "ada@example.com")
		require.True(t, ok)
		return m.Status
	}
	accepted := func(o connectors.Outcome) {
		t.Helper()
		require.Nil(t, o.Err)
		require.Equal(t, connectors.Accepted, o.Results[0].Status, o.Results[0].Words)
	}
	accepted(send(d, mailchimp.Members, "", connectors.Upsert, ada))
	require.Equal(t, "transactional", status(), "a new contact is not subscribed")
	accepted(send(d, mailchimp.Subscribers, "", connectors.AddToList, ada))
	require.Equal(t, "subscribed", status())
	everything := func() {
		t.Helper()
		accepted(send(d, mailchimp.Members, "", connectors.Upsert, ada))
		accepted(send(d, mailchimp.Members, "", connectors.Update, ada))
		for _, a := range []connectors.Action{connectors.AddToList, connectors.RemoveFromList} {
			accepted(send(d, mailchimp.Tag, "vip", a, ada))
			accepted(send(d, mailchimp.Segment, "77", a, ada))
		}
	}
	everything()
	require.Equal(t, "subscribed", status())
	s.Unsubscribe(audience, "ada@example.com")
	everything()
	require.Equal(t, "unsubscribed", status())
	require.Zero(t, s.State().Counts["automations started"]-2, "two segments, and no tag, start automations")

	// Who unsubscribed can't be subscribed by us, and is told as such.
	o := send(d, mailchimp.Subscribers, "", connectors.AddToList, ada)
	require.Equal(t, connectors.Rejected, o.Results[0].Status)
	require.Contains(t, o.Results[0].Words, "compliance state")
	require.Equal(t, "unsubscribed", status())

	asked := sandboxed(t, s, map[string]any{"new_members": "pending", "tag_automations": true})
	accepted(send(asked, mailchimp.Members, "", connectors.Upsert, row("new@example.com")))
	accepted(send(asked, mailchimp.Tag, "vip", connectors.AddToList, row("new@example.com")))
	require.Equal(t, 1, s.State().Counts["confirmation mails sent"])
	require.Equal(t, 3, s.State().Counts["automations started"])
}

// What Mailchimp passes over in silence is not taken for success.
func TestSilenceIsNoSuccess(t *testing.T) {
	t.Parallel()
	s := sandbox.NewMailchimp(sandbox.Options{Rate: -1})
	d := sandboxed(t, s, nil)
	result := func(o connectors.Outcome) connectors.Result {
		t.Helper()
		require.Nil(t, o.Err)
		return o.Results[0]
	}
	unknown := row("ada@example.com")
	unknown.Fields = map[string]connectors.Value{"MISSING1": connectors.Text("x")}
	r := result(send(d, mailchimp.Members, "", connectors.Upsert, unknown))
	require.Equal(t, connectors.Rejected, r.Status)
	require.Equal(t, "no_such_merge_field", r.Code)
	require.Equal(t, "MISSING1", r.Field)

	ada := row("ada@example.com")
	require.Equal(t, connectors.Accepted, result(send(d, mailchimp.Members, "", connectors.Delete, ada)).Status)
	require.Equal(t, connectors.Accepted, result(send(d, mailchimp.Members, "", connectors.Delete, ada)).Status, "405 of the archived")
	require.Equal(t, "archived", result(send(d, mailchimp.Members, "", connectors.Upsert, ada)).Code)
	require.Equal(t, connectors.CodeAbsent, result(send(d, mailchimp.Segment, "77", connectors.AddToList, ada)).Code)
	require.Equal(t, connectors.CodeAbsent, result(send(d, mailchimp.Members, "", connectors.Update, row("nobody@example.com"))).Code)
	require.Equal(t, connectors.CodeAbsent, result(send(d, mailchimp.Tag, "vip", connectors.AddToList, row("nobody@example.com"))).Code)
	require.Equal(t, connectors.Accepted, result(send(d, mailchimp.Tag, "vip", connectors.RemoveFromList, row("nobody@example.com"))).Status)

	// Erased for good: nobody can import the address again.
	o := d.Send(context.Background(), connectors.Batch{Action: connectors.Delete, Object: mailchimp.Members, Key: "p", Erase: true, Rows: []connectors.Row{ada}})
	require.Equal(t, connectors.Accepted, result(o).Status)
	require.Equal(t, "forgotten_email_not_subscribed", result(send(d, mailchimp.Members, "", connectors.Upsert, ada)).Code)

	s.Require("COMPANY")
	r = result(send(d, mailchimp.Members, "", connectors.Upsert, row("bob@example.com")))
	require.Equal(t, "COMPANY", r.Field)
	lenient := sandboxed(t, s, map[string]any{"skip_merge_validation": true})
	require.Equal(t, connectors.Accepted, result(send(lenient, mailchimp.Members, "", connectors.Upsert, row("bob@example.com"))).Status)
}

// The vendor may leave a status as it was in an answer that looks like success.
func TestStatusIsReadFromTheAnswer(t *testing.T) {
	t.Parallel()
	d := sandboxed(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := fmt.Fprint(w, `{"new_members":[],"updated_members":[{"id":"1","email_address":"ada@example.com","status":"unsubscribed"}],"errors":[],"error_count":0}`)
		require.NoError(t, err)
	}), nil)
	o := send(d, mailchimp.Subscribers, "", connectors.AddToList, row("ada@example.com"))
	require.Equal(t, connectors.Rejected, o.Results[0].Status)
	require.Equal(t, "status_unsubscribed", o.Results[0].Code)
	require.Equal(t, connectors.Accepted, send(d, mailchimp.Subscribers, "", connectors.RemoveFromList, row("ada@example.com")).Results[0].Status)
}

// A bare 403 is a limit, one with words isn't; eleven at once are too many.
func TestLimits(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]connectors.Do{"": connectors.Wait, "<html>": connectors.Wait, `{"title":"Forbidden"}`: connectors.Stop} {
		d := sandboxed(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, err := fmt.Fprint(w, body)
			require.NoError(t, err)
		}), nil)
		o := send(d, mailchimp.Members, "", connectors.Upsert, row("ada@example.com"))
		require.NotNil(t, o.Err)
		require.Equal(t, want, o.Err.Do, body)
		require.Equal(t, want == connectors.Wait, !o.NotBefore.IsZero())
	}
	budget := mailchimp.Connector.Budget[0]
	require.Less(t, budget.Concurrency, 10, "others use the key too")
}

// Contacts are listed over pages and counted whatever their status; merge
// fields and segments are described.
func TestListCountDescribe(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := sandbox.NewMailchimp(sandbox.Options{Rate: -1})
	d := sandboxed(t, s, nil)
	var rows []connectors.Row
	for i := range 1010 {
		rows = append(rows, connectors.Row{Key: fmt.Sprint(i), IDs: map[string]string{"email": fmt.Sprintf("p%d@example.com", i)}})
	}
	exist(t, d, rows)
	require.Equal(t, connectors.Accepted, send(d, mailchimp.Members, "", connectors.Upsert, row("quiet@example.com")).Results[0].Status)
	for object, want := range map[string]int{mailchimp.Members: 1011, mailchimp.Subscribers: 1010} {
		n := 0
		require.NoError(t, d.List(ctx, object, "", func(connectors.Member) error { n++; return nil }))
		require.Equal(t, want, n, object)
		counted, err := d.Count(ctx, object, "")
		require.NoError(t, err)
		require.EqualValues(t, want, counted.N, object)
	}
	require.Equal(t, connectors.Accepted, send(d, mailchimp.Segment, "77", connectors.AddToList, row("quiet@example.com")).Results[0].Status)
	counted, err := d.Count(ctx, mailchimp.Segment, "77")
	require.NoError(t, err)
	require.EqualValues(t, 1, counted.N, "contacts that get no campaigns are members too")
	_, err = d.Count(ctx, mailchimp.Tag, "vip")
	require.ErrorIs(t, err, connectors.ErrUnsupported)
	described, err := d.Describe(ctx)
	require.NoError(t, err)
	require.Contains(t, described[0].Fields, "FNAME")
	require.Equal(t, map[string]string{"77": "Stand-in 77"}, described[3].Targets)
	account, err := d.Test(ctx)
	require.NoError(t, err)
	require.Equal(t, "mailchimp:"+audience, account.Fingerprint)
	require.True(t, account.Standin)
}
