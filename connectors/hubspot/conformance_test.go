package hubspot_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/connectortest"
	"github.com/tailrace/tailrace/connectors/hubspot"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const list = "standin_kit"

// model asks the stand-in the kit's questions.
type model struct{ *sandbox.HubSpot }

func (m model) contact(b connectors.Batch, r connectors.Row) (sandbox.HubSpotContact, bool) {
	ids := r.Identity(b.Action)
	for _, c := range m.State().Contacts {
		if (r.Ref != "" && c.ID == r.Ref) || (ids["email"] != "" && c.Properties["email"] == strings.ToLower(ids["email"])) {
			return c, true
		}
	}
	return sandbox.HubSpotContact{}, false
}

func (m model) Holds(b connectors.Batch, r connectors.Row) bool {
	c, found := m.contact(b, r)
	switch b.Action {
	case connectors.Delete:
		return !found
	case connectors.AddToList, connectors.RemoveFromList:
		in := false
		for _, id := range m.State().Lists[b.Target] {
			in = in || id == c.ID
		}
		return found && in == (b.Action == connectors.AddToList)
	}
	for name, v := range r.Fields {
		if c.Properties[name] != stored(v) {
			return false
		}
	}
	return found
}

func (m model) Field(b connectors.Batch, r connectors.Row, name string) (string, bool) {
	c, _ := m.contact(b, r)
	v, ok := c.Properties[name]
	return v, ok
}

func stored(v connectors.Value) string {
	if v.Kind() == connectors.KindArray {
		items, err := v.Items()
		if err != nil {
			return ""
		}
		var texts []string
		for _, i := range items {
			texts = append(texts, i.Text())
		}
		return strings.Join(texts, ";")
	}
	return v.Text()
}

// exist makes the contacts exist, with other values than the rows will write.
func exist(t testing.TB, d *connectors.Destination, rows []connectors.Row) []connectors.Row {
	t.Helper()
	return write(t, d, rows, connectors.Batch{Action: connectors.Upsert, Object: hubspot.Contacts}, 100)
}

// members makes them members of the list.
func members(t testing.TB, d *connectors.Destination, rows []connectors.Row) []connectors.Row {
	t.Helper()
	return write(t, d, exist(t, d, rows), connectors.Batch{Action: connectors.AddToList, Object: hubspot.List, Target: list}, 1000)
}

func write(t testing.TB, d *connectors.Destination, rows []connectors.Row, b connectors.Batch, limit int) []connectors.Row {
	t.Helper()
	out := append([]connectors.Row{}, rows...)
	for from := 0; from < len(rows); from += limit {
		b.Rows = nil
		for _, r := range rows[from:min(from+limit, len(rows))] {
			// Rows that misbehave can't be prepared; their contact exists by
			// another property.
			ids := r.IDs
			if strings.Contains(ids["email"], "+") {
				ids = map[string]string{"shop_id": r.Key}
			}
			b.Rows = append(b.Rows, connectors.Row{Key: r.Key, IDs: ids, Ref: r.Ref})
		}
		o := d.Send(context.Background(), b)
		require.Nil(t, o.Err)
		for i, res := range o.Results {
			require.Equal(t, connectors.Accepted, res.Status)
			out[from+i].Ref = res.Ref
			out[from+i].Sent = &connectors.Payload{IDs: b.Rows[i].IDs}
		}
	}
	return out
}

func dropList(m connectortest.Model, target string) { m.(model).DropList(target) }

func row(key, email string) connectors.Row {
	return connectors.Row{Key: key, IDs: map[string]string{"email": email}, Fields: map[string]connectors.Value{"firstname": connectors.Text("Ada")}}
}

func harness() connectortest.Harness {
	return connectortest.Harness{
		Connector: hubspot.Connector,
		Settings:  map[string]any{"credentials": map[string]any{"access_token": connectors.NewSecret("canary-access-token-4711")}},
		Secrets:   1,
		Standin:   func(o sandbox.Options) connectortest.Model { return model{sandbox.NewHubSpot(o)} },
		Cases: []connectortest.Case{
			{Object: hubspot.Contacts, Action: connectors.Upsert, Changes: "/batch/upsert", RowErrors: true},
			{Object: hubspot.Contacts, Action: connectors.Update, Changes: "/batch/update", RowErrors: true, Prepare: exist},
			{Object: hubspot.Contacts, Action: connectors.Create, Changes: "/batch/create", RowErrors: true},
			{Object: hubspot.Contacts, Action: connectors.Delete, Changes: "/batch/archive", Reads: "/batch/read", Prepare: exist},
			{Object: hubspot.Contacts, Action: connectors.Delete, Erase: true, Changes: "/gdpr-delete", Reads: "/batch/read", Prepare: exist},
			{Object: hubspot.List, Target: list, Action: connectors.AddToList, Changes: "/memberships/", Reads: "/batch/read", Prepare: exist, DropTarget: dropList},
			{Object: hubspot.List, Target: list, Action: connectors.RemoveFromList, Changes: "/memberships/", Reads: "/batch/read", Prepare: members, DropTarget: dropList},
		},
		Spec: "hubspot/crm-contacts-lists-v3.openapi.json",
		SpecExceptions: map[string]string{
			"GET /account-info/v3/details":                     "the file describes contacts and lists only",
			"POST /crm/v3/objects/contacts/gdpr-delete":        "the file lacks erasing, which the vendor's pages describe",
			"POST /prefix/crm/v3/objects/contacts/gdpr-delete": "the same below a base_url with a path",
		},
		Golden: []connectortest.Golden{
			{Entry: 0, Batch: connectors.Batch{Action: connectors.Upsert, Object: hubspot.Contacts, Rows: []connectors.Row{row("k1", "ada@example.com")}},
				Reason: "errors name a row only by a trace id that we sent",
				Differ: func(body map[string]any) {
					body["inputs"].([]any)[0].(map[string]any)["objectWriteTraceId"] = "k1"
				}},
			{Entry: 1, Batch: connectors.Batch{Action: connectors.AddToList, Object: hubspot.List, Target: "12", Rows: []connectors.Row{{Key: "k1", Ref: "101"}}},
				Reason: "adds and removes of a sync are batches of their own",
				Differ: func(body map[string]any) { body["recordIdsToRemove"] = []any{} }},
			{Entry: 1, Batch: connectors.Batch{Action: connectors.RemoveFromList, Object: hubspot.List, Target: "12", Rows: []connectors.Row{{Key: "k2", Ref: "102"}}},
				Reason: "adds and removes of a sync are batches of their own",
				Differ: func(body map[string]any) { body["recordIdsToAdd"] = []any{} }},
			{Entry: 4, Batch: connectors.Batch{Action: connectors.Delete, Object: hubspot.Contacts, Rows: []connectors.Row{{Key: "k1", Ref: "101"}}}},
		},
		Stored:   stored,
		BadFiles: "testdata",
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, harness())
}
