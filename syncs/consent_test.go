package syncs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/warehouse"
)

const vipSync = `audience: vip
destination: fake
object: list
mode: audience
match: { email: profile.email }
consent: [marketing]
guard: { max_removed: 0% }
schedule: on_change
`

// vips is a bench whose sync reads the audience vip with profiles.
type vips struct {
	*bench
	version uint64
}

func setupVIPs(t *testing.T, change ...func(*Options)) *vips {
	t.Helper()
	b := setup(t, mirrorRecords, change...)
	b.files(map[string]string{"syncs/s.yml": vipSync, "audiences/vip.sql": "/* audience\ndescription: vips\n*/\nSELECT profile_id FROM events\n"})
	db := b.db.ProjectDatabase()
	b.exec("CREATE TABLE " + db + ".vip (profile_id UUID) ENGINE = MergeTree ORDER BY profile_id")
	b.exec("DROP VIEW " + db + ".profiles")
	b.exec("CREATE TABLE " + db + ".profiles (profile_id UUID, email String) ENGINE = MergeTree ORDER BY profile_id")
	b.exec("INSERT INTO " + db + ".profiles SELECT toUUID(concat('00000000-0000-0000-0000-0000000000', leftPad(toString(number), 2, '0'))), concat('P', toString(number), '@x.io') FROM numbers(1, 20)")
	require.NoError(t, b.e.Reconcile(b.ctx))
	return &vips{bench: b}
}

func profileID(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("00000000-0000-0000-0000-0000000000%02d", n))
}

// publish makes the profiles members of vip, as a new version.
func (v *vips) publish(members ...int) {
	v.Helper()
	v.version++
	v.exec("TRUNCATE TABLE " + v.db.ProjectDatabase() + ".vip")
	var rows [][]any
	for _, m := range members {
		rows = append(rows, []any{profileID(m)})
	}
	require.NoError(v, v.db.Insert(v.ctx, v.db.ProjectDatabase()+".vip", []string{"profile_id"}, rows, warehouse.InsertOptions{}))
	v.exec("INSERT INTO materialization_log (kind, name, version, seq, state, logical_time) VALUES ('audience', 'vip', ?, 1, 'published', now64(3))", v.version)
}

func (v *vips) consent(kind, value, status string) {
	v.Helper()
	v.exec("INSERT INTO consents (kind, value, category, status, at, version) SELECT ?, ?, 'marketing', ?, now64(3), max(version) + 1 FROM consents", kind, value, status)
}

func (v *vips) suppress(kind, value string, active bool) {
	v.Helper()
	v.exec("INSERT INTO suppressions (kind, value, active, version) SELECT ?, ?, ?, max(version) + 1 FROM suppressions", kind, value, active)
}

func TestConsentAndSuppressionInTheSnapshot(t *testing.T) {
	v := setupVIPs(t)
	v.publish(1, 2, 3, 4, 5, 6, 7, 8)
	v.exec("INSERT INTO identities (kind, value, profile_id, version) VALUES ('user_id', 'u2', ?, 1), ('email', 'p4@x.io', ?, 1), ('anonymous_id', 'a7', ?, 1)",
		profileID(2), profileID(4), profileID(7))
	v.exec("INSERT INTO identity_merges (from_profile, into_profile, version) VALUES (?, ?, 1)", profileID(19), profileID(8))
	v.consent("profile_id", profileID(1).String(), "granted")
	v.consent("user_id", "u2", "granted")
	v.consent("email", "p3@X.io", "granted") // by the mapped address, whatever its case
	v.consent("profile_id", profileID(4).String(), "granted")
	v.consent("email", "p4@x.io", "withdrawn") // newer, by another identifier
	v.consent("profile_id", profileID(6).String(), "granted")
	v.consent("anonymous_id", "a7", "granted")
	v.consent("profile_id", profileID(19).String(), "granted") // of the merged profile
	v.suppress("email", "p6@X.IO", true)
	v.suppress("anonymous_id", "a7", true)
	r := v.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Error)
	require.Equal(t, []string{"P1@x.io", "P2@x.io", "P3@x.io", "P8@x.io"}, v.emails())
	require.Equal(t, map[string]uint64{OutConsentDenied: 1, OutConsentUnknown: 1, OutSuppressed: 2}, r.Sums().LeftOut)
	snapshots := v.count("SELECT count() FROM sync_snapshots")
	require.Equal(t, Succeeded, v.run(StartOptions{}).State)
	require.Equal(t, snapshots, v.count("SELECT count() FROM sync_snapshots"), "no input changed, so no selection is computed")

	// A withdrawal is due at once and no guard holds it.
	due, err := v.e.Due(v.ctx)
	require.NoError(t, err)
	require.Empty(t, due)
	v.consent("user_id", "u2", "denied")
	due, err = v.e.Due(v.ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"s"}, due)
	r = v.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Reason)
	require.Equal(t, []string{"P1@x.io", "P3@x.io", "P8@x.io"}, v.emails())
	v.suppress("anonymous_id", "a7", false)
	require.EqualValues(t, 1, v.run(StartOptions{}).Sums().Accepted)
	require.Contains(t, v.emails(), "P7@x.io")
}

// emails are the addresses that the vendor's calls left on the list.
func (v *vips) emails() []string {
	v.vendor.mu.Lock()
	defer v.vendor.mu.Unlock()
	on := map[string]bool{}
	for _, c := range v.vendor.calls {
		for _, r := range c.Rows {
			on[r.Identity(c.Action)["email"]] = c.Action == connectors.AddToList
		}
	}
	var out []string
	for n := 1; n <= 20; n++ {
		if email := fmt.Sprintf("P%d@x.io", n); on[email] {
			out = append(out, email)
		}
	}
	return out
}

func TestWithdrawalBetweenPlanAndSend(t *testing.T) {
	v := setupVIPs(t)
	v.publish(1, 2, 3)
	for n := 1; n <= 3; n++ {
		v.consent("profile_id", profileID(n).String(), "granted")
	}
	r, err := v.e.Start(v.ctx, "s", StartOptions{})
	require.NoError(t, err)
	require.NoError(t, v.e.Plan(v.ctx, r.ID))
	v.consent("email", "P1@x.io", "denied")
	v.suppress("email", "p3@x.io", true)
	got := v.drive(r.ID)
	require.Equal(t, Succeeded, got.State)
	require.Equal(t, []string{"P2@x.io"}, v.emails())
	require.Equal(t, map[string]uint64{"accepted": 1, "suppressed": 2}, pick(got.Counts, "accepted", "suppressed"))
	require.Len(t, v.held(), 1)
}

func TestAccountOfTheRunsInputs(t *testing.T) {
	v := setupVIPs(t)
	due, err := v.e.Due(v.ctx)
	require.NoError(t, err)
	require.Empty(t, due, "nothing is published yet")
	v.publish(1)
	v.consent("profile_id", profileID(1).String(), "granted")
	due, err = v.e.Due(v.ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"s"}, due)
	r := v.run(StartOptions{})
	require.Equal(t, "vip@1", r.InputVersions["source"])
	v.publish(1, 2)
	due, err = v.e.Due(v.ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"s"}, due)
	require.WithinDuration(t, time.Now(), r.At, time.Minute)
}

// A withdrawal doesn't wait behind a held plan, nor in a paused sync.
func TestWithdrawalsPassHeldPlansAndPauses(t *testing.T) {
	v := setupVIPs(t)
	v.publish(1, 2, 3, 4, 5)
	for n := 1; n <= 6; n++ {
		v.consent("profile_id", profileID(n).String(), "granted")
	}
	require.Equal(t, Succeeded, v.run(StartOptions{}).State)
	v.publish(1, 2, 3, 4, 6) // 5 leaves, which max_removed 0% holds; 6 comes
	v.consent("profile_id", profileID(1).String(), "denied")
	held := v.run(StartOptions{})
	require.Equal(t, Held, held.State)
	tasks, err := v.e.Unfinished(v.ctx)
	require.NoError(t, err)
	require.Len(t, tasks, 1, "the withdrawal")
	r := v.drive(tasks[0].ID)
	require.Equal(t, Succeeded, r.State, r.Reason)
	require.Equal(t, TriggerWithdrawal, r.Trigger)
	require.Equal(t, []string{"P2@x.io", "P3@x.io", "P4@x.io", "P5@x.io"}, v.emails())

	v.consent("profile_id", profileID(9).String(), "granted") // another selection than the held plan's
	r, err = v.e.Start(v.ctx, "s", StartOptions{Trigger: TriggerWithdrawal})
	require.NoError(t, err)
	_, err = v.e.Approve(v.ctx, held.ID, held.PlanDigest, "ada")
	require.NoError(t, err, "withdrawals don't make the held plan stale")
	require.Zero(t, v.drive(r.ID).Sums().Planned, "the approved run gives way to it")
	v.consent("profile_id", profileID(6).String(), "denied")
	got := v.drive(held.ID)
	require.Equal(t, Succeeded, got.State, got.Reason)
	require.Equal(t, []string{"P2@x.io", "P3@x.io", "P4@x.io"}, v.emails())
	require.Equal(t, map[string]uint64{"accepted": 1, "suppressed": 2}, pick(got.Counts, "accepted", "suppressed"))
	require.Len(t, v.held(), 3)

	require.NoError(t, v.e.Pause(v.ctx, "s", "ada", ""))
	v.publish(2, 3)
	v.suppress("email", "P2@x.io", true)
	due, err := v.e.Due(v.ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"s"}, due)
	r = v.run(StartOptions{Trigger: "change"})
	require.Equal(t, Succeeded, r.State, r.Reason)
	require.Equal(t, []string{"P3@x.io", "P4@x.io"}, v.emails(), "nothing but the suppressed one goes")
	due, err = v.e.Due(v.ctx)
	require.NoError(t, err)
	require.Empty(t, due)
	require.NoError(t, v.e.Resume(v.ctx, "s", "ada", ""))
	due, err = v.e.Due(v.ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"s"}, due, "what waited during the pause is still to be done")
}

func TestARunThatStoppedEarlyIsFollowedByAnother(t *testing.T) {
	v := setupVIPs(t)
	v.publish(1)
	v.consent("profile_id", profileID(1).String(), "granted")
	v.vendor.answer = func(int, connectors.Batch) (connectors.Answer, error, bool) {
		return connectors.Answer{}, &connectors.HTTPError{Status: 401}, true
	}
	require.Equal(t, Failed, v.run(StartOptions{}).State)
	due, err := v.e.Due(v.ctx)
	require.NoError(t, err)
	require.Empty(t, due)
	v.now = func() time.Time { return time.Now().Add(6 * time.Minute) }
	due, err = v.e.Due(v.ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"s"}, due)
}

// A withdrawal doesn't wait for the next slot, nor for somebody who starts the sync by hand, and takes nothing else along.
func TestWithdrawalsWaitForNoSchedule(t *testing.T) {
	for _, schedule := range []string{"manual", "every 1h", "cron 0 3 * * *", "on_change"} {
		t.Run(schedule, func(t *testing.T) {
			v := setupVIPs(t)
			v.files(map[string]string{"syncs/s.yml": strings.Replace(vipSync, "schedule: on_change", "schedule: "+schedule, 1)})
			require.NoError(t, v.e.Reconcile(v.ctx))
			v.publish(1, 2, 3)
			for n := 1; n <= 4; n++ {
				v.consent("profile_id", profileID(n).String(), "granted")
			}
			require.Equal(t, Succeeded, v.run(StartOptions{}).State)
			v.due(false)
			v.consent("profile_id", profileID(1).String(), "denied")
			v.due(true)
			r := v.run(StartOptions{Trigger: "change"})
			require.Equal(t, Succeeded, r.State, r.Reason)
			require.Equal(t, []string{"P2@x.io", "P3@x.io"}, v.emails())
			v.due(false)
			if schedule == "on_change" {
				return
			}
			require.Equal(t, TriggerWithdrawal, r.Trigger)
			v.publish(2, 4)
			v.due(false)
			v.suppress("email", "P2@x.io", true)
			v.due(true)
			r = v.run(StartOptions{Trigger: "change"})
			require.Equal(t, Succeeded, r.State, r.Reason)
			require.Equal(t, []string{"P3@x.io"}, v.emails(), "who left and who came wait for the schedule")
			v.due(false)
		})
	}
}

func (v *vips) due(want bool) {
	v.Helper()
	due, err := v.e.Due(v.ctx)
	require.NoError(v, err)
	require.Equal(v, want, len(due) > 0)
}
