package identity_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences/identity"
)

// TestInMemoryDecidesAsAPassDoes holds the two ways of deciding who is who against each other.
func TestInMemoryDecidesAsAPassDoes(t *testing.T) {
	b := setup(t)
	events := []event{
		{kind: "track", anon: "a1", at: 1}, {kind: "identify", user: "u1", anon: "a1", email: "one@example.com", at: 2},
		{kind: "identify", user: "u2", anon: "a1", at: 3}, {kind: "track", user: "u2", anon: "a2", at: 4},
		{kind: "alias", user: "u3", previous: "a3", at: 5}, {kind: "track", anon: "a3", at: 6},
		{kind: "alias", user: "u5", previous: "u4", at: 7}, {kind: "identify", user: "u4", email: "four@example.com", at: 8},
		{kind: "identify", anon: "a6", email: "six@example.com", at: 9}, {kind: "identify", user: "u6", email: "six@example.com", at: 10},
		{kind: "identify", user: "null", anon: "a7", email: "undefined", at: 11}, {kind: "track", user: "guest", at: 12},
	}
	b.load(events...)
	b.run()
	said := make([]identity.Said, len(events))
	for i, e := range events {
		said[i] = identity.Said{MessageID: fmt.Sprintf("m%03d", i+1), Type: e.kind, UserID: e.user, AnonymousID: e.anon, Email: e.email,
			PreviousID: e.previous, At: start.Add(time.Duration(e.at) * time.Minute)}
	}
	_, known := identity.InMemory(said, 0, nil)
	require.NotEmpty(t, known)
	for _, k := range known {
		require.Equal(t, b.profileOf(k.Kind, k.Value), k.Profile, "%s %s", k.Kind, k.Value)
	}
	var rows uint64
	require.NoError(t, b.db.Get(t.Context(), &rows, "SELECT count() FROM identities FINAL"))
	require.Len(t, known, int(rows))
}
