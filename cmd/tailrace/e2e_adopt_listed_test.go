package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
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

// TestAdoptWhatVendorsHold leaves a tool that filled a Mailchimp audience, which is listed, and a small custom audience at
// Meta, which a file tells of and which refuses at first to give anybody up.
func TestAdoptWhatVendorsHold(t *testing.T) {
	t.Parallel()
	mails := sandbox.NewMailchimp(sandbox.Options{Rate: -1})
	ads := sandbox.NewMeta(sandbox.Options{Rate: -1, SmallAudience: 3})
	var vendors []string
	for _, h := range []http.Handler{mails, ads} {
		vendor := httptest.NewServer(h)
		t.Cleanup(vendor.Close)
		vendors = append(vendors, vendor.URL)
	}
	p := setup(t, map[string]string{
		"tailrace.yml": fmt.Sprintf("name: e2e\noutbound: { allow: [%q, %q] }\n", strings.TrimPrefix(vendors[0], "http://"), strings.TrimPrefix(vendors[1], "http://")),
		"models/people.sql": "/* model\nkey: id\nentity: none\n*/\nSELECT toString(number) AS id, concat('p', toString(number), '@people.example') AS email," +
			" concat('N', toString(number)) AS name, number AS score FROM numbers(5)\n",
		"destinations/mails.yml": "connector: mailchimp\nbase_url: " + vendors[0] + "\naudience_id: LIST1\ncredentials: { api_key: ${env:E2E_KEY} }\n",
		"destinations/ads.yml":   "connector: meta\nbase_url: " + vendors[1] + "\nad_account: \"9\"\ncredentials: { access_token: ${env:E2E_TOKEN} }\n",
		"syncs/to_members.yml":   "model: people\ndestination: mails\nobject: members\nmode: upsert\nmatch: { email: email }\nfields: { FNAME: name, SCORE: score }\nschedule: manual\n",
		"syncs/to_segment.yml":   "model: people\ndestination: mails\nobject: segment\ntarget: 77\nmode: audience\nmatch: { email: email }\nguard: { max_removed: 100% }\nschedule: manual\n",
		"syncs/to_ads.yml":       "model: people\ndestination: ads\nobject: audience\ntarget: standin_ads\nmode: audience\nmatch: { email: email }\nguard: { max_removed: 100% }\nschedule: manual\n",
	}, "E2E_KEY=e2e-key-us1", "E2E_TOKEN=e2e-token")
	say := func(url, body string) {
		req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
		require.NoError(t, err)
		req.SetBasicAuth("any", "e2e-key-us1")
		if strings.HasPrefix(url, vendors[1]) {
			req.Header.Set("Authorization", "Bearer e2e-token")
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := p.http.Do(req)
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusOK, res.StatusCode, string(text))
	}
	// p0 as selected, p1 with another score, P2 with neither name nor score, two strangers.
	say(vendors[0]+"/3.0/lists/LIST1", `{"members":[
		{"email_address":"p0@people.example","status":"subscribed","merge_fields":{"FNAME":"N0","SCORE":0}},
		{"email_address":"p1@people.example","status":"unsubscribed","merge_fields":{"FNAME":"N1","SCORE":99}},
		{"email_address":"P2@people.example","status":"transactional","merge_fields":{"FNAME":"","SCORE":""}},
		{"email_address":"s1@people.example","status":"subscribed","merge_fields":{"FNAME":"S"}},
		{"email_address":"s2@people.example","status":"subscribed"}]}`)
	say(vendors[0]+"/3.0/lists/LIST1/segments/77", `{"members_to_add":["p0@people.example","s1@people.example"]}`)
	hash := func(email string) string {
		sum := sha256.Sum256([]byte(email))
		return hex.EncodeToString(sum[:])
	}
	say(vendors[1]+"/v25.0/standin_ads/users", fmt.Sprintf(`{"session":{"session_id":1,"batch_seq":1,"last_batch_flag":true,"estimated_num_total":3},
		"payload":{"schema":["EMAIL"],"data":[["%s"],["%s"],["%s"]]}}`, hash("p0@people.example"), hash("s1@people.example"), hash("s2@people.example")))
	p.start()
	adopt := func(args ...string) (a syncs.Adoption) {
		out, errs, code := p.tailrace(append([]string{"syncs", "adopt", "--json"}, args...)...)
		require.Zero(t, code, out+errs)
		require.NoError(t, json.Unmarshal([]byte(out), &a))
		return a
	}
	run := func(sync string, exit int) api.RunView {
		out, errs, code := p.tailrace("sync", sync, "--json")
		require.Equal(t, exit, code, out+errs)
		var runs []api.RunView
		require.NoError(t, json.Unmarshal([]byte(out), &runs))
		return runs[0]
	}
	approve := func(r api.RunView, want syncs.State) api.RunView {
		require.Contains(t, r.Reason, "adopted")
		status, body, err := p.ask(http.MethodPost, "/api/v1/runs/"+r.ID+"/approve", map[string]any{"digest": r.PlanDigest})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status, string(body))
		p.eventually("the approved run is over", func() bool {
			_, body, err := p.ask(http.MethodGet, "/api/v1/runs/"+r.ID, nil)
			return err == nil && json.Unmarshal(body, &r) == nil && r.Over
		})
		require.Equal(t, want, r.State, r.Reason+r.Error)
		return r
	}

	// Contacts: what the list tells of their fields is compared, strangers are nobody's business.
	writes := mails.State().Counts["rows applied"]
	a := adopt("to_members")
	require.Equal(t, []uint64{5, 3, 2}, []uint64{a.Listed, a.Matched, a.Strangers})
	require.Equal(t, writes, mails.State().Counts["rows applied"], "adopting sends nothing")
	r := run("to_members", 0)
	require.Equal(t, []uint64{1, 2, 2}, []uint64{r.Sums.Unchanged, r.Sums.Change, r.Sums.Add})
	require.Equal(t, writes+4, mails.State().Counts["rows applied"])
	for i, status := range []string{"subscribed", "unsubscribed", "transactional"} {
		m, ok := mails.Member("LIST1", fmt.Sprintf("p%d@people.example", i))
		require.True(t, ok)
		require.Equal(t, []string{fmt.Sprintf(`"N%d"`, i), fmt.Sprint(i), status}, []string{string(m.MergeFields["FNAME"]), string(m.MergeFields["SCORE"]), m.Status})
	}
	require.Zero(t, run("to_members", 0).Sums.Planned)

	// A segment: the stranger is taken out once somebody agreed.
	a = adopt("to_segment")
	require.Equal(t, []uint64{2, 1, 1}, []uint64{a.Listed, a.Matched, a.Strangers})
	r = approve(run("to_segment", 3), syncs.Succeeded)
	require.Equal(t, []uint64{4, 1}, []uint64{r.Sums.Add, r.Sums.Remove})
	require.False(t, mails.InSegment("LIST1", "77", "s1@people.example"))
	require.True(t, mails.InSegment("LIST1", "77", "p4@people.example"))

	// A small audience: the refused removal refuses nothing else, and the next run gets it done.
	members := filepath.Join(t.TempDir(), "members.csv")
	require.NoError(t, os.WriteFile(members, []byte("email\np0@people.example\ns1@people.example\ns2@people.example\n"), 0o600))
	require.EqualValues(t, 2, adopt("to_ads", "--from", members).Strangers)
	r = approve(run("to_ads", 3), syncs.Partial)
	require.Equal(t, []uint64{4, 2, 2}, []uint64{r.Sums.Accepted, r.Sums.Rejected, r.Sums.Remove})
	require.Len(t, ads.State().Audiences["standin_ads"], 7)
	_, body, err := p.ask(http.MethodGet, "/api/v1/runs/"+r.ID+"/changes?outcome=rejected", nil)
	require.NoError(t, err)
	require.Contains(t, string(body), "audience_too_small")
	r = run("to_ads", 0)
	require.Equal(t, []uint64{2, 2}, []uint64{r.Sums.Planned, r.Sums.Accepted})
	require.Len(t, ads.State().Audiences["standin_ads"], 5)
}
