package mixpanel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/connectortest"
	"github.com/tailrace/tailrace/connectors/mixpanel"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model asks the stand-in the kit's questions.
type model struct{ *sandbox.Mixpanel }

func (m model) event(r connectors.Row) (sandbox.MixpanelEvent, bool) {
	for _, e := range m.State().Events {
		if string(e.Properties["$insert_id"]) == string(connectors.Text(r.Key)) {
			return e, true
		}
	}
	return sandbox.MixpanelEvent{}, false
}

func (m model) Holds(_ connectors.Batch, r connectors.Row) bool {
	e, found := m.event(r)
	for name, v := range r.Fields {
		if name != "event" && name != "time" && string(e.Properties[name]) != string(v) {
			return false
		}
	}
	return found
}

func (m model) Field(_ connectors.Batch, r connectors.Row, name string) (string, bool) {
	e, found := m.event(r)
	switch name {
	case "event":
		return string(connectors.Text(e.Event)), found
	case "time":
		return string(r.Fields[name]), string(e.Properties[name]) == "1795503600000"
	}
	v, ok := e.Properties[name]
	return string(v), ok
}

// happen gives rows an event and its time.
func happen(_ testing.TB, _ *connectors.Destination, rows []connectors.Row) []connectors.Row {
	for i := range rows {
		if rows[i].Fields == nil {
			rows[i].Fields = map[string]connectors.Value{}
		}
		rows[i].Fields["event"], rows[i].Fields["time"] = connectors.Text("Order Completed"), connectors.Text("2026-11-24T07:00:00.000Z")
	}
	return rows
}

func harness() connectortest.Harness {
	return connectortest.Harness{
		Connector: mixpanel.Connector,
		Settings: map[string]any{"project_id": "1", "credentials": map[string]any{
			"username": connectors.NewSecret("canary-service-account"), "secret": connectors.NewSecret("canary-secret-4711")}},
		Secrets:  2,
		Standin:  func(o sandbox.Options) connectortest.Model { return model{sandbox.NewMixpanel(o)} },
		Identify: func(email string) map[string]string { return map[string]string{"distinct_id": email} },
		Cases:    []connectortest.Case{{Object: mixpanel.Events, Action: connectors.Append, Changes: "/import", Prepare: happen, RowErrors: true}},
		Stored:   func(v connectors.Value) string { return string(v) },
		Counted:  "num_records_imported",
		BadFiles: "testdata",
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, harness())
}

// open makes a destination on a stand-in.
func open(t *testing.T) (*connectors.Destination, *sandbox.Mixpanel) {
	t.Helper()
	standin := sandbox.NewMixpanel(sandbox.Options{Rate: -1})
	standins := connectors.NewStandins([]connectors.Connector{mixpanel.Connector}, 1)
	standins.Set("mixpanel", standin)
	transport, err := connectors.NewTransport(connectors.TransportOptions{Standins: standins})
	require.NoError(t, err)
	t.Cleanup(transport.Close)
	cfg, problems := connectors.DecodeConfig(mixpanel.Connector, map[string]any{"sandbox": true})
	require.Empty(t, problems)
	d, err := connectors.Open(connectors.Options{Name: "m", Connector: mixpanel.Connector, Config: cfg, Sandbox: true, HTTP: transport,
		Limiter: connectors.NewLocalLimiter(time.Now), Now: time.Now})
	require.NoError(t, err)
	return d, standin
}

// A 400 may be a partial success: the named events are refused, the rest is
// there. What the vendor would refuse anyway isn't sent.
func TestPartialSuccess(t *testing.T) {
	t.Parallel()
	d, standin := open(t)
	row := func(key, id, at string) connectors.Row {
		return connectors.Row{Key: key, IDs: map[string]string{"distinct_id": id}, Fields: map[string]connectors.Value{
			"event": connectors.Text("Order Completed"), "time": connectors.Text(at), "total": connectors.Value("12.50")}}
	}
	now := time.Now().UTC().Format(time.RFC3339)
	long := strings.Repeat("a-long-message-id-", 4)
	o := d.Send(t.Context(), connectors.Batch{Action: connectors.Append, Object: mixpanel.Events, Key: "plan:1", Rows: []connectors.Row{
		row("m1", "u1", now), row("m2", "invalid@x.io", now), row("m3", "Anonymous", now), row("m4", "u1", "1970-05-05T00:00:00Z"), row(long, "u1", now),
	}})
	require.Nil(t, o.Err)
	var got []string
	for _, r := range o.Results {
		got = append(got, r.Status.String()+" "+r.Code)
	}
	require.Equal(t, []string{"accepted ", "rejected invalid_event", "rejected placeholder", "rejected time_range", "accepted "}, got)
	require.Equal(t, "distinct_id", o.Results[1].Field)
	require.Len(t, standin.State().Events, 2)
	for _, e := range standin.State().Events {
		require.LessOrEqual(t, len(e.Properties["$insert_id"]), 38)
		require.Equal(t, "12.50", string(e.Properties["total"]))
	}
}
