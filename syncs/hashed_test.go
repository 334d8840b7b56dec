package syncs

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

const adsSync = `audience: vip
destination: fake
object: ads
mode: audience
match: { email: profile.email }
consent: [marketing]
guard: { max_removed: 100% }
schedule: on_change
`

// setupAds is vips whose sync sends hashes; addresses differ from the hashed
// texts in letter case.
func setupAds(t *testing.T) *vips {
	t.Helper()
	v := setupVIPs(t)
	v.files(map[string]string{"syncs/s.yml": adsSync, "audiences/vip.sql": "/* audience\ndescription: vips\n*/\nSELECT profile_id FROM events\n"})
	require.NoError(t, v.e.Reconcile(v.ctx))
	return v
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// hashes are the identifiers that calls of an action carried, sorted.
func (v *vips) hashes(action connectors.Action) []string {
	v.vendor.mu.Lock()
	defer v.vendor.mu.Unlock()
	var out []string
	for _, c := range v.vendor.calls {
		for _, r := range c.Rows {
			if c.Action == action {
				out = append(out, r.Identity(action)["email"])
			}
		}
	}
	slices.Sort(out)
	return out
}

func sortedHashes(texts ...string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, hashed(t))
	}
	slices.Sort(out)
	return out
}

func TestHashedIdentifiers(t *testing.T) {
	v := setupAds(t)
	v.exec("INSERT INTO " + v.db.ProjectDatabase() + ".profiles VALUES ('" + profileID(21).String() + "', 'not an address'), ('" + profileID(22).String() + "', '')")
	v.publish(1, 2, 3, 4, 5, 21, 22)
	for _, n := range []int{1, 2, 4, 5, 21, 22} {
		v.consent("profile_id", profileID(n).String(), "granted")
	}
	v.consent("email", "p3@X.IO", "granted")
	v.consent("email", " p5@x.io", "withdrawn") // newer, and written otherwise than the profile's
	v.suppress("email", "p4@x.io ", true)
	r := v.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Error)
	require.Equal(t, map[string]uint64{OutSuppressed: 1, OutConsentDenied: 1, OutRefusedMatch: 1, OutEmptyMatch: 1}, r.Sums().LeftOut)
	require.Equal(t, sortedHashes("p1@x.io", "p2@x.io", "p3@x.io"), v.hashes(connectors.AddToList))
	require.Zero(t, v.count("SELECT count() FROM sync_changes WHERE ids_after LIKE '%@%'")+v.count("SELECT count() FROM sync_state WHERE applied_ids LIKE '%@%'"))

	// The profile is gone: what was sent is what is removed.
	v.exec("ALTER TABLE " + v.db.ProjectDatabase() + ".profiles DELETE WHERE email = 'P2@x.io' SETTINGS mutations_sync = 2")
	v.publish(1, 3)
	require.Equal(t, Succeeded, v.run(StartOptions{}).State)
	require.Equal(t, sortedHashes("p2@x.io"), v.hashes(connectors.RemoveFromList))
}

// Between plan and send only hashes are at hand.
func TestSuppressionOfWhatWasHashed(t *testing.T) {
	v := setupAds(t)
	v.publish(1, 2, 3)
	for _, email := range []string{"P1@x.io", "P2@x.io", "P3@x.io"} {
		v.consent("email", email, "granted")
	}
	r, err := v.e.Start(v.ctx, "s", StartOptions{})
	require.NoError(t, err)
	require.NoError(t, v.e.Plan(v.ctx, r.ID))
	v.suppress("email", "P1@X.io", true)
	v.consent("email", "p3@x.io", "denied")
	got := v.drive(r.ID)
	require.Equal(t, Succeeded, got.State)
	require.Equal(t, map[string]uint64{"accepted": 1, "suppressed": 2}, pick(got.Counts, "accepted", "suppressed"))
	require.Equal(t, sortedHashes("p2@x.io"), v.hashes(connectors.AddToList))
}

// A country alone names nobody, and people of one country share a request.
func TestSharedIdentifiers(t *testing.T) {
	b := setup(t, `model: people
destination: fake
object: ads
mode: audience
match: { external_id: id, country: name }
schedule: manual
`)
	b.people(person{key: "a", id: "1", name: "DE"}, person{key: "b", id: "2", name: "de "}, person{key: "c", id: "-", name: "DE"}, person{key: "d", id: "4", name: "Germany"})
	r := b.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Error)
	require.Equal(t, map[string]uint64{OutEmptyMatch: 1}, r.Sums().LeftOut)
	require.Equal(t, 1, b.vendor.requests())
	require.Equal(t, map[string]string{"external_id": "2", "country": hashed("de")}, b.vendor.calls[0].Rows[1].IDs)
	require.Equal(t, map[string]string{"external_id": "4"}, b.vendor.calls[0].Rows[2].IDs)
	b.files(map[string]string{"syncs/s.yml": "model: people\ndestination: fake\nobject: ads\nmode: audience\nmatch: { country: name }\nschedule: manual\n"})
	require.NoError(t, b.e.Reconcile(b.ctx))
	require.Contains(t, b.run(StartOptions{}).Error, "names a person")
}
