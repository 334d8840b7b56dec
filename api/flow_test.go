package api_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/syncs"
)

// list is a page of any list.
type list[T any] struct {
	Items      []T
	NextCursor string `json:"next_cursor"`
}

// shop gives the bench three people, two of whom bought something, and the audience of them.
func (b *bench) shop() {
	b.Helper()
	b.load(
		event{kind: "identify", user: "u1", email: "ada@example.com"}, event{kind: "track", name: "Order Completed", user: "u1", revenue: 120},
		event{kind: "identify", user: "u2", email: "bob@example.com"}, event{kind: "track", name: "Order Completed", user: "u2", revenue: 80},
		event{kind: "identify", user: "u3", email: "eve@example.com"},
	)
	var m audiences.Materialization
	b.ask(api.Operator, http.MethodPost, "/api/v1/audiences/buyers/materializations", map[string]any{}).into(202, &m)
	require.Equal(b, audiences.StateQueued, m.State)
	require.Equal(b, audiences.TriggerAPI, m.Trigger)
	require.NoError(b, b.audiences.Run(b.Context(), m.ID))
	b.ask(api.Viewer, http.MethodGet, "/api/v1/materializations/"+m.ID, nil).into(200, &m)
	require.Equal(b, audiences.StatePublished, m.State, "%s %s", m.Error, m.Reason)
}

// secrets are what a viewer must never see.
var secrets = []string{"ada@example.com", "bob@example.com", "ada%40example.com", `"u1"`, `"u2"`}

// TestAudiencesAndProfiles reads the same things as operator and as viewer.
func TestAudiencesAndProfiles(t *testing.T) {
	b := setup(t)
	b.shop()
	var all list[audiences.Definition]
	b.ask(api.Viewer, http.MethodGet, "/api/v1/audiences", nil).into(200, &all)
	require.Len(t, all.Items, 1)
	require.EqualValues(t, 2, all.Items[0].Members)
	var one audiences.Definition
	b.ask(api.Viewer, http.MethodGet, "/api/v1/traits/spent", nil).into(200, &one)
	require.Contains(t, one.SQL, "FROM shoppers")
	b.ask(api.Viewer, http.MethodGet, "/api/v1/audiences/nobody", nil).problem(404)
	b.ask(api.Viewer, http.MethodGet, "/api/v1/traits/buyers", nil).problem(404)
	b.ask(api.Operator, http.MethodPost, "/api/v1/audiences/nobody/materializations", nil).problem(404)

	var members api.MembersPage
	b.ask(api.Operator, http.MethodGet, "/api/v1/audiences/buyers/members?limit=1", nil).into(200, &members)
	require.Len(t, members.Items, 1)
	require.NotEmpty(t, members.NextCursor)
	key := members.Items[0].Key
	got := b.ask(api.Operator, http.MethodGet, "/api/v1/audiences/buyers/members?limit=1&cursor="+members.NextCursor, nil)
	var rest api.MembersPage
	got.into(200, &rest)
	require.Len(t, rest.Items, 1)
	require.NotEqual(t, key, rest.Items[0].Key)
	require.Empty(t, rest.NextCursor)
	require.Contains(t, string(got.raw), "@example.com")

	// A viewer pages through the same rows and learns nobody, not even from cursors.
	cursor, seen := "", 0
	for {
		var masked api.MembersPage
		got := b.ask(api.Viewer, http.MethodGet, "/api/v1/audiences/buyers/members?limit=1&cursor="+cursor, nil)
		got.into(200, &masked)
		require.NotContains(t, string(got.raw), key)
		requireMasked(t, got)
		seen += len(masked.Items)
		if cursor = masked.NextCursor; cursor == "" {
			break
		}
		require.NotEqual(t, cursor, members.NextCursor)
	}
	require.Equal(t, 2, seen)
	b.ask(api.Viewer, http.MethodGet, "/api/v1/audiences/buyers/members?prefix=a", nil).problem(403)
	b.ask(api.Viewer, http.MethodGet, "/api/v1/audiences/buyers/members?cursor=e30", nil).problem(422)

	var changes list[audiences.Change]
	b.ask(api.Operator, http.MethodGet, "/api/v1/audiences/buyers/changes?change=enter", nil).into(200, &changes)
	require.Len(t, changes.Items, 2)
	require.Equal(t, []string{"bought"}, changes.Items[0].Because)
	requireMasked(t, b.ask(api.Viewer, http.MethodGet, "/api/v1/audiences/buyers/changes", nil))
	b.ask(api.Operator, http.MethodGet, "/api/v1/audiences/buyers/changes?change=stay", nil).problem(422)
	var versions list[audiences.Materialization]
	b.ask(api.Viewer, http.MethodGet, "/api/v1/audiences/buyers/versions", nil).into(200, &versions)
	require.Len(t, versions.Items, 1)
	b.ask(api.Operator, http.MethodPost, "/api/v1/materializations/"+versions.Items[0].ID+"/approve", nil).problem(409)
	b.ask(api.Operator, http.MethodPost, "/api/v1/materializations/none/discard", nil).problem(404)
	var why audiences.Explanation
	b.ask(api.Operator, http.MethodGet, "/api/v1/audiences/buyers/why?key="+key, nil).into(200, &why)
	require.True(t, why.Member)

	require.Equal(t, 200, b.ask(api.Operator, http.MethodPut, "/api/v1/suppressions", map[string]any{"items": []any{map[string]any{"kind": "email", "value": "ada@example.com"}}}).status)
	for _, path := range []string{"u1?kind=user_id", "ada%40example.com", "user_id:u1"} {
		var p api.ProfileView
		b.ask(api.Operator, http.MethodGet, "/api/v1/profiles/"+path, nil).into(200, &p)
		require.Len(t, p.Audiences, 1)
		require.Equal(t, "buyers", p.Audiences[0].Name)
		require.Len(t, p.Suppressions, 1)
		require.NotEmpty(t, p.Events)
		b.ask(api.Viewer, http.MethodGet, "/api/v1/profiles/"+path, nil).problem(403) // an answer would tell who is known
		got := b.ask(api.Viewer, http.MethodGet, "/api/v1/profiles/"+p.ProfileID, nil)
		got.into(200, &p)
		requireMasked(t, got)
	}
	b.ask(api.Operator, http.MethodGet, "/api/v1/profiles/a%2Fb", nil).problem(404)

	var log list[api.AuditEntry]
	b.ask(api.Admin, http.MethodGet, "/api/v1/audit?limit=1000", nil).into(200, &log)
	read := map[string]int{}
	for _, e := range log.Items {
		require.NotContains(t, e.Actor, "viewer", "what is masked is nobody's data")
		read[e.Action]++
	}
	require.Equal(t, 2, read["read_members"])
	require.Equal(t, 1, read["read_audience_changes"])
	require.Equal(t, 4, read["read_profile"])
	require.Equal(t, 1, read["materialize"])
}

func requireMasked(t *testing.T, got answer) {
	t.Helper()
	require.Equal(t, 200, got.status, "%s", got.raw)
	for _, secret := range secrets {
		require.NotContains(t, strings.ReplaceAll(string(got.raw), `\"`, `"`), secret)
	}
	require.Contains(t, string(got.raw), "•••")
}

// TestRuns takes one sync through a dry run, a held run with its decisions, delivery and a run that has nothing to do.
func TestRuns(t *testing.T) {
	b := setup(t)
	b.shop()
	var known list[api.SyncView]
	b.ask(api.Viewer, http.MethodGet, "/api/v1/syncs", nil).into(200, &known)
	require.Len(t, known.Items, 1)
	require.Equal(t, "buyers", known.Items[0].Reads.Name)
	require.True(t, known.Items[0].Standin)
	b.ask(api.Viewer, http.MethodGet, "/api/v1/syncs/none", nil).problem(404)
	b.ask(api.Viewer, http.MethodGet, "/api/v1/runs/none", nil).problem(404)
	b.ask(api.Operator, http.MethodPost, "/api/v1/syncs/none/runs", nil).problem(404)

	start := func(in any) api.RunView {
		var r api.RunView
		b.ask(api.Operator, http.MethodPost, "/api/v1/syncs/buyers_to_hook/runs", in).into(202, &r)
		require.Equal(t, "buyers_to_hook", r.Sync)
		return r
	}
	read := func(id string) api.RunView {
		var r api.RunView
		b.ask(api.Viewer, http.MethodGet, "/api/v1/runs/"+id, nil).into(200, &r)
		return r
	}
	drive := func(id string) api.RunView {
		_, err := b.syncs.Drive(t.Context(), id)
		require.NoError(t, err)
		return read(id)
	}
	dry := drive(start(map[string]bool{"dry_run": true}).ID)
	require.Equal(t, syncs.Planned, dry.State, dry.Error)
	require.True(t, dry.Over)
	require.EqualValues(t, 2, dry.Sums.Add)
	require.Contains(t, dry.Reason, "would be held: first_sync: ")
	require.Equal(t, "first_sync", dry.Guards[0].Code)
	require.EqualValues(t, 2, dry.Sums.ToGo)
	require.True(t, dry.Sums.Balanced, dry.Sums.Words)

	held := drive(start(nil).ID)
	require.Equal(t, syncs.Held, held.State, held.Error)
	require.Equal(t, "first_sync", held.Guards[0].Code)
	require.EqualValues(t, 2, held.Sums.Held)
	p := b.ask(api.Operator, http.MethodPost, "/api/v1/runs/"+held.ID+"/approve", map[string]string{"digest": "another"}).problem(409)
	require.Contains(t, p.Next, "plan_digest")
	p = b.ask(api.Operator, http.MethodPost, "/api/v1/runs/"+held.ID+"/approve", nil).problem(422)
	require.Contains(t, p.Detail, held.PlanDigest)
	for _, path := range []string{"runs?state=holding", "syncs/buyers_to_hook/runs?state=x", "runs/" + held.ID + "/left-out?reason=x", "runs/" + held.ID + "/changes?outcome=x", "events/rejected?reason=x", "consents?kind=x"} {
		p = b.ask(api.Operator, http.MethodGet, "/api/v1/"+path, nil).problem(422)
		require.Contains(t, p.Errors[0].Message, "expected value to be one of", path)
	}
	b.ask(api.Operator, http.MethodPost, "/api/v1/runs/"+held.ID+"/discard", map[string]string{"reason": "not yet"}).into(200, &held)
	require.Equal(t, syncs.Discarded, held.State)
	b.ask(api.Operator, http.MethodPost, "/api/v1/runs/"+held.ID+"/approve", nil).problem(409)
	b.ask(api.Operator, http.MethodPost, "/api/v1/runs/"+held.ID+"/cancel", nil).problem(409)

	run := start(nil)
	p = b.ask(api.Operator, http.MethodPost, "/api/v1/syncs/buyers_to_hook/runs", nil).problem(409)
	require.Contains(t, p.Next, "/cancel")
	run = drive(run.ID)
	b.ask(api.Operator, http.MethodPost, "/api/v1/runs/"+run.ID+"/approve", map[string]string{"digest": run.PlanDigest}).into(200, &run)
	require.Equal(t, syncs.Delivering, run.State)
	run = drive(run.ID)
	require.Equal(t, syncs.Succeeded, run.State, "%s %s", run.Error, run.Reason)
	require.EqualValues(t, 2, run.Sums.Accepted)
	require.True(t, run.Sums.Balanced, run.Sums.Words)
	require.Greater(t, len(run.History), 4)

	b.rows(run.ID)

	again := drive(start(nil).ID)
	require.Equal(t, syncs.Succeeded, again.State)
	require.EqualValues(t, 2, again.Sums.Unchanged)
	require.EqualValues(t, 0, again.Sums.Planned)
	var runs list[api.RunView]
	b.ask(api.Viewer, http.MethodGet, "/api/v1/syncs/buyers_to_hook/runs?limit=2", nil).into(200, &runs)
	require.Len(t, runs.Items, 2)
	require.Equal(t, again.ID, runs.Items[0].ID)
	b.ask(api.Viewer, http.MethodGet, "/api/v1/runs?state=discarded", nil).into(200, &runs)
	require.Len(t, runs.Items, 1)

	var sync api.SyncView
	b.ask(api.Operator, http.MethodPost, "/api/v1/syncs/buyers_to_hook/pause", nil).into(200, &sync)
	require.Equal(t, "api", sync.PausedBy)
	require.EqualValues(t, 2, sync.Holds)
	b.ask(api.Operator, http.MethodPost, "/api/v1/syncs/buyers_to_hook/runs", nil).problem(409)
	b.ask(api.Operator, http.MethodPost, "/api/v1/syncs/buyers_to_hook/resume", nil).into(200, &sync)
	require.False(t, sync.Paused)
	var retried api.RunView
	b.ask(api.Operator, http.MethodPost, "/api/v1/runs/"+run.ID+"/retry", nil).into(202, &retried)
	require.NotEqual(t, run.ID, retried.ID)
	b.ask(api.Operator, http.MethodPost, "/api/v1/runs/"+retried.ID+"/cancel", nil).into(200, &retried)
	require.Equal(t, syncs.Cancelled, retried.State)
	b.follow(retried.ID)
}

// rows reads the rows of a run that sent two.
func (b *bench) rows(id string) {
	b.Helper()
	path := "/api/v1/runs/" + id
	var changes list[syncs.ChangeView]
	b.ask(api.Operator, http.MethodGet, path+"/changes?op=add&outcome=accepted&limit=1", nil).into(200, &changes)
	require.Len(b, changes.Items, 1)
	require.NotEmpty(b, changes.NextCursor)
	require.Contains(b, string(changes.Items[0].After), "@example.com")
	b.ask(api.Operator, http.MethodGet, path+"/changes?limit=1&cursor="+changes.NextCursor, nil).into(200, &changes)
	require.Len(b, changes.Items, 1)
	b.ask(api.Operator, http.MethodGet, path+"/changes?q="+url.QueryEscape(changes.Items[0].Key), nil).into(200, &changes)
	require.Len(b, changes.Items, 1)
	b.ask(api.Operator, http.MethodGet, path+"/changes?op=remove", nil).into(200, &changes)
	require.Empty(b, changes.Items)
	b.ask(api.Operator, http.MethodGet, path+"/changes?op=explode", nil).problem(422)
	b.ask(api.Operator, http.MethodGet, path+"/changes?cursor=x", nil).problem(422)
	b.ask(api.Viewer, http.MethodGet, path+"/changes?q=ada", nil).problem(403)
	requireMasked(b.T, b.ask(api.Viewer, http.MethodGet, path+"/changes", nil))

	var exchanges list[syncs.ExchangeView]
	got := b.ask(api.Operator, http.MethodGet, path+"/exchanges", nil)
	got.into(200, &exchanges)
	require.NotEmpty(b, exchanges.Items)
	require.Contains(b, string(got.raw), "ada@example.com")
	require.NotContains(b, string(got.raw), "whsec_")
	requireMasked(b.T, b.ask(api.Viewer, http.MethodGet, path+"/exchanges", nil))
	var out list[syncs.LeftOutView]
	b.ask(api.Viewer, http.MethodGet, path+"/left-out", nil).into(200, &out)
	require.Empty(b, out.Items)
}

// follow reads the server-sent events of a run that is over.
func (b *bench) follow(id string) {
	b.Helper()
	got := b.ask(api.Viewer, http.MethodGet, "/api/v1/runs/"+id+"/events", nil)
	require.Equal(b, 200, got.status)
	require.Equal(b, "text/event-stream", got.header.Get("Content-Type"))
	for s := bufio.NewScanner(strings.NewReader(string(got.raw))); s.Scan(); {
		if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			var r api.RunView
			require.NoError(b, json.Unmarshal([]byte(data), &r))
			require.Equal(b, id, r.ID)
			return
		}
	}
	b.Fatalf("no event in %s", got.raw)
}
