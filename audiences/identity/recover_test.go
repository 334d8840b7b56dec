package identity_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/warehouse"
)

func TestAPassThatDiedIsFinished(t *testing.T) {
	b := setup(t)
	ctx := context.Background()
	b.load(event{kind: "track", anon: "a0", at: 0}, event{kind: "track", user: "u1", at: 1}, event{kind: "track", anon: "a2", at: 2})
	b.load(event{kind: "identify", user: "u1", anon: "a2", at: 3})
	b.run()
	require.Equal(t, identity.ProfileID("user_id", "u1"), b.profileOf("anonymous_id", "a2"))

	// A pass that united u1 into a0 died after its merges and after the first of u1's two identifiers.
	from, into := identity.ProfileID("user_id", "u1"), identity.ProfileID("anonymous_id", "a0")
	version := uint64(50)<<32 | 3
	require.NoError(t, b.db.Insert(ctx, "identity_merges", []string{"from_profile", "into_profile", "reason", "message_id", "version"},
		[][]any{{from, into, "identify", "m9", version}}, warehouse.InsertOptions{}))
	require.NoError(t, b.db.Insert(ctx, "identities", []string{"kind", "value", "profile_id", "first_seen_at", "version"},
		[][]any{{"user_id", "u1", into, start, version}}, warehouse.InsertOptions{}))

	b.load(event{kind: "identify", user: "u1", anon: "a0", at: 4})
	b.run()
	b.same(user("u1"), anon("a0"), anon("a2"))
	require.EqualValues(t, 1, b.count("SELECT uniqExact(profile_id) FROM events"), "older merges lead to the new winner too")
	require.Zero(t, b.count("SELECT count() FROM identity_merges FINAL WHERE into_profile IN (SELECT from_profile FROM identity_merges)"))
}

func TestWindowsAndRepeatsEndInTheSameProfiles(t *testing.T) {
	b := setup(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for block := range 20 {
		var events []event
		for range 10 {
			e := event{kind: "identify", at: block*60 + rng.IntN(60)}
			if rng.IntN(4) > 0 {
				e.user = fmt.Sprint("u", rng.IntN(15))
			}
			e.anon = fmt.Sprint("a", rng.IntN(40))
			if rng.IntN(5) == 0 {
				e.kind, e.previous = "alias", fmt.Sprint("a", rng.IntN(40))
			}
			events = append(events, e)
		}
		b.load(events...)
	}
	b.resolver.MaxLinks = 7
	b.run()
	before := b.count("SELECT sum(cityHash64(kind, value, profile_id)) FROM identities FINAL")
	require.Greater(t, b.count("SELECT count() FROM identity_passes"), uint64(5), "it took several windows")

	// Everything read again, as after a lost pass row, changes nothing.
	require.NoError(t, b.db.Exec(context.Background(), "TRUNCATE TABLE identity_passes"))
	again := &identity.Resolver{DB: b.db, Now: b.resolver.Now, Log: b.resolver.Log, MaxLinks: 7}
	_, err := again.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, before, b.count("SELECT sum(cityHash64(kind, value, profile_id)) FROM identities FINAL"))
	require.Zero(t, b.count("SELECT count() FROM identity_merges FINAL WHERE into_profile IN (SELECT from_profile FROM identity_merges)"))
}

func TestABlockThatBecomesVisibleLateIsRead(t *testing.T) {
	b := setup(t)
	at := start.Add(time.Hour)
	b.loadedAt(at, event{kind: "track", anon: "a1", at: 0}, event{kind: "track", user: "u1", at: 1})
	b.run()
	b.loadedAt(at.Add(-2*time.Minute), event{kind: "identify", user: "u1", anon: "a1", at: 2})
	require.Equal(t, 1, b.run().Merges)
	require.Zero(t, b.run().Pass)

	// Another process doesn't remember what was read.
	b.loadedAt(at.Add(-3*time.Minute), event{kind: "identify", user: "u1", anon: "a2", at: 3})
	b.resolver = &identity.Resolver{DB: b.db, Now: b.resolver.Now, Log: b.resolver.Log}
	require.Equal(t, 1, b.run().Merges)
	b.same(user("u1"), anon("a1"), anon("a2"))
}
