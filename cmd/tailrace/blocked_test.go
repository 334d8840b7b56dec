package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/collector"
)

// TestOneProfilePerIdentifier: the collector, which may not know audiences, and identity resolution name the same person
// alike and refuse the same values.
func TestOneProfilePerIdentifier(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"user_id", "anonymous_id", "email"} {
		for _, value := range []string{"u1", "Ada@Example.com", "zoë", " padded "} {
			require.Equal(t, identity.ProfileID(kind, value), collector.ProfileID(kind, value))
		}
	}
	for _, value := range identity.BlockedValues {
		require.True(t, collector.BlockedIdentifier(value), "%q is blocked in identity resolution only", value)
		require.True(t, collector.BlockedIdentifier(" "+value+"\t"))
	}
	for _, value := range []string{"null", "undefined", "0", "anonymous", ""} {
		require.Contains(t, identity.BlockedValues, value)
	}
	mine := &identity.Resolver{Blocked: []string{" Test-User\t"}}
	require.Contains(t, mine.AllBlocked(), "test-user", "identity resolution and the collector trim and fold alike")
	for _, value := range []string{"u1", "\u00a0null", "null\u0085", "\u3000"} { // identity resolution ties by these
		require.False(t, collector.BlockedIdentifier(value), "%q is blocked in the collector only", value)
	}
}
