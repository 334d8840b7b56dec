package syncs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestViewThatIsBehind: between the publishing of a version of another shape and its view, a plan waits instead of
// recording the old rows as the new version's.
func TestViewThatIsBehind(t *testing.T) {
	v := setupVIPs(t)
	v.publish(1)
	v.consent("profile_id", profileID(1).String(), "granted")
	v.exec("INSERT INTO materialization_log (kind, name, version, seq, state, logical_time, table_name) VALUES ('audience', 'vip', 2, 1, 'published', now64(3), 'm_audience_vip_other')")
	r, err := v.e.Start(v.ctx, "s", StartOptions{})
	require.NoError(t, err)
	err = v.e.Plan(v.ctx, r.ID)
	var later *Later
	require.ErrorAs(t, err, &later)
	require.Contains(t, later.Reason, "the view of vip")
	require.Zero(t, v.count("SELECT count() FROM sync_snapshots"))
	v.exec("CREATE TABLE m_audience_vip_other (profile_id UUID) ENGINE = MergeTree ORDER BY profile_id")
	v.exec("DROP TABLE " + v.db.ProjectDatabase() + ".vip")
	v.exec("CREATE VIEW " + v.db.ProjectDatabase() + ".vip AS SELECT profile_id FROM m_audience_vip_other")
	require.Equal(t, Succeeded, v.drive(r.ID).State)
}
