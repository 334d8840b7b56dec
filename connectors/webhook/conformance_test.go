package webhook_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/connectortest"
	"github.com/tailrace/tailrace/connectors/sandbox"
	"github.com/tailrace/tailrace/connectors/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const previous = "whsec_dGhlIHByZXZpb3VzIHNlY3JldCBvZiB0aGUga2l0IQ=="

// model asks the stand-in the kit's questions.
type model struct{ *sandbox.Webhook }

func (m model) item(b connectors.Batch, r connectors.Row) (sandbox.WebhookItem, bool) {
	s := m.State()
	items := s.Records[b.Object]
	switch b.Action {
	case connectors.Append:
		items = s.Events
	case connectors.AddToList, connectors.RemoveFromList:
		items = s.Members[b.Sync]
	}
	for _, i := range items {
		if i.Key == r.Key {
			return i, true
		}
	}
	return sandbox.WebhookItem{}, false
}

func (m model) Holds(b connectors.Batch, r connectors.Row) bool {
	i, found := m.item(b, r)
	if b.Action.Removes() {
		return !found
	}
	for name, v := range r.Fields {
		if string(i.Fields[name]) != string(v) {
			return false
		}
	}
	return found
}

func (m model) Field(b connectors.Batch, r connectors.Row, name string) (string, bool) {
	i, _ := m.item(b, r)
	v, ok := i.Fields[name]
	return string(v), ok
}

// there makes the receiver hold what the action removes.
func there(a connectors.Action, object string) func(testing.TB, *connectors.Destination, []connectors.Row) []connectors.Row {
	return func(t testing.TB, d *connectors.Destination, rows []connectors.Row) []connectors.Row {
		t.Helper()
		out := append([]connectors.Row{}, rows...)
		for from := 0; from < len(rows); from += 100 {
			b := connectors.Batch{Action: a, Object: object, Sync: "kit", Key: "prepare:" + rows[from].Key, At: time.Now()}
			for _, r := range rows[from:min(from+100, len(rows))] {
				b.Rows = append(b.Rows, connectors.Row{Key: r.Key, IDs: map[string]string{"id": r.Key}})
			}
			o := d.Send(t.Context(), b)
			if o.Err != nil {
				t.Fatalf("preparing: %v", o.Err)
			}
		}
		for i := range out {
			out[i].Sent = &connectors.Payload{IDs: out[i].IDs}
		}
		return out
	}
}

func harness() connectortest.Harness {
	simple := func(a connectors.Action) connectortest.Case {
		return connectortest.Case{Object: "people", Action: a, Changes: "/", RowErrors: true, EmptyAccepts: true}
	}
	deleting := simple(connectors.Delete)
	deleting.Prepare = there(connectors.Upsert, "people")
	removing := simple(connectors.RemoveFromList)
	removing.Prepare = there(connectors.AddToList, "people")
	return connectortest.Harness{
		Connector: webhook.Connector,
		Settings: map[string]any{"credentials": map[string]any{
			"secret": connectors.NewSecret(sandbox.WebhookSecret), "previous_secret": connectors.NewSecret(previous),
		}},
		Secrets: 2,
		Standin: func(o sandbox.Options) connectortest.Model { return model{sandbox.NewWebhook(o)} },
		Cases: []connectortest.Case{
			simple(connectors.Upsert), simple(connectors.Append), simple(connectors.AddToList), deleting, removing,
		},
		Stored:   func(v connectors.Value) string { return string(v) },
		BadFiles: "testdata",
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, harness())
}
