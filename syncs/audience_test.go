package syncs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

func TestAudienceRemovesOldIdentifiersBeforeNewOnes(t *testing.T) {
	b := setup(t, audienceList)
	b.people(person{key: "a", id: "1"}, person{key: "b", id: "2"}, person{key: "c", id: "3"})
	require.Equal(t, Succeeded, b.run(StartOptions{}).State)
	require.Equal(t, []string{"1", "2", "3"}, b.vendor.members())

	// a gets new identifiers, b's go to d (a merge), c's name changes only.
	b.people(person{key: "a", id: "9"}, person{key: "c", id: "3", name: "new"}, person{key: "d", id: "2"})
	r := b.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Reason)
	require.Equal(t, map[string]uint64{"add": 1, "change": 1, "remove": 1, "moved": 1, "accepted": 2, "unchanged": 1},
		pick(r.Counts, "add", "change", "remove", "moved", "accepted", "unchanged"))
	require.Equal(t, []string{"2", "3", "9"}, b.vendor.members(), "b's removal would have taken d out")
	require.Equal(t, map[string]string{"a": `{"id":"9"}`, "c": `{"id":"3"}`, "d": `{"id":"2"}`}, b.held())
	var actions []connectors.Action
	for _, c := range b.vendor.calls[1:] {
		actions = append(actions, c.Action)
	}
	require.Equal(t, []connectors.Action{connectors.RemoveFromList, connectors.AddToList}, actions)
	require.Equal(t, "1", b.vendor.calls[1].Rows[0].Identity(connectors.RemoveFromList)["id"])
}

func TestAnAdditionWaitsForItsRemoval(t *testing.T) {
	b := setup(t, audienceList)
	b.people(person{key: "a", id: "1"})
	b.run(StartOptions{})
	b.people(person{key: "a", id: "2"})
	b.vendor.answer = func(_ int, c connectors.Batch) (connectors.Answer, error, bool) {
		if c.Action != connectors.RemoveFromList {
			return connectors.Answer{}, nil, false
		}
		return connectors.Answer{Results: []connectors.Result{{Status: connectors.Rejected, Code: "locked"}}}, nil, true
	}
	r := b.run(StartOptions{})
	require.Equal(t, Partial, r.State)
	require.EqualValues(t, 1, r.Sums().Rejected)
	require.Equal(t, []string{"1"}, b.vendor.members(), "the new identifier isn't added beside the old one")
	require.Equal(t, map[string]string{"a": `{"id":"1"}`}, b.held())
	b.vendor.answer = nil
	require.Equal(t, Succeeded, b.run(StartOptions{}).State)
	require.Equal(t, []string{"2"}, b.vendor.members())
}

func TestLeftOutRows(t *testing.T) {
	b := setup(t, audienceList, func(*Options) {})
	b.vendor.fold = true
	b.people(person{key: "a", id: "X"}, person{key: "b", id: "x"}, person{key: "c", id: "-"}, person{key: "d", id: "  "}, person{key: "e", id: "y"})
	r := b.run(StartOptions{})
	require.Equal(t, Succeeded, r.State)
	require.Equal(t, map[string]uint64{OutDuplicateMatch: 1, OutEmptyMatch: 2}, r.Sums().LeftOut)
	require.Equal(t, []string{"x", "y"}, b.vendor.members(), "the smallest key wins")
	out, next, err := b.e.LeftOut(b.ctx, r.ID, "", "", 2)
	require.NoError(t, err)
	require.Len(t, out, 2)
	rest, next, err := b.e.LeftOut(b.ctx, r.ID, "", next, 2)
	require.NoError(t, err)
	require.Len(t, rest, 1)
	require.Empty(t, next)
}
