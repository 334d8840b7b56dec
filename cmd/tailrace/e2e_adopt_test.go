package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/connectors/sandbox"
	"github.com/tailrace/tailrace/syncs"
)

// TestAdoptAndTestRows leaves another tool by a file of its members, after a look at one row's request and answer.
func TestAdoptAndTestRows(t *testing.T) {
	t.Parallel()
	crm := sandbox.NewHubSpot(sandbox.Options{Rate: -1, Token: "e2e-crm-token"})
	vendor := httptest.NewServer(crm)
	t.Cleanup(vendor.Close)
	p := setup(t, map[string]string{
		"tailrace.yml":         "name: e2e\noutbound: { allow: [\"" + strings.TrimPrefix(vendor.URL, "http://") + "\"] }\n",
		"sources/app.yml":      bare["sources/app.yml"],
		"models/people.sql":    "/* model\nkey: id\nentity: none\n*/\nSELECT toString(number) AS id, concat('p', toString(number), '@people.example') AS email, number AS score FROM numbers(40)\n",
		"destinations/crm.yml": "connector: hubspot\nbase_url: " + vendor.URL + "\ncredentials: { access_token: ${env:E2E_CRM_TOKEN} }\n",
		"syncs/people.yml":     "model: people\ndestination: crm\nobject: contacts\nmode: upsert\nmatch: { email: email }\nfields: { score: score }\nschedule: manual\n",
	}, "E2E_CRM_TOKEN=e2e-crm-token")
	p.start()
	out, errs, code := p.tailrace("syncs", "test", "people", "--key", "7", "--key", "nobody")
	require.Zero(t, code, out+errs)
	require.Contains(t, out, "POST")
	require.Contains(t, out, "p7@people.example")
	require.Contains(t, out, "nobody: not sent, not selected")
	require.NotContains(t, out, "e2e-crm-token")
	require.NotContains(t, out, "p8@people.example")

	members := filepath.Join(t.TempDir(), "members.csv")
	require.NoError(t, os.WriteFile(members, []byte("email,score\np0@people.example,0\np1@people.example,1\nP2@people.example,99\nstranger@people.example,1\n"), 0o600))
	out, errs, code = p.tailrace("syncs", "adopt", "people", "--from", members, "--dry-run")
	require.Zero(t, code, errs)
	require.Contains(t, out, "4 listed = 3 matched + 1 strangers")
	_, errs, code = p.tailrace("syncs", "adopt", "people")
	require.NotZero(t, code)
	require.Contains(t, errs, "--from members.csv", "contacts can't be listed")
	out, errs, code = p.tailrace("syncs", "adopt", "people", "--from", members, "--json")
	require.Zero(t, code, errs)
	var adopted syncs.Adoption
	require.NoError(t, json.Unmarshal([]byte(out), &adopted))
	require.EqualValues(t, 3, adopted.Matched)
	out, errs, code = p.tailrace("sync", "people", "--json")
	require.Zero(t, code, out+errs)
	var runs []api.RunView
	require.NoError(t, json.Unmarshal([]byte(out), &runs))
	require.EqualValues(t, 3, runs[0].Sums.Unchanged)
	require.EqualValues(t, 1, runs[0].Sums.Change)
	require.EqualValues(t, 36, runs[0].Sums.Add)
	status, _, err := p.ask(http.MethodPost, "/api/v1/syncs/people/adoptions", map[string]any{"members": []any{map[string]any{"key": "1"}}})
	require.NoError(t, err)
	require.Equal(t, http.StatusConflict, status, "it has run")
}
