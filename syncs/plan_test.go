package syncs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/warehouse"
)

// Both sides of the comparison must be read in key order: only the difference
// is sorted (docs/decisions.md §1).
func TestThePlanSortsNothing(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 20)...)
	b.run(StartOptions{})
	b.people(many(0, 20)...)
	sql := b.e.statement("plan_keys", map[string]string{"plan": "plan", "only": "", "limit": ""})
	_, query, found := strings.Cut(sql, "INSERT INTO plan (row_no, op, key)\n")
	require.True(t, found)
	d, err := b.e.Sync(b.ctx, "s")
	require.NoError(t, err)
	rows, err := b.db.Query(b.ctx, "EXPLAIN actions = 1 "+query, warehouse.P{"sync_id": d.SyncID, "version": uint64(1),
		"full": false, "adds": true, "changes": true, "removes": true, "parks": false, "withdrawn": false})
	require.NoError(t, err)
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		plan = append(plan, line)
	}
	require.NoError(t, rows.Close())
	prefix := 0
	for _, line := range plan {
		if strings.Contains(line, "Prefix sort description") && strings.Contains(line, "key") {
			prefix++
		}
	}
	require.Equal(t, 2, prefix, strings.Join(plan, "\n"))
}

func TestLargePlansGiveTheSame(t *testing.T) {
	b := setup(t, audienceList, func(o *Options) { o.alwaysMerge = true })
	b.people(many(0, 30)...)
	require.Equal(t, Succeeded, b.run(StartOptions{}).State)
	rows := many(5, 35)
	rows[0].id = "other"
	b.people(rows...)
	r := b.run(StartOptions{})
	require.Equal(t, map[string]uint64{"add": 5, "change": 1, "remove": 5, "unchanged": 24, "accepted": 11},
		pick(r.Counts, "add", "change", "remove", "unchanged", "accepted"))
	changes, _, err := b.e.Changes(b.ctx, r.ID, ChangeFilter{Op: Change, Q: "OTHER"})
	require.NoError(t, err)
	require.Len(t, changes, 1)
	require.Equal(t, []string{"id"}, changes[0].ChangedFields)
	require.JSONEq(t, `{"id":"i5"}`, string(changes[0].IDsBefore))
}

// In class A a row whose fate stayed unknown may be there: it is taken out when
// it leaves the selection.
func TestUnknownOfClassAIsNotForgotten(t *testing.T) {
	b := setup(t, audienceList, func(o *Options) { o.MaxAttempts = 1 })
	b.people(many(0, 2)...)
	b.vendor.lost = func(int) bool { return true }
	r := b.run(StartOptions{})
	require.Equal(t, Partial, r.State)
	require.EqualValues(t, 2, r.Sums().Unknown)
	require.Empty(t, b.held())
	b.vendor.lost = nil
	b.people(many(0, 1)...)
	r = b.run(StartOptions{})
	require.Equal(t, Succeeded, r.State)
	require.Equal(t, map[string]uint64{"change": 1, "remove": 1, "accepted": 2}, pick(r.Counts, "change", "remove", "accepted"))
	require.Equal(t, []string{"i0"}, b.vendor.members())
	require.Len(t, b.held(), 1)
	require.EqualValues(t, 1, b.run(StartOptions{}).Sums().Unchanged)
}

func TestDuplicateKeysFailTheRun(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.exec("DROP TABLE " + b.db.ProjectDatabase() + ".people")
	b.exec("CREATE TABLE " + b.db.ProjectDatabase() + ".people (key String, id String, name String, age UInt8) ENGINE = MergeTree ORDER BY key")
	b.exec("INSERT INTO " + b.db.ProjectDatabase() + ".people VALUES ('a', '1', 'x', 1), ('a', '2', 'y', 2), ('b', '3', 'z', 3)")
	r := b.run(StartOptions{})
	require.Equal(t, Failed, r.State)
	require.Contains(t, r.Error, "several rows have one key, for example a")
}

func TestRowsTheDestinationNeverTakesAreRejectedByThePlan(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.vendor.form = connectors.SHA256Hex
	good := strings.Repeat("ab", 32)
	b.people(person{key: "a", id: "x@y.z"}, person{key: "b", id: good}, person{key: "c", id: "plain"})
	r := b.run(StartOptions{DryRun: true})
	require.Equal(t, Planned, r.State)
	require.EqualValues(t, 3, r.Sums().ToGo)
	require.Zero(t, b.vendor.requests())
	r = b.run(StartOptions{})
	require.Equal(t, Partial, r.State)
	require.Equal(t, map[string]uint64{"accepted": 1, "rejected": 2}, pick(r.Counts, "accepted", "rejected"))
	require.Len(t, b.vendor.calls, 1)
	require.Len(t, b.vendor.calls[0].Rows, 1, "a plain identifier never leaves where a hash is due")
	require.NoError(t, b.e.Clean(b.ctx))
}

func TestTooLittleMemoryTakesTheOtherWay(t *testing.T) {
	b := setup(t, mirrorRecords, func(o *Options) { o.lookUpMemory = 1 })
	b.people(many(0, 20)...)
	r := b.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Error)
	require.EqualValues(t, 20, r.Sums().Accepted)
}

func TestBatchesAreWhatWasSealed(t *testing.T) {
	b := setup(t, mirrorRecords)
	b.people(many(0, 3)...)
	r, err := b.e.Start(b.ctx, "s", StartOptions{})
	require.NoError(t, err)
	require.NoError(t, b.e.Plan(b.ctx, r.ID))
	b.exec("ALTER TABLE sync_changes UPDATE payload_after = replaceOne(payload_after, 'n1', 'evil') WHERE row_no = 2 SETTINGS mutations_sync = 1")
	r = b.drive(r.ID)
	require.Equal(t, Failed, r.State)
	require.Contains(t, r.Reason, "isn't the one that was sealed")
	require.Zero(t, b.vendor.requests())
	require.EqualValues(t, 3, r.Sums().Cancelled)
}
