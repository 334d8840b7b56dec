package meta_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/connectortest"
	"github.com/tailrace/tailrace/connectors/meta"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const audience = "standin_kit"

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// identify sends an address as its hash. The external id keeps the word that
// makes the stand-in behave.
func identify(email string) map[string]string {
	return map[string]string{"email": hash(strings.ToLower(email)), "external_id": email}
}

// model asks the stand-in the kit's questions.
type model struct{ *sandbox.Meta }

func (m model) Holds(b connectors.Batch, r connectors.Row) bool {
	ids := r.Identity(b.Action)
	want := sandbox.MetaMember{"EMAIL": ids["email"], "EXTERN_ID": ids["external_id"]}
	held := false
	for _, member := range m.State().Audiences[b.Target] {
		held = held || maps.Equal(member, want)
	}
	return held == (b.Action == connectors.AddToList)
}

func (m model) Field(connectors.Batch, connectors.Row, string) (string, bool) { return "", false }

// members makes the rows members of the audience; those that the vendor would
// refuse were never added.
func members(t testing.TB, d *connectors.Destination, rows []connectors.Row) []connectors.Row {
	t.Helper()
	out := append([]connectors.Row{}, rows...)
	b := connectors.Batch{Action: connectors.AddToList, Object: meta.Audience, Target: audience, Key: "prepare:1"}
	for i, r := range rows {
		out[i].Sent = &connectors.Payload{IDs: r.IDs}
		if !strings.Contains(r.IDs["external_id"], "+") {
			b.Rows = append(b.Rows, connectors.Row{Key: r.Key, IDs: r.IDs})
		}
	}
	o := d.Send(context.Background(), b)
	require.Nil(t, o.Err)
	return out
}

func dropAudience(m connectortest.Model, target string) { m.(model).DropAudience(target) }

// recorded is the one row that Meta's SDK was recorded with.
var recorded = []connectors.Row{{Key: "k1", IDs: map[string]string{"email": "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"}}}

// ours changes the SDK's request to what we send on purpose.
func ours(r *connectortest.Recorded) {
	r.Path = "/v25.0/600/users"
	r.Headers["authorization"] = "Bearer TOKEN"
	r.JSON = map[string]any{
		// The SDK's caller counts sessions, ours come from the batch's key.
		"session": map[string]any{"session_id": 679537031869443, "batch_seq": 1, "last_batch_flag": true, "estimated_num_total": 1},
		"payload": map[string]any{"schema": []any{"EMAIL"}, "data": []any{[]any{recorded[0].IDs["email"]}}},
	}
}

const reason = "the token goes into the header, the payload always into the body; no column that no row fills; the version is newer"

func harness(t *testing.T) connectortest.Harness {
	return connectortest.Harness{
		Connector: meta.Connector,
		Settings: map[string]any{"ad_account": "act_9",
			"credentials": map[string]any{"access_token": connectors.NewSecret("canary-access-token-4711")}},
		Secrets: 1,
		Standin: func(o sandbox.Options) connectortest.Model {
			o.SmallAudience = -1
			return model{sandbox.NewMeta(o)}
		},
		Identify: identify,
		Cases: []connectortest.Case{
			{Object: meta.Audience, Target: audience, Action: connectors.AddToList, Changes: "/users", Unnamed: true, DropTarget: dropAudience},
			{Object: meta.Audience, Target: audience, Action: connectors.RemoveFromList, Changes: "/users", Unnamed: true, Prepare: members, DropTarget: dropAudience},
		},
		CheckRequest: codegen(t),
		Golden: []connectortest.Golden{
			{Entry: 14, Reason: reason, Request: ours,
				Batch: connectors.Batch{Action: connectors.AddToList, Object: meta.Audience, Target: "600", Key: "plan:1", Rows: recorded}},
			{Entry: 15, Reason: reason, Request: ours,
				Batch: connectors.Batch{Action: connectors.RemoveFromList, Object: meta.Audience, Target: "600", Key: "plan:1", Rows: recorded}},
		},
		BadFiles: "testdata",
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, harness(t))
}
