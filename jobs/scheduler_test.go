package jobs

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

func TestTakeSlotOnce(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	slot := utc("2026-01-01 10:00")
	id, taken, err := TakeSlot(t.Context(), db, "sync:a", slot)
	require.NoError(t, err)
	require.True(t, taken)
	require.Equal(t, SlotID("sync:a", slot), id)
	again, taken, err := TakeSlot(t.Context(), db, "sync:a", slot.In(time.FixedZone("", 3600)))
	require.NoError(t, err)
	require.False(t, taken)
	require.Equal(t, id, again)
	other, taken, err := TakeSlot(t.Context(), db, "sync:b", slot)
	require.NoError(t, err)
	require.True(t, taken)
	require.NotEqual(t, id, other)
	last, err := LastSlots(t.Context(), db)
	require.NoError(t, err)
	require.Equal(t, map[string]time.Time{"sync:a": slot, "sync:b": slot}, last)
}

// clock is a settable time.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time      { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) set(t time.Time)     { c.ns.Store(t.UnixNano()) }
func (c *clock) add(d time.Duration) { c.ns.Add(int64(d)) }

// fires records the job ids that a scheduler fired, as a ledger would.
type fires struct {
	mu    sync.Mutex
	calls int
	jobs  map[string]time.Time
}

func (f *fires) fire(_ context.Context, slot time.Time, jobID string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.jobs[jobID] = slot
	return nil
}

func (f *fires) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.jobs)
}

func TestSchedulerFiresEachSlotAndCatchesUp(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		db := warehousetest.Open(t)
		var now clock
		now.set(utc("2026-01-01 10:07"))
		q := open(t, url, func(o *Options) { o.DB, o.Now = db, now.now })
		latest, all := &fires{jobs: map[string]time.Time{}}, &fires{jobs: map[string]time.Time{}}
		broken := Item{Name: "broken", Spec: Spec{Cron: "nonsense"}, Fire: latest.fire}
		items := func(context.Context) ([]Item, error) {
			return []Item{broken,
				{Name: "latest", Spec: Spec{Every: 15 * time.Minute}, Fire: latest.fire},
				{Name: "all", Spec: Spec{Every: 15 * time.Minute}, CatchUp: CatchUpAll, LastSlot: utc("2026-01-01 10:00"), Fire: all.fire},
			}, nil
		}
		schedule := func(q *Queue) (stop func()) {
			ctx, cancel := context.WithCancel(context.Background())
			var done sync.WaitGroup
			done.Go(func() {
				if err := q.Schedule(ctx, items); err != nil {
					t.Error(err)
				}
			})
			stop = func() { cancel(); done.Wait() }
			t.Cleanup(stop)
			return stop
		}
		ticked := func(q *Queue) {
			before := q.counts.ticks.Load()
			q.Tick()
			eventually(t, 10*time.Second, "the scheduler looked twice", func() bool { return q.counts.ticks.Load() >= before+2 })
		}
		stop := schedule(q)
		eventually(t, 10*time.Second, "a new item is due for its newest slot", func() bool { return latest.count() == 1 })
		ticked(q)
		require.Equal(t, 1, latest.calls, "a recorded slot isn't fired again")
		require.Zero(t, all.count(), "the floor holds")
		// Redis forgets, and an hour passes while nobody runs.
		stop()
		flush(t, q.Redis())
		now.add(time.Hour)
		schedule(q)
		eventually(t, 10*time.Second, "slots are caught up", func() bool { return latest.count() == 2 && all.count() == 4 })
		ticked(q)
		require.Equal(t, 2, latest.calls)
		require.Equal(t, 4, all.calls)
	})
}

func TestSlotIsNotLostWhenFiringFails(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	now := utc("2026-01-01 10:07")
	q := open(t, "", func(o *Options) { o.DB, o.Now = db, func() time.Time { return now } })
	var ids []string
	items := func(context.Context) ([]Item, error) {
		return []Item{{Name: "a", Spec: Spec{Every: time.Hour}, Fire: func(_ context.Context, _ time.Time, jobID string) error {
			if ids = append(ids, jobID); len(ids) == 1 {
				return errors.New("died before its work was there")
			}
			return nil
		}}}, nil
	}
	for range 3 {
		require.NoError(t, q.fireDue(t.Context(), items))
	}
	require.Len(t, ids, 2, "tried again, then recorded")
	require.Equal(t, ids[0], ids[1], "under the same job id")
}
