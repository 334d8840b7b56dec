package syncs

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
)

// publishAudience publishes a version of an audience that syncs leave out.
func (v *vips) publishAudience(name string, version uint64, members ...int) {
	v.Helper()
	table := "m_audience_" + name
	v.exec("CREATE TABLE IF NOT EXISTS " + table + " (version UInt64, key String, profile_id UUID) ENGINE = MergeTree PARTITION BY version ORDER BY key")
	var rows [][]any
	for _, m := range members {
		rows = append(rows, []any{version, profileID(m).String(), profileID(m)})
	}
	require.NoError(v, v.db.Insert(v.ctx, table, []string{"version", "key", "profile_id"}, rows, warehouse.InsertOptions{}))
	v.exec("INSERT INTO materialization_log (kind, name, version, seq, state, logical_time, table_name) VALUES ('audience', ?, ?, 4, 'published', now64(3), ?)",
		name, version, table)
}

func (v *vips) isDue() bool {
	v.Helper()
	due, err := v.e.Due(v.ctx)
	require.NoError(v, err)
	return slices.Contains(due, "s")
}

const openSync = `audience: vip
destination: fake
object: list
mode: audience
match: { email: profile.email }
guard: { max_removed: 100% }
`

func TestExclusionsAndPriorityLeaveOut(t *testing.T) {
	v := setupVIPs(t)
	v.files(map[string]string{
		"syncs/s.yml":             openSync + "exclude: [customers]\n",
		"audiences/customers.sql": "/* audience */ SELECT profile_id FROM events\n",
		"audiences/vip.sql":       "/* audience\npriority: { group: g, rank: 2 }\n*/\nSELECT profile_id FROM events\n",
		"audiences/first.sql":     "/* audience\npriority: { group: g, rank: 1 }\n*/\nSELECT profile_id FROM events\n",
		"audiences/third.sql":     "/* audience\npriority: { group: g, rank: 3 }\n*/\nSELECT profile_id FROM events\n",
	})
	require.NoError(t, v.e.Reconcile(v.ctx))
	v.publish(1, 2, 3, 4, 5, 6)
	v.publishAudience("customers", 1, 2, 9)
	require.False(t, v.isDue(), "whom the first of the group holds isn't known yet")
	r := v.run(StartOptions{})
	require.Equal(t, Failed, r.State)
	require.Contains(t, r.Error, "audience first, whose members are left out, has no published version yet")

	v.publishAudience("first", 1, 3, 2)
	v.publishAudience("third", 1, 4)
	r = v.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Error)
	require.Equal(t, []string{"P1@x.io", "P4@x.io", "P5@x.io", "P6@x.io"}, v.emails())
	require.Equal(t, map[string]uint64{OutExclusion: 1, OutPriority: 1}, r.Sums().LeftOut)
	require.Equal(t, "1", r.InputVersions["exclude:first"])
	require.False(t, v.isDue())

	v.publishAudience("third", 2, 5) // loses against this one, so it changes nothing
	require.False(t, v.isDue())
	v.publishAudience("customers", 2, 4)
	require.True(t, v.isDue(), "an excluded audience has another version")
	r = v.run(StartOptions{})
	require.Equal(t, []string{"P1@x.io", "P5@x.io", "P6@x.io"}, v.emails(), "2 is still of the first of the group, 4 is a customer now")
	v.publishAudience("first", 2)
	require.True(t, v.isDue())
	v.run(StartOptions{})
	require.Equal(t, []string{"P1@x.io", "P2@x.io", "P3@x.io", "P5@x.io", "P6@x.io"}, v.emails())

	v.files(map[string]string{"syncs/s.yml": openSync})
	require.NoError(t, v.e.Reconcile(v.ctx))
	require.True(t, v.isDue(), "the file excludes nobody any more")
	v.run(StartOptions{})
	require.Contains(t, v.emails(), "P4@x.io")
}

// heldOut is the documented formula, in Go.
func heldOut(salt, key string, percent float64) bool {
	sum := sha256.Sum256([]byte(salt + ":" + key))
	return float64(binary.BigEndian.Uint32(sum[:4])) < percent/100*4294967296
}

func TestHoldoutIsKeptOutAndGrowsNested(t *testing.T) {
	v := setupVIPs(t)
	members := make([]int, 20)
	for i := range members {
		members[i] = i + 1
	}
	out := func(salt string, percent float64) (sent []string, held uint64) {
		for _, m := range members {
			if heldOut(salt, profileID(m).String(), percent) {
				held++
			} else {
				sent = append(sent, fmt.Sprintf("P%d@x.io", m))
			}
		}
		return sent, held
	}
	experiment := func(salt string, percent int) {
		v.files(map[string]string{"syncs/s.yml": openSync, "audiences/vip.sql": fmt.Sprintf(
			"/* audience\nexperiment: { holdout: %d%%, salt: %s }\n*/\nSELECT profile_id FROM events\n", percent, salt)})
		require.NoError(t, v.e.Reconcile(v.ctx))
		require.True(t, v.isDue(), "another experiment is another selection")
		sent, held := out(salt, float64(percent))
		require.NotZero(t, held)
		r := v.run(StartOptions{})
		require.Equal(t, Succeeded, r.State, r.Error)
		require.Equal(t, sent, v.emails())
		require.Equal(t, map[string]uint64{OutHoldout: held}, r.Sums().LeftOut)
	}
	v.publish(members...)
	v.files(map[string]string{"syncs/s.yml": openSync})
	require.NoError(t, v.e.Reconcile(v.ctx))
	v.run(StartOptions{})
	require.Len(t, v.emails(), 20)
	experiment("spring", 30) // who was sent and is held out now is removed
	some, _ := out("spring", 30)
	experiment("spring", 60)
	fewer, _ := out("spring", 60)
	require.Subset(t, some, fewer, "a larger share holds out more and lets nobody go")
	require.Less(t, len(fewer), len(some))
	experiment("summer", 60)
	require.NotEqual(t, fewer, v.emails(), "another salt is another draw")
}

func TestExclusionsOfRowsThatAreNoPeople(t *testing.T) {
	b := setup(t, mirrorRecords)
	v := &vips{bench: b}
	b.people(person{"1", "i1", "a", 1}, person{"2", "i2", "b", 2})
	b.files(map[string]string{
		"models/people.sql":       "/* model\ndescription: people\nkey: key\nentity: none\n*/\nSELECT 1 AS key, 2 AS id, 3 AS name, 4 AS age\n",
		"syncs/s.yml":             mirrorRecords + "exclude: [rows]\n",
		"audiences/rows.sql":      "/* audience\nentity: none\n*/\nSELECT name FROM events\n",
		"audiences/customers.sql": "/* audience */ SELECT profile_id FROM events\n",
	})
	require.NoError(t, b.e.Reconcile(b.ctx))
	v.publishAudience("rows", 1)
	b.exec("INSERT INTO m_audience_rows (version, key) VALUES (1, '2')")
	r := b.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Error)
	require.Equal(t, map[string]string{"1": `{"id":"i1"}`}, b.held())

	b.files(map[string]string{"models/people.sql": "/* model\ndescription: people\nkey: key\n*/\nSELECT 1 AS key, 2 AS id, 3 AS name, 4 AS age\n", "syncs/s.yml": mirrorRecords + "exclude: [customers]\n"})
	require.NoError(t, b.e.Reconcile(b.ctx))
	v.publishAudience("customers", 1, 1)
	r = b.run(StartOptions{})
	require.Equal(t, Failed, r.State)
	require.Contains(t, r.Error, "audience customers can't be excluded: people has no profile_id")
}
