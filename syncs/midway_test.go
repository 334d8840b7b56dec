package syncs

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

// TestSuppressedWhileDelivering: once a suppression is stored, no request that is written afterwards carries the person,
// though the batches were checked, claimed and loaded long before.
func TestSuppressedWhileDelivering(t *testing.T) {
	v := setupVIPs(t, func(o *Options) { o.Concurrency = 1 })
	v.vendor.rows = 1
	members := []int{1, 2, 3, 4, 5, 6}
	v.publish(members...)
	for _, n := range members {
		v.consent("profile_id", profileID(n).String(), "granted")
	}
	v.vendor.answer = func(n int, _ connectors.Batch) (connectors.Answer, error, bool) {
		if n == 2 {
			for _, m := range members {
				v.suppress("email", fmt.Sprintf("p%d@x.io", m), true)
			}
		}
		return connectors.Answer{}, nil, false
	}
	r := v.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Reason)
	require.Equal(t, 2, v.vendor.requests(), "a request left after the suppression was stored")
	require.Equal(t, map[string]uint64{"accepted": 2, "suppressed": 4}, pick(r.Counts, "accepted", "suppressed"))
}
