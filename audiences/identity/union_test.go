package identity

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDecideAgainstANaiveModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const limit = 5
		n := rapid.IntRange(1, 12).Draw(t, "profiles")
		profiles := make([]profile, n)
		group := map[uuid.UUID]int{} // the naive model: a number for each profile, rewritten on a merge
		for i := range profiles {
			profiles[i] = profile{
				ID: ProfileID("p", fmt.Sprint(i)), IDs: 1, Users: uint64(rapid.IntRange(0, 1).Draw(t, "users")),
				FirstSeen: time.Unix(int64(rapid.IntRange(0, 3).Draw(t, "seen")), 0),
			}
			group[profiles[i].ID] = i
		}
		links := make([]link, rapid.IntRange(0, 20).Draw(t, "links"))
		users := func(g int) (users, ids uint64) {
			for _, p := range profiles {
				if group[p.ID] == g {
					users, ids = users+p.Users, ids+p.IDs
				}
			}
			return users, ids
		}
		for i := range links {
			a, b := rapid.IntRange(0, n-1).Draw(t, "a"), rapid.IntRange(0, n-1).Draw(t, "b")
			links[i] = link{Reason: rapid.SampledFrom([]string{"identify", "alias"}).Draw(t, "reason"), ProfileA: profiles[a].ID, ProfileB: profiles[b].ID}
			ga, gb := group[profiles[a].ID], group[profiles[b].ID]
			usersA, idsA := users(ga)
			usersB, idsB := users(gb)
			if ga == gb || idsA+idsB > limit || (links[i].Reason == "identify" && usersA > 0 && usersB > 0) {
				continue
			}
			for id, g := range group {
				if g == gb {
					group[id] = ga
				}
			}
		}
		merges, _ := decide(links, profiles, limit)
		into := map[uuid.UUID]uuid.UUID{}
		for _, m := range merges {
			require.NotContains(t, into, m.From)
			into[m.From] = m.Into
		}
		final := func(id uuid.UUID) uuid.UUID {
			if to, ok := into[id]; ok {
				require.NotContains(t, into, to, "never a chain")
				return to
			}
			return id
		}
		for _, p := range profiles {
			for _, q := range profiles {
				require.Equal(t, group[p.ID] == group[q.ID], final(p.ID) == final(q.ID))
			}
			for _, q := range profiles {
				if final(q.ID) == final(p.ID) && final(p.ID) == p.ID {
					require.False(t, q.FirstSeen.Before(p.FirstSeen), "the older wins")
				}
			}
		}
	})
}
