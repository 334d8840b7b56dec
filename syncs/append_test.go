package syncs

import (
	"context"
	"errors"
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

// What a run that stopped didn't come to, and what was refused, is taken again
// although the window has moved on.
func TestUnsettledEventsAreCarriedOver(t *testing.T) {
	f := setupAppend(t, appendOrders, func(o *Options) { o.QuarantineAfter = 2; o.Concurrency = 1 })
	f.vendor.rows = 2
	f.vendor.poison["u3"] = true
	for i := range 5 {
		f.order(fmt.Sprintf("m%d", i), time.Duration(i)*time.Second)
	}
	f.order("poison", 6*time.Second, "Order Completed", "u3")
	f.vendor.answer = func(n int, _ connectors.Batch) (connectors.Answer, error, bool) {
		return connectors.Answer{}, &connectors.CallError{Do: connectors.Stop, Scope: connectors.ScopeCredential, Code: "401"}, n == 2
	}
	r := f.run(StartOptions{})
	require.Equal(t, Partial, r.State)
	require.EqualValues(t, 4, r.Sums().Cancelled)
	f.vendor.answer = nil
	f.loaded = f.loaded.Add(time.Hour)
	f.order("new", 0)
	r = f.run(StartOptions{})
	require.Equal(t, map[string]uint64{"add": 5, "accepted": 4, "rejected": 1}, pick(r.Counts, "add", "accepted", "rejected"))
	require.Equal(t, []string{"m0", "m1", "m2", "m3", "m4", "new"}, f.sent())

	require.EqualValues(t, 1, f.run(StartOptions{}).Sums().Rejected, "the second time it is refused, it is set aside")
	require.Equal(t, map[string]uint64{OutQuarantined: 1}, f.run(StartOptions{}).Sums().LeftOut)
	r = f.run(StartOptions{})
	require.Empty(t, r.Sums().LeftOut, "it isn't proposed for ever")
	delete(f.vendor.poison, "u3")
	r, err := f.e.Retry(f.ctx, r.ID, "ada")
	require.NoError(t, err)
	require.EqualValues(t, 1, f.drive(r.ID).Sums().Accepted, "a person may release it")
	require.EqualValues(t, 0, f.run(StartOptions{}).Sums().Planned)
	require.Len(t, f.sent(), 7)
}

func TestAnUnknownEventWaitsForAPerson(t *testing.T) {
	f := setupAppend(t, appendOrders)
	f.vendor.class = connectors.ClassD
	f.vendor.lost = func(n int) bool { return n == 1 }
	f.order("m1", 0)
	f.order("m2", 0)
	r := f.run(StartOptions{})
	require.EqualValues(t, 2, r.Sums().Unknown)
	require.Equal(t, map[string]uint64{OutUnresolved: 2}, f.run(StartOptions{}).Sums().LeftOut)
	f.loaded = f.loaded.Add(time.Hour)
	f.order("m3", 0)
	require.EqualValues(t, 1, f.run(StartOptions{}).Sums().Accepted)
	require.NoError(t, f.e.ResolveUnknown(f.ctx, "s", "m1", "ada", true))
	require.NoError(t, f.e.ResolveUnknown(f.ctx, "s", "m2", "ada", false))
	r = f.run(StartOptions{})
	require.EqualValues(t, 1, r.Sums().Accepted)
	require.Equal(t, []string{"m1", "m2", "m3", "m2"}, f.sent(), "the person said that m2 had not arrived")
}

func TestTheFirstRunOfABackfillIsHeld(t *testing.T) {
	f := setupAppend(t, appendOrders+"since: 2026-01-01\nguard: { first_sync: 2 }\n")
	f.order("old", -90*24*time.Hour, "Order Completed", "u1")
	f.order("older", -400*24*time.Hour)
	f.order("m1", 0)
	f.order("m2", time.Second)
	r := f.run(StartOptions{})
	require.Equal(t, Held, r.State)
	require.Contains(t, r.Reason, "first_sync: the first sync would send 3 rows")
	f.order("m3", 2*time.Second)
	require.False(t, f.due(), "events go on arriving while a person decides")
	_, err := f.e.Approve(f.ctx, r.ID, r.PlanDigest, "ada")
	require.NoError(t, err)
	require.Equal(t, Succeeded, f.drive(r.ID).State)
	require.Equal(t, []string{"old", "m1", "m2"}, f.sent(), "older happened before since")
	require.True(t, f.due())
	require.EqualValues(t, 1, f.run(StartOptions{}).Sums().Accepted)

	// An earlier since looks at the past once more; what was sent has its receipt.
	f.files(map[string]string{"syncs/s.yml": appendOrders + "since: beginning\n"})
	require.NoError(t, f.e.Reconcile(f.ctx))
	require.True(t, f.due())
	f.run(StartOptions{})
	require.Equal(t, []string{"old", "m1", "m2", "m3", "older"}, f.sent())
	_, err = f.e.Start(f.ctx, "s", StartOptions{Full: true})
	require.ErrorIs(t, err, ErrAppendOnce)
}

const appendCrossings = `audience: vip
destination: fake
object: events
mode: append
match: { id: profile_id }
fields: { why: because, email: profile.email }
`

func TestEntersAndExitsAreAppended(t *testing.T) {
	f := setupAppend(t, appendOrders)
	f.files(map[string]string{"syncs/s.yml": appendCrossings, "audiences/vip.sql": "/* audience\ndescription: vips\n*/\nSELECT profile_id FROM events\n"})
	f.exec("INSERT INTO events_raw (message_id, type, profile_id, timestamp, stable_time, traits) VALUES ('i1', 'identify', ?, now64(3), now64(3), '{\"email\":\"ada@x.io\"}')", profileID(1))
	publish := func(version int, at time.Duration, changes ...[]any) {
		for _, c := range changes {
			f.exec("INSERT INTO audience_changes_raw (name, version, key, change, because, logical_time) VALUES ('vip', ?, ?, ?, ['big'], ?)", version, profileID(c[0].(int)).String(), c[1], f.loaded.Add(at))
		}
		f.exec("INSERT INTO materialization_log (kind, name, version, seq, state, at, logical_time) VALUES ('audience', 'vip', ?, 1, 'published', ?, ?)", version, f.loaded.Add(at), f.loaded.Add(at))
	}
	publish(1, -time.Hour, []any{1, "enter"}, []any{2, "enter"}) // before the sync was there
	require.NoError(t, f.e.Reconcile(f.ctx))
	f.run(StartOptions{})
	require.Empty(t, f.sent())
	require.False(t, f.due())
	publish(2, time.Minute, []any{1, "exit"}, []any{3, "enter"})
	require.True(t, f.due())
	r := f.run(StartOptions{})
	require.Equal(t, Succeeded, r.State, r.Error)
	one := "vip:2:exit:" + profileID(1).String()
	require.Equal(t, []string{"vip:2:enter:" + profileID(3).String(), one}, f.sent())
	require.Equal(t, map[string]connectors.Value{"event": connectors.Text("audience.exited"), "time": connectors.Text(instantText(f.loaded.Add(time.Minute))),
		"audience": connectors.Text("vip"), "why": connectors.Value(`["big"]`), "email": connectors.Text("ada@x.io")}, f.vendor.events[1].Fields)
	require.Equal(t, map[string]string{"id": profileID(1).String()}, f.vendor.events[1].IDs)
	require.Equal(t, connectors.Text("audience.entered"), f.vendor.events[0].Fields["event"])
	publish(3, 2*time.Minute, []any{1, "enter"})
	f.run(StartOptions{})
	require.Len(t, f.sent(), 3, "whoever comes back enters again")
	require.EqualValues(t, 0, f.run(StartOptions{}).Sums().Planned)
}

func TestEventsOfPeopleWhoDoNotConsent(t *testing.T) {
	var atSeal func()
	f := setupAppend(t, appendOrders+"consent: [analytics]\n", func(o *Options) {
		o.Faults = func(_ context.Context, d Door) error {
			if d == (Door{Name: "insert:sync_seals", After: true}) && atSeal != nil {
				atSeal()
			}
			return nil
		}
	})
	for n := 1; n <= 5; n++ {
		if n != 2 {
			f.exec("INSERT INTO consents (kind, value, category, status, at, version) VALUES ('profile_id', ?, 'analytics', ?, now64(3), 1)",
				profileID(n).String(), map[bool]string{true: "denied", false: "granted"}[n == 3])
		}
		f.order(fmt.Sprintf("m%d", n), 0, "Order Completed", fmt.Sprintf("u%d", n))
	}
	f.order("merged", 0, "Order Completed", "u9")
	f.exec("INSERT INTO identity_merges (from_profile, into_profile, version) VALUES (?, ?, 1)", profileID(9), profileID(1))
	f.exec("INSERT INTO suppressions (kind, value, active, version) VALUES ('user_id', 'u4', true, 1)")
	atSeal = func() { // between plan and send
		f.exec("INSERT INTO suppressions (kind, value, active, version) VALUES ('user_id', 'u5', true, 1)")
		f.exec("INSERT INTO consents (kind, value, category, status, at, version) VALUES ('profile_id', ?, 'analytics', 'withdrawn', now64(3), 2)", profileID(1).String())
	}
	r := f.run(StartOptions{})
	require.Equal(t, map[string]uint64{OutConsentUnknown: 1, OutConsentDenied: 1, OutSuppressed: 1}, r.Sums().LeftOut)
	require.EqualValues(t, 3, r.Sums().Suppressed)
	require.Empty(t, f.sent())
	atSeal = nil
	f.exec("INSERT INTO consents (kind, value, category, status, at, version) VALUES ('profile_id', ?, 'analytics', 'granted', now64(3), 3)", profileID(1).String())
	f.run(StartOptions{})
	require.Equal(t, []string{"m1", "merged"}, f.sent(), "of the merged profile too")
}

// appendCrash crashes one run at a door and lets a fresh engine, which knows
// nothing but the warehouse, go on; then it runs again. It returns what is wrong.
func (f *forwarder) appendCrash(c *crasher, options func(*Options), d Door, round int) (wrong []string) {
	f.Helper()
	ids := map[string]bool{}
	for i := range 12 {
		id := fmt.Sprintf("r%02d-%02d", round, i)
		ids[id] = true
		f.order(id, time.Duration(round)*time.Second)
	}
	c.arm(d, 1)
	f.e = f.engine(options)
	r, err := f.e.Start(f.ctx, "s", StartOptions{RunID: fmt.Sprintf("round-%d", round)})
	if err == nil {
		_, err = f.e.Drive(f.ctx, r.ID)
	}
	var died *crash
	require.True(f, err == nil || errors.As(err, &died), "%v", err)
	require.True(f, c.dead.Load(), "the door %v was never passed", d)
	c.revive()
	f.e = f.engine(options)
	f.now = func() time.Time { return time.Now().Add(time.Minute) }
	defer func() { f.now = time.Now }()
	r, err = f.e.Start(f.ctx, "s", StartOptions{RunID: fmt.Sprintf("round-%d", round)})
	require.NoError(f, err)
	f.drive(r.ID)
	f.run(StartOptions{})
	times := map[string]int{}
	for _, id := range f.sent() {
		times[id]++
	}
	unknown := f.count("SELECT count() FROM sync_state FINAL WHERE last_status = 'unknown'")
	if unknown > 0 && f.vendor.class != connectors.ClassD {
		wrong = append(wrong, fmt.Sprintf("%d events stayed unknown", unknown))
	}
	for id := range ids {
		if f.vendor.class != connectors.ClassD && times[id] == 0 {
			wrong = append(wrong, id+" never arrived")
		}
	}
	for id, n := range times {
		if n > 1 {
			wrong = append(wrong, fmt.Sprintf("%s arrived %d times", id, n))
		}
	}
	return wrong
}

func TestCrashesOfAnAppendSync(t *testing.T) {
	doors := []Door{{"send", true}, {"exec:plan_keys", true}, {"insert:sync_outcomes", true}, {"exec:fold", true}}
	c := &crasher{}
	options := func(o *Options) { o.Faults, o.Grace = c.fault, time.Millisecond }
	f := setupAppend(t, appendOrders, options)
	for _, class := range []connectors.Class{connectors.ClassB, connectors.ClassD} {
		f.vendor.class = class
		for i, d := range doors {
			if class == connectors.ClassD && i > 0 {
				break // only a request whose fate is unknown is another case there
			}
			require.Empty(t, f.appendCrash(c, options, d, int(class)*100+i), "class %s, %v", class, d)
		}
	}
	t.Run("a variant without receipts is caught", func(t *testing.T) {
		c := &crasher{}
		options := func(o *Options) { o.Faults, o.Grace, o.broken = c.fault, time.Millisecond, broken{noReceipts: true} }
		f := setupAppend(t, appendOrders, options)
		f.vendor.class = connectors.ClassB
		require.Contains(t, fmt.Sprint(f.appendCrash(c, options, Door{"exec:fold", true}, 1)), "arrived 2 times")
	})
}
