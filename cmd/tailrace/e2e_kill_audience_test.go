package main

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
)

// TestKillInMaterialization kills the server while it makes a version: readers see the old version or the new one,
// whole, and the history of entering and leaving adds up to the members.
func TestKillInMaterialization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 300, 0)
	w.materialize()
	require.NoError(t, w.audience())
	landed := 0
	for range 3 {
		old := len(w.high())
		w.shuffle()
		m := w.startMaterialization()
		w.eventually("a worker has it", func() bool { m = w.materialization(m.ID); return m.State != audiences.StateQueued })
		w.killIn(700 * time.Millisecond)
		members := len(w.members())
		require.Contains(t, []int{old, len(w.high())}, members, "half a version was published")
		if now := w.materialization(m.ID); now.State.Running() || now.UpdatedAt.Sub(m.UpdatedAt) > time.Second {
			landed++ // it was made, or finished, by the second process
		}
		w.eventually("the audience is published", func() bool {
			m = w.materialization(m.ID)
			return m.State.Over() && m.State != audiences.StateSuperseded // the next version goes on in its place
		})
		require.Equal(t, audiences.StatePublished, m.State, m.Error)
		require.NoError(t, w.audience())
	}
	require.Positive(t, landed, "no kill landed in a materialization")

	// The comparison can fail: with a member who should be none.
	for user := range w.high() {
		w.scores[user] = 0
		break
	}
	require.Error(t, w.audience())
}

// members are the rows that a query sees now, by customer.
func (w *world) members() map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, row := range queryRows[struct {
		Customer string `json:"customer"`
		Score    int    `json:"score"`
	}](w.process, "SELECT customer, toInt32(score) AS score FROM high") {
		out[row.Customer] = row.Score
	}
	return out
}

// audience compares the published version with the events that were sent, and with its history.
func (w *world) audience() error {
	w.t.Helper()
	want, got := w.high(), w.members()
	if len(want) != len(got) {
		return fmt.Errorf("%d members, not %d", len(got), len(want))
	}
	for user, score := range want {
		if got[user] != score {
			return fmt.Errorf("%s has %d, not %d", user, got[user], score)
		}
	}
	type step struct {
		Key, Change string
		Version     int
	}
	inside := map[string]bool{}
	for _, s := range queryRows[step](w.process, "SELECT key AS Key, change AS Change, toUInt32(version) AS Version FROM audience_changes WHERE name = 'high' ORDER BY version, key") {
		if entered := s.Change == "enter"; inside[s.Key] == entered {
			return fmt.Errorf("version %d: %s of %s, which was so already", s.Version, s.Change, s.Key)
		} else if entered {
			inside[s.Key] = true
		} else {
			delete(inside, s.Key)
		}
	}
	if len(inside) != len(got) {
		return fmt.Errorf("by its history it has %d members, not %d", len(inside), len(got))
	}
	query := url.Values{"limit": {"500"}}
	for {
		page := call[keysPage](w.process, http.MethodGet, "/api/v1/audiences/high/members?"+query.Encode(), nil)
		for _, m := range page.Items {
			if !inside[m.Key] {
				return fmt.Errorf("%s is a member and never entered", m.Key)
			}
		}
		if page.NextCursor == "" {
			return nil
		}
		query.Set("cursor", page.NextCursor)
	}
}

type keysPage = pageOf[struct {
	Key string `json:"key"`
}]
