package audiences_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

func TestMembersArePagedWithinOneVersion(t *testing.T) {
	b := setup(t, numbers("", 25))
	b.audience("numbers")
	var keys []string
	o := audiences.MembersOptions{Limit: 10, Columns: []string{"kind", "id"}}
	for page := range 3 {
		m, err := b.a.Members(b.ctx, project.KindAudience, "numbers", o)
		require.NoError(t, err)
		require.EqualValues(t, 1, m.Version)
		for _, member := range m.Items {
			keys = append(keys, member.Key)
			require.JSONEq(t, member.Key, string(member.Values[1]))
		}
		o.Cursor = m.Next
		if page == 0 { // a new version in between doesn't mix in
			b.write(numbers("", 40))
			b.audience("numbers")
		}
	}
	require.Empty(t, o.Cursor)
	require.Len(t, keys, 25)
	m, err := b.a.Members(b.ctx, project.KindAudience, "numbers", audiences.MembersOptions{Prefix: "3"})
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Version)
	require.Len(t, m.Items, 11)
	require.Equal(t, []audiences.Column{{Name: "id", Type: "UInt64"}, {Name: "kind", Type: "UInt8"}}, m.Columns)
	_, err = b.a.Members(b.ctx, project.KindAudience, "numbers", audiences.MembersOptions{Cursor: "%"})
	require.ErrorIs(t, err, audiences.ErrInvalid)
	_, err = b.a.Members(b.ctx, project.KindAudience, "numbers", audiences.MembersOptions{Columns: []string{"x"}})
	require.ErrorIs(t, err, audiences.ErrInvalid)
	_, err = b.a.Members(b.ctx, project.KindAudience, "nobody", audiences.MembersOptions{})
	require.ErrorIs(t, err, audiences.ErrNotFound)
}

func TestChangesAndVersionsArePaged(t *testing.T) {
	b := setup(t, numbers("", 5))
	b.audience("numbers")
	b.write(numbers("", 3))
	b.audience("numbers")
	b.audience("numbers")
	var seen []string
	o := audiences.ChangesOptions{Limit: 2}
	for {
		p, err := b.a.Changes(b.ctx, "numbers", o)
		require.NoError(t, err)
		for _, c := range p.Items {
			seen = append(seen, fmt.Sprint(c.Version, c.Change, c.Key))
		}
		if o.Cursor = p.Next; o.Cursor == "" {
			break
		}
	}
	require.Equal(t, []string{"2exit3", "2exit4", "1enter0", "1enter1", "1enter2", "1enter3", "1enter4"}, seen)
	p, err := b.a.Changes(b.ctx, "numbers", audiences.ChangesOptions{Change: "enter", Key: "3"})
	require.NoError(t, err)
	require.Len(t, p.Items, 1)
	_, err = b.a.Changes(b.ctx, "numbers", audiences.ChangesOptions{Change: "moved"})
	require.ErrorIs(t, err, audiences.ErrInvalid)

	v, err := b.a.Versions(b.ctx, project.KindAudience, "numbers", audiences.VersionsOptions{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, audiences.StateUnchanged, v.Items[0].State)
	require.NotEmpty(t, v.Next)
	v, err = b.a.Versions(b.ctx, project.KindAudience, "numbers", audiences.VersionsOptions{Cursor: v.Next})
	require.NoError(t, err)
	require.Len(t, v.Items, 1)
	v, err = b.a.Versions(b.ctx, project.KindAudience, "numbers", audiences.VersionsOptions{States: []audiences.State{audiences.StatePublished}})
	require.NoError(t, err)
	require.Len(t, v.Items, 2)
}

func TestAProfileByAnyIdentifierAndWhySomebodyIsAMember(t *testing.T) {
	b := setup(t, map[string]string{
		"traits/views.sql":        "/* trait */ SELECT profile_id, countIf(event = 'Viewed') AS n FROM events GROUP BY profile_id",
		"audiences/viewers.sql":   "/* audience\nbecause: [often]\n*/ SELECT profile_id, count() AS n, n > 1 AS often FROM events WHERE event = 'Viewed' GROUP BY profile_id",
		"audiences/strangers.sql": "/* audience */ SELECT profile_id FROM events GROUP BY profile_id HAVING max(user_id) = ''",
	})
	b.load(event{name: "Viewed", anon: "a1", ago: 3 * day}, event{name: "Viewed", anon: "a1", ago: 2 * day},
		event{kind: "identify", user: "u1", anon: "a1", email: "ada@example.com", ago: day}, event{name: "Viewed", anon: "a9"})
	b.resolve()
	b.settle()
	id := profile("anonymous_id", "a1")
	for _, by := range []string{"u1", "user_id:u1", "a1", "anonymous_id:a1", "ada@example.com", "Ada@Example.com", id, "profile_id:" + id, profile("user_id", "u1")} {
		p, err := b.a.Profile(b.ctx, by)
		require.NoError(t, err, by)
		require.Equal(t, id, p.ProfileID, by)
		require.Len(t, p.Identifiers, 3)
		require.Len(t, p.Events, 3)
		require.Equal(t, "identify", p.Events[0].Type)
		require.JSONEq(t, "2", string(p.Traits["views"]))
		require.JSONEq(t, `"ada@example.com"`, string(p.Fields["email"]))
		require.Len(t, p.Audiences, 1)
		require.Equal(t, "viewers", p.Audiences[0].Name)
		require.Equal(t, []string{"often"}, p.Audiences[0].Because)
		require.NotNil(t, p.Audiences[0].Since)
		_, err = json.Marshal(p)
		require.NoError(t, err)
	}
	for _, nobody := range []string{"u2", "anonymous_id:u1", "00000000-0000-0000-0000-000000000000", ""} {
		_, err := b.a.Profile(b.ctx, nobody)
		require.ErrorIs(t, err, audiences.ErrNotFound, nobody)
	}
	e, err := b.a.Why(b.ctx, "viewers", id)
	require.NoError(t, err)
	require.True(t, e.Member)
	require.JSONEq(t, `{"profile_id":"`+id+`","n":2,"often":1}`, string(e.Row))
	require.Equal(t, []string{"often"}, e.Because)
	require.Len(t, e.History, 1)
	require.Contains(t, e.SQL, "count() AS n")
	e, err = b.a.Why(b.ctx, "viewers", "nobody")
	require.NoError(t, err)
	require.False(t, e.Member)
	require.Empty(t, e.History)
	d, err := b.a.Definition(b.ctx, project.KindAudience, "viewers")
	require.NoError(t, err)
	require.False(t, d.Stale, d.StaleCause)
	require.Equal(t, []string{"builtin events"}, d.Reads)
}
