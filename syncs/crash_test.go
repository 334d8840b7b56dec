package syncs

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

// crash is what a process that died at a door would have left: the call was
// not made, or it was and nobody heard of it.
type crash struct{ door Door }

func (c *crash) Error() string {
	return fmt.Sprintf("crashed at %s (after: %t)", c.door.Name, c.door.After)
}
func (c *crash) Fault() bool { return true }

// crasher fails the nth passage of one door and every call after it, as a dead
// process would, until it is revived.
type crasher struct {
	door  Door
	n     int32
	seen  atomic.Int32
	dead  atomic.Bool
	armed atomic.Bool
}

func (c *crasher) fault(_ context.Context, d Door) error {
	if c.dead.Load() {
		return &crash{d}
	}
	if c.armed.Load() && d == c.door && c.seen.Add(1) == c.n {
		c.dead.Store(true)
		return &crash{d}
	}
	return nil
}

// arm makes the next run crash.
func (c *crasher) arm(d Door, n int32) {
	c.door, c.n = d, n
	c.seen.Store(0)
	c.dead.Store(false)
	c.armed.Store(true)
}

func (c *crasher) revive() {
	c.armed.Store(false)
	c.dead.Store(false)
}

var deliveryDoors = []string{"insert:jobs_claims", "insert:sync_intents", "send", "insert:sync_outcomes", "exec:fold"}
var planDoors = []string{"insert:sync_runs", "exec:snapshot", "insert:sync_snapshots", "exec:plan_keys", "exec:plan_changes", "insert:sync_batches", "insert:sync_seals"}

// crashBench runs a sync whose every row changes each time, with two poison
// rows, crashes it at a door, and lets another engine go on.
type crashBench struct {
	*bench
	crasher *crasher
	round   int
	broken  broken
}

func setupCrash(t *testing.T, class connectors.Class, b broken) *crashBench {
	c := &crashBench{crasher: &crasher{}, broken: b}
	c.bench = setup(t, mirrorRecords, c.options)
	c.vendor.class = class
	c.vendor.poison["i3"], c.vendor.poison["i17"] = true, true
	return c
}

func (c *crashBench) options(o *Options) {
	o.Faults, o.broken, o.QuarantineAfter = c.crasher.fault, c.broken, 1000
	o.Concurrency, o.Grace = 2, time.Millisecond
}

// crashAt crashes one run at a door, finishes it with a fresh engine, and
// returns it with what went wrong.
func (c *crashBench) crashAt(d Door, n int32) (Run, []string) {
	c.Helper()
	c.round++
	rows := many(0, 25)
	for i := range rows {
		rows[i].age = uint64(1000*c.round + i)
	}
	c.people(rows...)
	c.e = c.engine(c.options)
	id := fmt.Sprintf("round-%d", c.round)
	c.crasher.arm(d, n)
	_, err := c.e.Start(c.ctx, "s", StartOptions{RunID: id})
	var first Run
	if err == nil {
		first, err = c.e.Drive(c.ctx, id)
	}
	var died *crash
	require.True(c, err == nil || errors.As(err, &died), "%v", err)
	require.True(c, c.crasher.dead.Load(), "the door %v was never passed: %s %s %s", d, first.State, first.Reason, first.Error)
	c.crasher.revive()
	c.e = c.engine(c.options) // nothing but the warehouse is left
	_, err = c.e.Start(c.ctx, "s", StartOptions{RunID: id})
	require.NoError(c, err)
	// What the dead process sent is certainly over once its deadline passed.
	c.now = func() time.Time { return time.Now().Add(time.Minute) }
	defer func() { c.now = time.Now }()
	ctx, cancel := context.WithTimeout(c.ctx, 2*time.Minute)
	defer cancel()
	r, err := c.e.Drive(ctx, id)
	require.NoError(c, err)
	return r, c.violations(r)
}

// violations compares the vendor's own record with the ledger.
func (c *crashBench) violations(r Run) (wrong []string) {
	if err := r.Sums().Check(); err != nil {
		wrong = append(wrong, err.Error())
	}
	cursor, accepted := "", 0
	for {
		changes, next, err := c.e.Changes(c.ctx, r.ID, ChangeFilter{Cursor: cursor, Limit: 10})
		require.NoError(c, err)
		for _, ch := range changes {
			times := c.vendor.applied[r.PlanID+" "+ch.Key]
			if c.vendor.class != connectors.ClassA && times > 1 {
				wrong = append(wrong, fmt.Sprintf("%s took effect %d times", ch.Key, times))
			}
			switch ch.Outcome {
			case "accepted":
				accepted++
				if times == 0 {
					wrong = append(wrong, ch.Key+" is accepted and never arrived")
				}
			case "rejected":
				if times > 0 {
					wrong = append(wrong, ch.Key+" is rejected and arrived")
				}
			case "unknown":
				if c.vendor.class != connectors.ClassD {
					wrong = append(wrong, ch.Key+" stayed unknown")
				}
			default:
				wrong = append(wrong, ch.Key+" is "+ch.Outcome)
			}
		}
		if cursor = next; next == "" {
			break
		}
	}
	var sent uint64
	err := c.db.Get(c.ctx, &sent, "SELECT count() FROM sync_state FINAL WHERE last_run_no = ? AND last_status = 'accepted'", r.No)
	require.NoError(c, err)
	if int(sent) != accepted {
		wrong = append(wrong, fmt.Sprintf("the state has %d accepted rows, the outcomes say %d", sent, accepted))
	}
	return wrong
}

// resolve lets a person clear what stayed unknown, so that the next round plans it.
func (c *crashBench) resolve() {
	c.Helper()
	var keys []string
	require.NoError(c, c.db.Select(c.ctx, &keys, "SELECT key FROM sync_state FINAL WHERE last_status = 'unknown'"))
	for _, k := range keys {
		require.NoError(c, c.e.ResolveUnknown(c.ctx, "s", k, "ada", false))
	}
}

func TestCrashesAtEveryDoor(t *testing.T) {
	for class, doors := range map[connectors.Class][]string{
		connectors.ClassA: deliveryDoors[1:4],
		connectors.ClassB: deliveryDoors[1:4],
		connectors.ClassD: append(planDoors, deliveryDoors...),
	} {
		t.Run(class.String(), func(t *testing.T) {
			c := setupCrash(t, class, broken{})
			for i, name := range doors {
				for _, after := range []bool{false, true} {
					n := int32(1 + (i+c.round)%2)
					if name == "insert:sync_runs" {
						n = 3
					} else if i < len(planDoors) && class == connectors.ClassD || name == "exec:fold" {
						n = 1
					}
					_, wrong := c.crashAt(Door{Name: name, After: after}, n)
					require.Empty(t, wrong, "%s, after: %t, passage %d", name, after, n)
					c.resolve()
				}
			}
		})
	}
}

// A harness that can't fail proves nothing: both broken variants are caught.
func TestCrashHarnessCatchesBrokenVariants(t *testing.T) {
	t.Run("ignoring intents", func(t *testing.T) {
		c := setupCrash(t, connectors.ClassD, broken{ignoreIntents: true})
		_, wrong := c.crashAt(Door{Name: "send", After: true}, 1)
		require.NotEmpty(t, wrong)
		require.Contains(t, wrong[0], "took effect 2 times")
	})
	t.Run("acknowledging first", func(t *testing.T) {
		c := setupCrash(t, connectors.ClassD, broken{ackFirst: true})
		_, wrong := c.crashAt(Door{Name: "send", After: false}, 1)
		require.NotEmpty(t, wrong)
		require.Contains(t, fmt.Sprint(wrong), "is accepted and never arrived")
	})
}
