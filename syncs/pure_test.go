package syncs

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/project"
)

func TestStatesEndOrGoOn(t *testing.T) {
	t.Parallel()
	for _, s := range []State{Succeeded, Partial, Failed, Cancelled, Discarded} {
		require.True(t, s.Over())
		require.Empty(t, transitions[s])
	}
	reached := map[State]bool{Queued: true}
	for range transitions {
		for from, to := range transitions {
			if reached[from] {
				for _, s := range to {
					reached[s] = true
				}
			}
		}
	}
	require.Len(t, reached, 11, "every state can be reached")
	require.False(t, Held.CanBecome(Finishing))
	require.False(t, Succeeded.CanBecome(Queued))
	require.True(t, Planned.CanBecome(Held))
}

func TestGuards(t *testing.T) {
	t.Parallel()
	pct := project.Percent(20)
	ten := int64(10)
	g := project.Guard{MaxRemoved: &pct, MaxChanges: &ten, FirstSync: &ten}
	for name, c := range map[string]struct {
		n    Numbers
		want []string
	}{
		"nothing":           {Numbers{Selected: 5, In: 5, Held: 5}, nil},
		"at the limit":      {Numbers{Selected: 80, In: 80, Held: 20, Removes: 4}, nil},
		"too many removals": {Numbers{Selected: 80, In: 80, Held: 20, Removes: 5}, []string{"max_removed"}},
		"exempt removals":   {Numbers{Selected: 80, In: 80, Held: 20, Removes: 8, Exempt: 5}, nil},
		"too many changes":  {Numbers{Selected: 80, In: 80, Held: 20, Adds: 6, Changes: 5}, []string{"max_changes"}},
		"first sync":        {Numbers{Selected: 11, In: 11, Adds: 11, First: true}, []string{"max_changes", "first_sync"}},
		"empty result":      {Numbers{Held: 3, Removes: 3}, []string{"empty", "max_removed"}},
		"all removed":       {Numbers{Selected: 3, Held: 3, Removes: 3}, []string{"all_removed", "max_removed"}},
		"another account":   {Numbers{Selected: 1, In: 1, Adds: 1, Account: true}, []string{"account"}},
		"drain":             {Numbers{Held: 50, Removes: 2, Drain: true}, []string{"drain", "empty"}},
	} {
		var got []string
		for _, trip := range guard(g, c.n) {
			got = append(got, trip.Code)
		}
		require.Equal(t, c.want, got, name)
	}
	require.Empty(t, guard(project.Guard{}, Numbers{Selected: 1, In: 1, Adds: 1e6, Removes: 1, Held: 2}))
}

func TestModes(t *testing.T) {
	t.Parallel()
	all := map[connectors.Action]connectors.Spec{}
	for _, a := range connectors.Actions {
		all[a] = connectors.Spec{Class: connectors.ClassA}
	}
	record := connectors.Object{Name: "contacts", Actions: all}
	list := connectors.Object{Name: "list", Actions: map[connectors.Action]connectors.Spec{
		connectors.AddToList: {}, connectors.RemoveFromList: {}}}
	b, err := behaviourOf(project.ModeMirror, project.ExitDelete, record)
	require.NoError(t, err)
	require.True(t, b.removes && b.adds && b.changes && !b.list)
	require.Equal(t, connectors.Delete, b.steps[0].action)
	b, err = behaviourOf(project.ModeMirror, project.ExitUnset, list)
	require.NoError(t, err)
	require.True(t, b.list)
	_, err = behaviourOf(project.ModeMirror, project.ExitUnset, record)
	require.ErrorContains(t, err, "needs on_exit")
	_, err = behaviourOf(project.ModeUpsert, "", list)
	require.ErrorContains(t, err, "needs the action upsert")
	b, err = behaviourOf(project.ModeInsert, "", record)
	require.NoError(t, err)
	require.False(t, b.planned(Change) || b.planned(Remove))

	remove, add := members(t, list).steps[0], members(t, list).steps[1]
	require.True(t, remove.takes(Remove, false, "a", ""))
	require.False(t, remove.takes(Remove, true, "a", ""), "moved")
	require.True(t, remove.takes(Change, false, "a", "b"))
	require.False(t, remove.takes(Change, false, "a", "a"))
	require.True(t, add.takes(Change, false, "a", "b"))
	require.False(t, add.takes(Remove, false, "a", ""))
}

func members(t *testing.T, list connectors.Object) behaviour {
	b, err := behaviourOf(project.ModeAudience, "", list)
	require.NoError(t, err)
	return b
}

// Whatever the rows, batches cover all of them once, in order, within limits,
// and their digests are those of the rows.
func TestBatchesCoverTheRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.Uint64Range(1, 60), 0, 200).Draw(t, "sizes")
		c := &cutter{step: step{phase: 1}, maxRows: uint32(rapid.IntRange(1, 20).Draw(t, "rows")), maxBytes: 100, frame: 10}
		for i, size := range sizes {
			c.add(uint64(i), rowHash{byte(i)}, size)
		}
		batches := cut([]*cutter{c})
		next := uint64(0)
		for i, b := range batches {
			require.Equal(t, uint32(i+1), b.no)
			require.Equal(t, next, b.firstRow)
			require.LessOrEqual(t, b.rows, c.maxRows)
			require.LessOrEqual(t, b.bytes, uint64(100))
			d := newBatchDigest()
			for r := b.firstRow; r <= b.lastRow; r++ {
				d.add(r, rowHash{byte(r)})
			}
			require.Equal(t, d.sum(), b.digest)
			next = b.lastRow + 1
		}
		require.EqualValues(t, len(sizes), next)
	})
}

func TestDigestIsAsDecided(t *testing.T) {
	t.Parallel()
	raw := make([]byte, 24)
	raw[0], raw[1], raw[8], raw[23] = 2, 1, 0xaa, 0xbb
	want := sha256.Sum256(raw)
	d := newBatchDigest()
	d.add(258, rowHash{0: 0xaa, 15: 0xbb})
	require.Equal(t, hex.EncodeToString(want[:]), d.sum())
	plan, err := planDigest([]string{d.sum()})
	require.NoError(t, err)
	wantPlan := sha256.Sum256(want[:])
	require.Equal(t, hex.EncodeToString(wantPlan[:]), plan)
	_, err = planDigest([]string{"zz"})
	require.Error(t, err)
}
