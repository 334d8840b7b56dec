package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/connectors/sandbox"
	"github.com/tailrace/tailrace/jobs/redistest"
	"github.com/tailrace/tailrace/syncs"
)

const hangs = sandbox.Hang // the vendor applies the request, and the answer never comes

// TestKillInPlanAndDelivery kills a run to the webhook in its plan, with requests on their way, and at random, then a
// second run with changes and removals. Each goes on by itself, and the receiver holds what the ledger says, with every
// row applied once.
func TestKillInPlanAndDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 400, 40*time.Millisecond)
	w.materialize()

	r := w.startRun("to_mailer")
	w.eventually("a worker plans", func() bool { return w.run(r.ID).State != syncs.Queued })
	w.kill()
	require.Zero(t, w.mailer.State().Counts["messages"], "the first kill was to land before anything is sent")
	w.mailer.Faults().Add(sandbox.Fault{Kind: hangs, Applied: true, Times: 2})
	w.start()
	w.eventually("two requests hang", func() bool { return w.mailer.Faults().Hits() == 2 })
	w.kill()
	require.Less(t, w.held(), len(w.high()), "the second kill was to land in the middle")
	w.start()
	before := w.mailer.State().Counts["messages"]
	w.eventually("the run goes on", func() bool { return w.mailer.State().Counts["messages"] > before })
	w.killIn(300 * time.Millisecond)
	done := w.finish(r.ID)
	require.NoError(t, w.delivered(done))
	require.Positive(t, w.mailer.State().Counts["duplicates"], "what hung was to be sent again under the same id")

	w.shuffle()
	w.materialize()
	r = w.startRun("to_mailer")
	before = w.mailer.State().Counts["messages"]
	w.eventually("the second run sends", func() bool { return w.mailer.State().Counts["messages"] > before })
	w.killIn(100 * time.Millisecond)
	done = w.finish(r.ID)
	require.NoError(t, w.delivered(done))
	require.Positive(t, done.Sums.Remove)
	require.Positive(t, done.Sums.Change)

	// The comparison can fail: with a row that the ledger accepted and the receiver never got.
	accepted := w.accepted(r.ID)
	accepted["nobody"] = syncs.Add
	require.ErrorContains(t, w.received(accepted), "nobody")
}

// TestKillInDeliveryToHubSpot is the same for a vendor where sending twice changes nothing.
func TestKillInDeliveryToHubSpot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 700, 20*time.Millisecond)
	w.materialize()
	require.NoError(t, w.inCRM(w.finish(w.startRun("to_crm").ID)))

	w.shuffle()
	w.materialize()
	w.crm.Faults().Add(sandbox.Fault{Kind: hangs, Applied: true})
	r := w.startRun("to_crm")
	w.eventually("a request hangs", func() bool { return w.crm.Faults().Hits() > 0 })
	w.kill()
	w.start()
	// The end waits until a request of the killed process can't be on its way any more.
	require.NoError(t, w.inCRM(w.finish(r.ID)))

	// The comparison can fail: with a member who should have another score.
	for user := range w.high() {
		w.scores[user]++
		break
	}
	require.ErrorContains(t, w.inCRM(w.run(r.ID)), "has the score")
}

// inCRM compares a run to HubSpot with the contacts that HubSpot holds.
func (w *world) inCRM(r api.RunView) error {
	w.t.Helper()
	if err := settled(r); err != nil {
		return err
	}
	got, want := map[string]string{}, w.high()
	for _, c := range w.crm.State().Contacts {
		if c.Properties["score"] != "" {
			got[c.Properties["email"]] = c.Properties["score"]
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d contacts have a score, not %d", len(got), len(want))
	}
	for user, score := range want {
		if email := user + "@people.example"; got[email] != strconv.Itoa(score) {
			return fmt.Errorf("%s has the score %q, not %d", email, got[email], score)
		}
	}
	return nil
}

// settled says why a run isn't one that got everything through.
func settled(r api.RunView) error {
	switch {
	case r.State != syncs.Succeeded:
		return fmt.Errorf("the run is %s: %s %s", r.State, r.Reason, r.Error)
	case r.Sums.Check() != nil:
		return r.Sums.Check()
	case r.Sums.Accepted != r.Sums.Planned || r.Sums.Planned == 0:
		return fmt.Errorf("%d of %d were accepted", r.Sums.Accepted, r.Sums.Planned)
	}
	return nil
}

// TestFlushedRedis empties a real Redis again and again while a run delivers: the run completes and nothing is lost.
func TestFlushedRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	options, err := redis.ParseURL(server.URL())
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	w := newWorld(t, 400, 60*time.Millisecond, "TAILRACE_REDIS="+server.URL())
	w.materialize()
	r := w.startRun("to_mailer")
	flushes := 0
	for range 3 {
		before, keys, over := w.mailer.State().Counts["messages"], int64(0), false
		w.eventually("the run goes on, with keys to flush", func() bool {
			over = w.run(r.ID).Over
			keys, err = client.DBSize(context.Background()).Result()
			return err == nil && (over || keys > 0 && w.mailer.State().Counts["messages"] > before)
		})
		if over {
			break
		}
		require.NoError(t, client.FlushAll(context.Background()).Err())
		flushes++
	}
	require.Positive(t, flushes, "no flush landed in the run")
	require.NoError(t, w.delivered(w.finish(r.ID)))
}

// held is how many people the receiver holds.
func (w *world) held() int { return len(w.mailer.State().Records["people"]) }

// delivered compares a run to the mailer with what the mailer holds and received.
func (w *world) delivered(r api.RunView) error {
	w.t.Helper()
	if err := settled(r); err != nil {
		return err
	}
	if w.mailer.State().Counts["ids reused for another body"] > 0 {
		return fmt.Errorf("a webhook-id was used for two bodies")
	}
	want, got := w.high(), w.mailer.State().Records["people"]
	if len(want) != len(got) {
		return fmt.Errorf("the receiver holds %d people, not %d", len(got), len(want))
	}
	for _, item := range got {
		var user string
		var score int
		if err := json.Unmarshal(item.Fields["customer"], &user); err != nil {
			return fmt.Errorf("reading what the receiver holds: %w", err)
		}
		if err := json.Unmarshal(item.Fields["score"], &score); err != nil {
			return fmt.Errorf("reading what the receiver holds: %w", err)
		}
		if want[user] != score || item.Identifiers["email"] != user+"@people.example" {
			return fmt.Errorf("the receiver has %s with %d, not %d", user, score, want[user])
		}
	}
	if err := w.once(); err != nil {
		return err
	}
	return w.received(w.accepted(r.ID))
}

// received looks for each row that the ledger has as accepted in the receiver's own record.
func (w *world) received(accepted map[string]syncs.Op) error {
	w.t.Helper()
	receipts, err := sandbox.ReadReceipts(w.receipts)
	require.NoError(w.t, err)
	there := map[string]bool{}
	for _, r := range receipts {
		for _, row := range r.Rows {
			there[row.Key] = true
		}
	}
	if len(accepted) == 0 {
		return fmt.Errorf("the ledger has nothing as accepted")
	}
	for key, op := range accepted {
		if !there[key] {
			return fmt.Errorf("the ledger has %s of %s as accepted, and the receiver never got it", op, key)
		}
	}
	return nil
}

// once says which webhook-id took effect twice: by the receipts, the receiver's own record.
func (w *world) once() error {
	w.t.Helper()
	receipts, err := sandbox.ReadReceipts(w.receipts)
	require.NoError(w.t, err)
	applied := map[string]int{}
	for _, r := range receipts {
		if r.Standin == "webhook" && !r.Duplicate {
			if applied[r.Idempotency]++; applied[r.Idempotency] > 1 {
				return fmt.Errorf("webhook-id %s took effect twice", r.Idempotency)
			}
		}
	}
	return nil
}
