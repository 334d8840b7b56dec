package syncs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

// What each mode does for rows that are new, changed and gone.
func TestModesOnNewChangedAndGone(t *testing.T) {
	for mode, c := range map[string]struct {
		yaml  string
		first connectors.Action
		then  []connectors.Action // one row new, one changed, one gone
	}{
		"upsert": {strings.Replace(strings.Replace(mirrorRecords, "mirror", "upsert", 1), "on_exit: delete\n", "", 1), connectors.Upsert, []connectors.Action{connectors.Upsert}},
		"update": {strings.Replace(strings.Replace(mirrorRecords, "mirror", "update", 1), "on_exit: delete\n", "", 1), connectors.Update, []connectors.Action{connectors.Update}},
		"insert": {strings.Replace(strings.Replace(mirrorRecords, "mirror", "insert", 1), "on_exit: delete\n", "", 1), connectors.Create, []connectors.Action{connectors.Create}},
		"mirror": {mirrorRecords, connectors.Upsert, []connectors.Action{connectors.Delete, connectors.Upsert}},
		"add":    {strings.Replace(audienceList, "audience", "add", 1), connectors.AddToList, []connectors.Action{connectors.AddToList}},
		"remove": {strings.Replace(audienceList, "audience", "remove", 1), connectors.RemoveFromList, []connectors.Action{connectors.RemoveFromList}},
	} {
		t.Run(mode, func(t *testing.T) {
			b := setup(t, c.yaml)
			b.people(many(0, 4)...)
			require.Equal(t, Succeeded, b.run(StartOptions{}).State)
			require.Len(t, b.vendor.calls, 1)
			require.Equal(t, c.first, b.vendor.calls[0].Action)
			rows := many(1, 5)
			rows[0].age = 99
			b.people(rows...)
			r := b.run(StartOptions{})
			require.Equal(t, Succeeded, r.State, r.Reason)
			var actions []connectors.Action
			sent := 0
			for _, call := range b.vendor.calls[1:] {
				actions = append(actions, call.Action)
				sent += len(call.Rows)
			}
			require.Equal(t, c.then, actions)
			require.EqualValues(t, r.Sums().Planned, sent)
			require.Equal(t, map[string]int{"upsert": 2, "update": 2, "insert": 1, "mirror": 3, "add": 1, "remove": 1}[mode], sent)
		})
	}
}
