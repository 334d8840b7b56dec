package mailchimp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/connectortest"
	"github.com/tailrace/tailrace/connectors/mailchimp"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	audience = "LIST1" // as in the recorded requests
	segment  = "77"
	tag      = "vip"
)

// model asks the stand-in the kit's questions.
type model struct{ *sandbox.Mailchimp }

func (m model) member(b connectors.Batch, r connectors.Row) (sandbox.MailchimpMember, bool) {
	x, ok := m.Member(audience, r.Identity(b.Action)["email"])
	return x, ok && x.Status != "archived"
}

func (m model) Holds(b connectors.Batch, r connectors.Row) bool {
	x, found := m.member(b, r)
	removes := b.Action.Removes()
	switch b.Object {
	case mailchimp.Tag:
		return found && has(x.Tags, b.Target) != removes
	case mailchimp.Segment:
		return found && m.InSegment(audience, b.Target, x.Email) != removes
	case mailchimp.Subscribers:
		if removes || x.Status != "subscribed" {
			return removes && x.Status != "subscribed"
		}
	case mailchimp.Members:
		if removes {
			return !found
		}
	}
	for name, v := range r.Fields {
		if got, _ := m.Field(b, r, name); got != stored(v) {
			return false
		}
	}
	return found
}

func has(tags []string, tag string) bool {
	for _, t := range tags {
		if t == tag {
			return true
		}
	}
	return false
}

func (m model) Field(b connectors.Batch, r connectors.Row, name string) (string, bool) {
	x, _ := m.member(b, r)
	v, ok := x.MergeFields[name]
	return connectors.Value(bytes.TrimSpace(v)).Text(), ok
}

func stored(v connectors.Value) string {
	var items []string
	if v.Kind() == connectors.KindArray && json.Unmarshal(v, &items) == nil {
		return strings.Join(items, ", ")
	}
	return v.Text()
}

// exist makes the audience have the contacts, subscribed, with other values
// than the rows will write.
func exist(t testing.TB, d *connectors.Destination, rows []connectors.Row) []connectors.Row {
	t.Helper()
	return write(t, d, rows, connectors.Batch{Action: connectors.AddToList, Object: mailchimp.Subscribers}, 500)
}

func tagged(t testing.TB, d *connectors.Destination, rows []connectors.Row) []connectors.Row {
	t.Helper()
	return write(t, d, exist(t, d, rows), connectors.Batch{Action: connectors.AddToList, Object: mailchimp.Tag, Target: tag}, 1)
}

func inSegment(t testing.TB, d *connectors.Destination, rows []connectors.Row) []connectors.Row {
	t.Helper()
	return write(t, d, exist(t, d, rows), connectors.Batch{Action: connectors.AddToList, Object: mailchimp.Segment, Target: segment}, 500)
}

func write(t testing.TB, d *connectors.Destination, rows []connectors.Row, b connectors.Batch, limit int) []connectors.Row {
	t.Helper()
	out := append([]connectors.Row{}, rows...)
	for from := 0; from < len(rows); from += limit {
		b.Rows = nil
		for _, r := range rows[from:min(from+limit, len(rows))] {
			b.Rows = append(b.Rows, connectors.Row{Key: r.Key, IDs: r.IDs, Ref: r.Ref})
		}
		o := d.Send(context.Background(), b)
		require.Nil(t, o.Err)
		for i, res := range o.Results {
			require.Equal(t, connectors.Accepted, res.Status, res.Words)
			out[from+i].Ref = res.Ref
			out[from+i].Sent = &connectors.Payload{IDs: b.Rows[i].IDs}
		}
	}
	return out
}

func dropSegment(m connectortest.Model, target string) { m.(model).Drop(audience, target) }

func dropAudience(m connectortest.Model, _ string) { m.(model).Drop(audience, "") }

func row(email string) connectors.Row {
	return connectors.Row{Key: "k1", IDs: map[string]string{"email": email}}
}

func harness() connectortest.Harness {
	ada := row("ada@example.com")
	// The recorded paths hold another hash than the MD5 of ada@example.com.
	hashed := func(r *connectortest.Recorded) {
		r.Path = strings.Replace(r.Path, "2a539d6520266b56c3b0c525b9e6128a", "3e3417d7ef77d5932a6734b916515ed5", 1)
	}
	named := ada
	named.Fields = map[string]connectors.Value{"FNAME": connectors.Text("Ada")}
	return connectortest.Harness{
		Connector: mailchimp.Connector,
		Settings: map[string]any{
			"audience_id": audience,
			"credentials": map[string]any{"api_key": connectors.NewSecret("canary-api-key-4711-us1")},
		},
		Secrets: 1,
		Standin: func(o sandbox.Options) connectortest.Model { return model{sandbox.NewMailchimp(o)} },
		Cases: []connectortest.Case{
			{Object: mailchimp.Subscribers, Action: connectors.Upsert, Changes: "/lists/" + audience, RowErrors: true, DropTarget: dropAudience},
			{Object: mailchimp.Subscribers, Action: connectors.AddToList, Changes: "/lists/" + audience, RowErrors: true},
			{Object: mailchimp.Subscribers, Action: connectors.RemoveFromList, Changes: "/lists/" + audience, Prepare: exist},
			{Object: mailchimp.Members, Action: connectors.Upsert, Changes: "/members/", RowErrors: true, DropTarget: dropAudience},
			{Object: mailchimp.Members, Action: connectors.Update, Changes: "/members/", Prepare: exist, DropTarget: dropAudience},
			{Object: mailchimp.Members, Action: connectors.Delete, Changes: "/members/", Prepare: exist, DropTarget: dropAudience},
			{Object: mailchimp.Tag, Target: tag, Action: connectors.AddToList, Changes: "/tags", Prepare: exist, DropTarget: dropAudience},
			{Object: mailchimp.Tag, Target: tag, Action: connectors.RemoveFromList, Changes: "/tags", Prepare: tagged},
			{Object: mailchimp.Segment, Target: segment, Action: connectors.AddToList, Changes: "/segments/", Prepare: exist, DropTarget: dropSegment},
			{Object: mailchimp.Segment, Target: segment, Action: connectors.RemoveFromList, Changes: "/segments/", Prepare: inSegment, DropTarget: dropSegment},
		},
		Spec:    "mailchimp/marketing-3.0.55.openapi.json",
		Results: []string{"new_members", "updated_members", ""},
		Golden: []connectortest.Golden{
			{Entry: 8, Batch: connectors.Batch{Action: connectors.Upsert, Object: mailchimp.Subscribers, Rows: []connectors.Row{named}}},
			{Entry: 9, Request: hashed, Batch: connectors.Batch{Action: connectors.Upsert, Object: mailchimp.Members, Rows: []connectors.Row{ada}},
				Reason: "unless the settings say otherwise a new contact is not subscribed",
				Differ: func(body map[string]any) { body["status_if_new"] = "transactional" }},
			{Entry: 10, Batch: connectors.Batch{Action: connectors.AddToList, Object: mailchimp.Segment, Target: segment, Rows: []connectors.Row{ada}},
				Reason: "adds and removes of a sync are batches of their own",
				Differ: func(body map[string]any) { delete(body, "members_to_remove") }},
			{Entry: 10, Batch: connectors.Batch{Action: connectors.RemoveFromList, Object: mailchimp.Segment, Target: segment, Rows: []connectors.Row{row("old@example.com")}},
				Reason: "adds and removes of a sync are batches of their own",
				Differ: func(body map[string]any) { delete(body, "members_to_add") }},
			{Entry: 11, Request: hashed, Batch: connectors.Batch{Action: connectors.AddToList, Object: mailchimp.Tag, Target: tag, Rows: []connectors.Row{ada}},
				Reason: "a sync has one tag, and starts no automations unless the settings say so",
				Differ: func(body map[string]any) {
					body["tags"], body["is_syncing"] = body["tags"].([]any)[:1], true
				}},
			{Entry: 11, Request: hashed, Batch: connectors.Batch{Action: connectors.RemoveFromList, Object: mailchimp.Tag, Target: "old", Rows: []connectors.Row{ada}},
				Reason: "a sync has one tag, and starts no automations unless the settings say so",
				Differ: func(body map[string]any) {
					body["tags"], body["is_syncing"] = body["tags"].([]any)[1:], true
				}},
			{Entry: 12, Request: hashed, Batch: connectors.Batch{Action: connectors.Delete, Object: mailchimp.Members, Rows: []connectors.Row{ada}},
				Reason: "the hash is that of the address"},
		},
		Stored:   stored,
		BadFiles: "testdata",
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, harness())
}
