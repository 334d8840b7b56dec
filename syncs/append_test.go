package syncs

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

const appendOrders = `events: [Order Completed]
destination: fake
object: events
mode: append
match: { id: user_id }
fields:
  total: properties.total
  coupon: { column: properties.coupon, default: none }
  city: properties.address.city
schedule: on_change
`

// forwarder is a bench with a sync that forwards orders.
type forwarder struct {
	*bench
	loaded time.Time
}

func setupAppend(t *testing.T, syncYAML string, change ...func(*Options)) *forwarder {
	t.Helper()
	t.Parallel()
	b := setupOn(t, warehousetest.Open(t), syncYAML, change...)
	return &forwarder{bench: b, loaded: time.Now().UTC().Truncate(time.Millisecond)}
}

// order loads one order, some time after the sync was first seen.
func (f *forwarder) order(id string, at time.Duration, rows ...string) {
	f.Helper()
	event, user := "Order Completed", "u1"
	properties := `{"total":12.50,"address":{"city":"Genève"},"vip":true}`
	for i, p := range []*string{&event, &user, &properties} {
		if i < len(rows) {
			*p = rows[i]
		}
	}
	loaded := f.loaded.Add(at)
	payload := fmt.Sprintf(`{"type":"track","event":%q,"userId":%q,"messageId":%q,"properties":%s}`, event, user, id, properties)
	require.NoError(f, f.db.Insert(f.ctx, "events_raw", []string{"message_id", "type", "event", "user_id", "profile_id", "timestamp", "original_timestamp", "stable_time", "received_at", "loaded_at", "payload"},
		[][]any{{id, "track", event, user, profileID(int(user[1] - '0')), loaded, loaded, loaded, loaded, loaded, payload}}, warehouse.InsertOptions{}))
}

// sent are the message ids that the vendor took, in order.
func (f *forwarder) sent() []string {
	f.vendor.mu.Lock()
	defer f.vendor.mu.Unlock()
	ids := make([]string, len(f.vendor.events))
	for i, r := range f.vendor.events {
		ids[i] = r.Key
	}
	return ids
}

// due reports whether the sync is due, when things have settled.
func (f *forwarder) due() bool {
	f.Helper()
	f.now = func() time.Time { return time.Now().Add(settleAppend + time.Second) }
	defer func() { f.now = time.Now }()
	due, err := f.e.Due(f.ctx)
	require.NoError(f, err)
	return slices.Contains(due, "s")
}

func TestEventsAreAppendedOnce(t *testing.T) {
	f := setupAppend(t, appendOrders)
	f.order("before", -time.Hour)
	f.order("m1", 2*time.Second)
	f.order("m2", time.Second, "Order Completed", "u2", `{"total":"7","coupon":"spring","address":{}}`)
	f.order("other", time.Second, "Product Viewed")
	require.True(t, f.due())
	r := f.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, "%s %s", r.Reason, r.Error)
	require.Equal(t, []string{"m2", "m1"}, f.sent(), "what was there before the sync isn't sent; the rest goes in the order in which it happened")
	first := f.vendor.events[1]
	require.Equal(t, map[string]string{"id": "u1"}, first.IDs)
	require.Equal(t, map[string]connectors.Value{"event": connectors.Text("Order Completed"), "time": connectors.Text(instantText(f.loaded.Add(2 * time.Second))),
		"total": connectors.Value("12.5"), "coupon": connectors.Text("none"), "city": connectors.Text("Genève")}, first.Fields)
	require.Equal(t, connectors.Null(), f.vendor.events[0].Fields["city"])
	require.EqualValues(t, 2, r.Sums().Selected)
	require.False(t, f.due(), "nothing was loaded since")

	// One that was loaded late, one whose twin arrives, a new one: each once.
	f.order("late", -5*time.Minute)
	f.order("m1", 3*time.Second)
	f.order("m3", time.Minute)
	require.True(t, f.due())
	r = f.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Error)
	require.Equal(t, []string{"m2", "m1", "m3"}, f.sent(), "late was loaded before the sync was first seen")
	require.Equal(t, map[string]uint64{"unchanged": 2, "add": 1}, pick(r.Counts, "unchanged", "add"))

	f.order("overlap", -9*time.Minute+time.Minute) // behind the cursor, but within the overlap
	f.order("gone", -11*time.Minute+time.Minute)
	f.loaded = f.loaded.Add(time.Hour)
	f.order("m4", 0)
	f.run(StartOptions{})
	f.order("m5", -9*time.Minute)
	f.order("m6", -11*time.Minute)
	require.True(t, f.due())
	f.run(StartOptions{})
	require.Equal(t, []string{"m2", "m1", "m3", "m4", "m5"}, f.sent())
	require.Zero(t, f.count("SELECT count() FROM sync_state WHERE applied_ids != '' OR applied_payload != ''"), "a receipt holds nothing of a person")
}
