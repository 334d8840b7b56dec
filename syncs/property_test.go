package syncs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// model is the naive truth: what a list should hold after each run, computed in
// Go from the selection alone.
type model struct{}

// next gives what the list holds for the selection, and how many rows go out.
func (m *model) next(selection []person) map[string]string {
	winners := map[string]string{} // folded id → smallest key
	for _, p := range selection {
		id := strings.ToLower(p.id)
		if strings.TrimSpace(id) == "" {
			continue
		}
		if k, ok := winners[id]; !ok || p.key < k {
			winners[id] = p.key
		}
	}
	want := map[string]string{}
	for _, p := range selection {
		if winners[strings.ToLower(p.id)] == p.key {
			want[p.key] = p.id
		}
	}
	return want
}

// Whatever the selections and whatever the vendor does to requests, when a run
// is over the list holds exactly what the naive model says, the state agrees,
// and a run without changes sends nothing.
func TestListFollowsTheModel(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	round, failed := 0, false
	started := time.Now()
	rapid.Check(t, func(rt *rapid.T) {
		if !failed && time.Since(started) > 10*time.Second && round >= 3 {
			return // the suite's time is bounded; each run of it draws other cases
		}
		round++
		defer func() { failed = failed || rt.Failed() }()
		b := setupOn(t, db, strings.Replace(audienceList, "match: { id: id }", "match: { id: id }\ntarget: t"+fmt.Sprint(round), 1), func(o *Options) {
			o.alwaysMerge = rapid.Bool().Draw(rt, "merge")
		})
		b.vendor.fold = true
		lost := rapid.SliceOfN(rapid.IntRange(1, 12), 0, 2).Draw(rt, "lost answers")
		b.vendor.lost = func(n int) bool { return slices.Contains(lost, n) }
		refused := rapid.IntRange(0, 12).Draw(rt, "throttled call")
		b.vendor.answer = func(n int, c connectors.Batch) (connectors.Answer, error, bool) {
			return connectors.Answer{}, &connectors.HTTPError{Status: 429}, n == refused
		}
		m := &model{}
		for step := range rapid.IntRange(1, 3).Draw(rt, "runs") {
			selection := drawSelection(rt, step)
			want := m.next(selection)
			b.people(selection...)
			r := b.check(rt)
			require.Equal(rt, Succeeded, r.State, "%s %s", r.Reason, r.Error)
			ids := map[string]bool{}
			for _, id := range want {
				ids[strings.ToLower(id)] = true
			}
			require.Equal(rt, slices.Sorted(maps.Keys(ids)), b.vendor.members())
			held := map[string]string{}
			for k, id := range want {
				held[k] = fmt.Sprintf(`{"id":%q}`, id)
			}
			require.Equal(rt, held, b.heldBy(r.SyncID))
		}
		sent := b.vendor.requests()
		b.check(rt)
		require.Equal(rt, sent, b.vendor.requests(), "nothing changed")
	})
}

func drawSelection(rt *rapid.T, step int) []person {
	ids := rapid.SampledFrom([]string{"a", "b", "B", "c", "d", "e", "f", "", " "})
	keys := rapid.SliceOfNDistinct(rapid.IntRange(1, 12), 1, 12, rapid.ID[int]).Draw(rt, fmt.Sprintf("keys %d", step))
	var out []person
	for _, k := range keys {
		out = append(out, person{key: fmt.Sprintf("k%02d", k), id: ids.Draw(rt, "id")})
	}
	return out
}

func (b *bench) heldBy(syncID string) map[string]string {
	b.Helper()
	var rows []struct {
		Key string `ch:"key"`
		IDs string `ch:"applied_ids"`
	}
	require.NoError(b, b.db.Select(b.ctx, &rows, "SELECT key, applied_ids FROM sync_state FINAL WHERE sync_id = ? AND applied_hash != 0", syncID))
	out := map[string]string{}
	for _, r := range rows {
		out[r.Key] = r.IDs
	}
	return out
}

// check is run for a property test, whose failures belong to rapid.
func (b *bench) check(rt *rapid.T) Run {
	r, err := b.e.Start(b.ctx, "s", StartOptions{})
	require.NoError(rt, err)
	r, err = b.e.Drive(b.ctx, r.ID)
	require.NoError(rt, err)
	if r.State == Held { // everything would go
		_, err = b.e.Approve(b.ctx, r.ID, r.PlanDigest, "rapid")
		require.NoError(rt, err)
		r, err = b.e.Drive(b.ctx, r.ID)
		require.NoError(rt, err)
	}
	require.NoError(rt, r.Sums().Check())
	return r
}
