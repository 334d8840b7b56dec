package identity_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences/identity"
)

func TestProfileIDInSQLIsGooglesUUIDv5(t *testing.T) {
	b := setup(t)
	for _, v := range []string{"", "u1", "ada@example.com", "日本", "a'b\\c", "x:y", "\x00"} {
		for _, kind := range []string{"user_id", "anonymous_id", "email"} {
			var got uuid.UUID
			require.NoError(t, b.db.Get(context.Background(), &got, "SELECT "+identity.ProfileIDSQL("k", "v")+" FROM (SELECT ? AS k, ? AS v)", kind, v))
			require.Equal(t, identity.ProfileID(kind, v), got, "%s:%s", kind, v)
		}
	}
	require.Equal(t, "f5242772-fafc-583b-bdf6-a19b820a59b7", identity.ProfileID("user_id", "u1").String())
}

func TestIdentifyGivesTheHistoryFromBeforeSignIn(t *testing.T) {
	b := setup(t)
	b.load(event{kind: "track", anon: "a1", at: 0}, event{kind: "track", anon: "a1", at: 1})
	b.run()
	b.load(event{kind: "identify", user: "u1", anon: "a1", at: 5}, event{kind: "track", user: "u1", anon: "a1", at: 6})
	report := b.run()
	require.Equal(t, 1, report.Merges)
	b.same(user("u1"), anon("a1"))
	require.Equal(t, identity.ProfileID("anonymous_id", "a1"), b.profileOf("user_id", "u1"), "the older profile wins")
	require.EqualValues(t, 4, b.count("SELECT count() FROM events WHERE profile_id = ?", b.profileOf("user_id", "u1")))
}

func TestOnlyIdentifyAndAliasTie(t *testing.T) {
	b := setup(t)
	b.load(event{kind: "track", user: "u1", anon: "a1"}, event{kind: "page", user: "u1", anon: "a1"}, event{kind: "group", user: "u1", anon: "a1"})
	require.Zero(t, b.run().Links)
	b.apart(user("u1"), anon("a1"))
}

func TestTwoUsersOfOneDeviceStayTwoPeople(t *testing.T) {
	b := setup(t)
	b.load(
		event{kind: "track", anon: "shared", at: 0},
		event{kind: "identify", user: "u1", anon: "shared", email: "family@example.com", at: 1},
		event{kind: "identify", user: "u2", anon: "shared", email: "family@example.com", at: 2},
	)
	report := b.run()
	require.Equal(t, 2, report.Refused, "the anonymous id and the email belong to u1")
	b.same(user("u1"), anon("shared"), email("family@example.com"))
	b.apart(user("u1"), user("u2"))
	// The next device doesn't unite them either, in whatever pass it comes.
	b.load(event{kind: "identify", user: "u2", anon: "own", at: 3}, event{kind: "identify", user: "u1", anon: "own", at: 4})
	b.run()
	b.same(user("u2"), anon("own"))
	b.apart(user("u1"), user("u2"))
	require.EqualValues(t, 3, b.count("SELECT count() FROM identity_refusals WHERE reason = 'belongs_to_another_user'"))
	require.EqualValues(t, b.count("SELECT count() FROM identity_refusals"),
		b.count("SELECT uniqExact(kind, value, profile_id) FROM identity_refusals"), "each refusal is written once")
}

func TestAliasUnitesTwoUserIDsAndChainsAreCompressed(t *testing.T) {
	b := setup(t)
	b.load(
		event{kind: "track", anon: "a1", at: 30},
		event{kind: "identify", user: "old", anon: "a1", at: 31},
		event{kind: "track", user: "older", at: 20},
		event{kind: "track", user: "oldest", at: 10},
	)
	b.run()
	b.load(event{kind: "alias", user: "older", previous: "old", at: 40})
	b.run()
	b.load(event{kind: "alias", user: "oldest", previous: "older", at: 41})
	b.run()
	b.same(user("oldest"), user("older"), user("old"), anon("a1"))
	require.Equal(t, identity.ProfileID("user_id", "oldest"), b.profileOf("anonymous_id", "a1"))
	require.EqualValues(t, 3, b.count("SELECT count() FROM identity_merges FINAL"))
	require.Zero(t, b.count("SELECT count() FROM identity_merges FINAL WHERE into_profile IN (SELECT from_profile FROM identity_merges)"))
	require.EqualValues(t, 1, b.count("SELECT uniqExact(profile_id) FROM events"))
}

func TestAliasTiesWhatItsPreviousIDIsKnownAs(t *testing.T) {
	b := setup(t)
	b.load(event{kind: "track", anon: "device", at: 0}, event{kind: "alias", user: "u1", previous: "device", at: 1},
		event{kind: "alias", user: "u2", previous: "never-seen", at: 1})
	b.run()
	b.same(user("u1"), anon("device"))
	require.Zero(t, b.count("SELECT count() FROM identities WHERE kind = 'user_id' AND value = 'device'"))
	b.same(user("u2"), user("never-seen"), anon("never-seen"))
}

func TestBlockedValuesNameNobody(t *testing.T) {
	b := setup(t)
	b.resolver.Blocked = []string{"Test-User "}
	var events []event
	for i, v := range []string{"null", "NULL", " undefined ", "0", "Anonymous", "none", "nil", "00000000-0000-0000-0000-000000000000", "test-user"} {
		events = append(events,
			event{kind: "identify", user: fmt.Sprint("x", i), anon: v, email: v, at: i},
			event{kind: "identify", user: v, anon: fmt.Sprint("y", i), at: i},
			event{kind: "alias", user: fmt.Sprint("z", i), previous: v, at: i})
	}
	b.load(events...)
	require.Zero(t, b.run().Links)
	require.EqualValues(t, 27, b.count("SELECT count() FROM identities FINAL"), "9 of x, y and z, nothing else")
	require.Zero(t, b.count("SELECT count() FROM identity_merges"))
	kinds := b.count("SELECT count() FROM identity_refusals WHERE reason = 'blocked_value'")
	require.EqualValues(t, 4*8, kinds, "each once for each kind; null and NULL are one")
}

func TestAProfileGathersNoMoreThanItsLimit(t *testing.T) {
	b := setup(t)
	b.resolver.MaxIDs = 4
	for i := range 10 {
		b.load(event{kind: "identify", user: "kiosk", anon: fmt.Sprint("a", i), at: i})
	}
	report := b.run()
	require.Equal(t, 3, report.Merges)
	require.Equal(t, 7, report.Refused)
	require.EqualValues(t, 4, b.count("SELECT count() FROM identities FINAL WHERE profile_id = ?", b.profileOf("user_id", "kiosk")))
	require.EqualValues(t, 7, b.count("SELECT count() FROM identity_refusals WHERE reason = 'too_many_identifiers'"))
}

func TestLateOldEventsAreFirstSeenEarlier(t *testing.T) {
	b := setup(t)
	b.load(event{kind: "track", user: "u1", at: 10}, event{kind: "track", anon: "a1", at: 5})
	b.run()
	b.load(event{kind: "track", user: "u1", at: -100}, event{kind: "identify", user: "u1", anon: "a1", at: 20})
	b.run()
	require.Equal(t, identity.ProfileID("user_id", "u1"), b.profileOf("anonymous_id", "a1"))
}

func TestNothingNewIsNoPass(t *testing.T) {
	b := setup(t)
	require.Zero(t, b.run().Pass, "an empty warehouse")
	b.load(event{kind: "identify", user: "u1", anon: "a1"})
	require.NotZero(t, b.run().Pass)
	passes := b.count("SELECT count() FROM identity_passes")
	require.Zero(t, b.run().Pass)
	require.Equal(t, passes, b.count("SELECT count() FROM identity_passes"))
}
