package syncs

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// benchRows is how many rows the benchmarks sync: TAILRACE_BENCH_ROWS.
func benchRows(b *testing.B) int {
	text := os.Getenv("TAILRACE_BENCH_ROWS")
	if text == "" {
		return 100_000
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err)
	return n
}

func (b *bench) fill(n int, age string) {
	b.Helper()
	people := b.db.ProjectDatabase() + ".people"
	b.exec("TRUNCATE TABLE " + people)
	b.exec(fmt.Sprintf("INSERT INTO %s SELECT concat('user_', hex(sipHash64(number))), concat('i', toString(number)), concat('name ', toString(number)), %s FROM numbers(%d)", people, age, n))
}

// anonymous is this process's anonymous memory in bytes.
func anonymous(b *testing.B) int64 {
	raw, err := os.ReadFile("/proc/self/status")
	require.NoError(b, err)
	for line := range strings.Lines(string(raw)) {
		if text, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			require.NoError(b, err)
			return kb << 10
		}
	}
	b.Skip("this system doesn't tell RssAnon")
	return 0
}

// peak measures how far anonymous memory grows during a call, every 10 ms.
func peak(b *testing.B, call func()) int64 {
	before := anonymous(b)
	most := before
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				most = max(most, anonymous(b))
			}
		}
	})
	call()
	close(done)
	watch.Wait()
	return most - before
}

// BenchmarkSync takes one sync through its first delivery, a plan with one row
// in a hundred changed, and a plan with nothing changed, at a tenth of the rows
// and at all of them. Beside each plan stands the best SQL for it on the same
// tables: the comparison of keys, then the payloads of those that differ, both
// written to tables.
func BenchmarkSync(b *testing.B) {
	n := benchRows(b)
	for _, rows := range []int{n / 10, n} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			for range b.N {
				benchSync(b, rows)
			}
		})
	}
}

// clock reads the time, and the user and system time of this process, which the engine is a part of.
type clock struct {
	at  time.Time
	cpu time.Duration
}

func readClock() clock {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // can't fail with these arguments
	return clock{time.Now(), time.Duration(u.Utime.Nano() + u.Stime.Nano())}
}

// laps are what several goes took.
type laps struct{ wall, cpu []time.Duration }

func (l *laps) add(from clock) {
	to := readClock()
	l.wall, l.cpu = append(l.wall, to.at.Sub(from.at)), append(l.cpu, to.cpu-from.cpu)
}

// report gives the fastest go, and the cheapest: what is least disturbed by whatever else the machine does.
func (l *laps) report(b *testing.B, name string) {
	b.ReportMetric(float64(slices.Min(l.wall).Microseconds())/1000, name+"_ms")
	b.ReportMetric(float64(slices.Min(l.cpu).Microseconds())/1000, name+"_cpu_ms")
}

// plans are the laps from a sealed snapshot to the sealed plan.
type plans struct {
	laps
	from clock
}

func (p *plans) door(_ context.Context, d Door) error {
	switch d {
	case Door{"insert:sync_snapshots", true}:
		p.from = readClock()
	case Door{"insert:sync_seals", true}:
		p.add(p.from)
	}
	return nil
}

func benchSync(b *testing.B, n int) {
	db := warehousetest.Open(b)
	var planned plans
	s := setupOn(b, db, strings.Replace(mirrorRecords, "max_removed: 100%", "max_removed: 100%, first_sync: 100000000", 1),
		func(o *Options) { o.Slice, o.ClaimFor, o.Faults = 10*time.Minute, time.Hour, planned.door })
	s.vendor.rows = 1000
	s.vendor.forget = true
	s.fill(n, "0")
	var delivery laps
	grown := peak(b, func() {
		from := readClock()
		r := s.benchRun(b, StartOptions{})
		delivery.add(from)
		require.EqualValues(b, n, r.Sums().Accepted)
	})
	b.ReportMetric(float64(n)/delivery.wall[0].Seconds(), "delivered_rows/s")
	b.ReportMetric(float64(n)/delivery.cpu[0].Seconds(), "delivered_rows/cpu-s")
	b.ReportMetric(float64(s.vendor.sent)/float64((n+999)/1000), "requests/fewest")
	b.ReportMetric(float64(grown)/(1<<20), "peak_MiB")

	s.fill(n, "number % 100 = 0")
	planned.laps = laps{}
	var snapshots laps
	for range 3 {
		from := readClock()
		r := s.benchRun(b, StartOptions{DryRun: true})
		snapshots.wall = append(snapshots.wall, time.Duration(r.Timings["snapshot"])*time.Millisecond)
		snapshots.cpu = append(snapshots.cpu, planned.from.cpu-from.cpu)
		require.EqualValues(b, (n+99)/100, r.Counts["change"])
	}
	planned.report(b, "plan")
	snapshots.report(b, "snapshot")
	s.bestSQL(b)

	s.fill(n, "0")
	sent := s.vendor.sent
	planned.laps = laps{}
	for range 3 {
		r := s.benchRun(b, StartOptions{})
		require.Zero(b, r.Sums().Planned)
	}
	planned.report(b, "unchanged")
	b.ReportMetric(float64(s.vendor.sent-sent), "unchanged_requests")
}

func (b *bench) benchRun(tb *testing.B, o StartOptions) Run {
	r, err := b.e.Start(b.ctx, "s", o)
	require.NoError(tb, err)
	if o.DryRun {
		require.NoError(tb, b.e.Plan(b.ctx, r.ID))
		r, err = b.e.Run(b.ctx, r.ID)
	} else {
		r, err = b.e.Drive(b.ctx, r.ID)
		require.Equal(tb, Succeeded, r.State, r.Reason+r.Error)
	}
	require.NoError(tb, err)
	return r
}

// bestSQL runs the two steps of a plan as bare statements.
func (b *bench) bestSQL(tb *testing.B) {
	const newest = "(sync_id, version) IN (SELECT sync_id, max(version) FROM sync_snapshots GROUP BY sync_id) AND reason = ''"
	const held = "sync_state FINAL WHERE sync_id = (SELECT any(sync_id) FROM sync_snapshots)"
	const writing = ", min_insert_block_size_rows = 262144, min_insert_block_size_bytes = 67108864, max_memory_usage = 1073741824"
	b.exec("CREATE TABLE best_keys (key String, op LowCardinality(String)) ENGINE = MergeTree ORDER BY key")
	b.exec("CREATE TABLE best_changes (key String, op LowCardinality(String), ids_after String, after String, ids_before String, before String) ENGINE = MergeTree ORDER BY key")
	var best laps
	for range 3 {
		b.exec("TRUNCATE TABLE best_keys")
		b.exec("TRUNCATE TABLE best_changes")
		from := readClock()
		b.exec("INSERT INTO best_keys SELECT if(d.hash = 0, a.key, d.key), multiIf(a.hash = 0, 'add', d.hash = 0, 'remove', 'change')" +
			" FROM (SELECT key, hash FROM sync_snapshot_rows WHERE " + newest + ") AS d FULL JOIN (SELECT key, applied_hash AS hash FROM " + held + ") AS a ON d.key = a.key" +
			" WHERE d.hash != a.hash SETTINGS join_use_nulls = 0, join_algorithm = 'full_sorting_merge', max_block_size = 8192" + writing)
		b.exec("INSERT INTO best_changes SELECT c.key, c.op, d.ids, d.payload, a.ids, a.payload FROM best_keys AS c" +
			" LEFT JOIN (SELECT key, ids, payload FROM sync_snapshot_rows WHERE " + newest + " AND key IN (SELECT key FROM best_keys)) AS d ON c.key = d.key" +
			" LEFT JOIN (SELECT key, applied_ids AS ids, applied_payload AS payload FROM " + held + " AND key IN (SELECT key FROM best_keys)) AS a ON c.key = a.key" +
			" SETTINGS join_use_nulls = 0, join_algorithm = 'hash'" + writing)
		best.add(from)
	}
	best.report(tb, "best_sql")
}
