package audiences_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

func TestHeldOutMembersStayMembers(t *testing.T) {
	audience := "/* audience\nexperiment: { holdout: %s, salt: spring }\n*/\nSELECT user_id, count() AS n FROM events GROUP BY user_id"
	b := setup(t, map[string]string{
		"audiences/all.sql":  fmt.Sprintf(audience, "40%"),
		"audiences/sent.sql": "/* audience */ SELECT profile_id FROM all WHERE NOT in_holdout",
	})
	want := func(percent float64) (held []string) {
		for n := range 40 {
			key := profile("user_id", fmt.Sprintf("u%d", n))
			sum := sha256.Sum256([]byte("spring:" + key))
			if float64(binary.BigEndian.Uint32(sum[:4])) < percent/100*(1<<32) {
				held = append(held, key)
			}
		}
		return sorted(held)
	}
	for n := range 40 {
		b.load(event{name: "Viewed", user: fmt.Sprintf("u%d", n)})
	}
	b.resolve()
	m := b.audience("all")
	require.Equal(t, audiences.StatePublished, m.State, m.Error)
	require.EqualValues(t, 40, m.Rows)
	held := b.texts("SELECT toString(profile_id) FROM " + b.in("all") + " WHERE in_holdout ORDER BY 1")
	require.Equal(t, want(40), sorted(held))
	d, err := b.a.Definition(b.ctx, project.KindAudience, "all")
	require.NoError(t, err)
	require.EqualValues(t, len(held), d.HeldOut)
	require.EqualValues(t, 40-len(held), b.audience("sent").Rows, "SQL may tell them apart")
	found, err := b.a.Validate(b.ctx, b.project, nil)
	require.NoError(t, err)
	require.Empty(t, found)

	b.write(map[string]string{"audiences/all.sql": fmt.Sprintf(audience, "60%")})
	due, err := b.a.Due(b.ctx)
	require.NoError(t, err)
	require.Equal(t, "all", due[0].Name)
	require.Equal(t, audiences.StatePublished, b.audience("all").State, "another share is another version")
	require.Subset(t, b.texts("SELECT toString(profile_id) FROM "+b.in("all")+" WHERE in_holdout"), held)
	require.Empty(t, b.changes("all")[40:], "nobody enters or leaves by an experiment")
}

func TestWhoWinsIsComputedFirst(t *testing.T) {
	b := setup(t, map[string]string{
		"audiences/a_second.sql": "/* audience\npriority: { group: g, rank: 2 }\n*/\nSELECT profile_id FROM events GROUP BY profile_id",
		"audiences/b_first.sql":  "/* audience\npriority: { group: g, rank: 1 }\n*/\nSELECT profile_id FROM events GROUP BY profile_id",
		"destinations/d.yml":     "connector: webhook\n",
		"syncs/s.yml":            "audience: a_second\ndestination: d\nobject: rows\nmode: upsert\nmatch: { id: profile_id }\n",
	})
	b.load(event{name: "Viewed", user: "u1"})
	names := func() (out []string) {
		due, err := b.a.Due(b.ctx)
		require.NoError(t, err)
		for _, d := range due {
			out = append(out, d.Name)
		}
		return out
	}
	require.Equal(t, []string{"b_first"}, names())
	m, err := b.a.Start(b.ctx, project.KindAudience, "b_first", audiences.StartOptions{})
	require.NoError(t, err)
	require.Empty(t, names(), "it runs")
	require.NoError(t, b.a.Run(b.ctx, m.ID))
	require.Equal(t, []string{"a_second"}, names())

	b.write(map[string]string{"audiences/b_first.sql": "/* audience\npriority: { group: g, rank: 1 }\n*/\nSELECT profile_id FROM events WHERE no_such_column"})
	require.Equal(t, audiences.StateFailed, b.audience("b_first").State)
	require.Equal(t, []string{"a_second"}, names(), "one that failed keeps nobody waiting")
}
