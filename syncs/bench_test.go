package syncs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// benchRows is how many rows the benchmarks sync: TAILRACE_BENCH_ROWS.
func benchRows(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("TAILRACE_BENCH_ROWS"))
	if os.Getenv("TAILRACE_BENCH_ROWS") == "" {
		return 100_000
	}
	require.NoError(b, err)
	return n
}

// benchSync is a sync whose n rows are delivered.
func benchSync(b *testing.B, n int) (*bench, Run) {
	db := warehousetest.Open(b)
	s := setupOn(b, db, strings.Replace(mirrorRecords, "max_removed: 100%", "max_removed: 100%, first_sync: 100000000", 1), func(o *Options) { o.Slice = 10 * time.Minute; o.ClaimFor = time.Hour })
	s.vendor.rows = 1000
	s.fill(n, "0")
	started := time.Now()
	r, err := s.e.Start(s.ctx, "s", StartOptions{})
	require.NoError(b, err)
	r, err = s.e.Drive(s.ctx, r.ID)
	require.NoError(b, err)
	require.Equal(b, Succeeded, r.State, r.Reason+r.Error)
	require.EqualValues(b, n, r.Sums().Accepted)
	b.ReportMetric(float64(n)/time.Since(started).Seconds(), "delivered_rows/s")
	b.ReportMetric(float64(s.vendor.requests())/float64((n+999)/1000), "requests/fewest")
	return s, r
}

func (b *bench) fill(n int, age string) {
	b.Helper()
	people := b.db.ProjectDatabase() + ".people"
	b.exec("TRUNCATE TABLE " + people)
	b.exec(fmt.Sprintf("INSERT INTO %s SELECT concat('user_', hex(sipHash64(number))), concat('i', toString(number)), concat('name ', toString(number)), %s FROM numbers(%d)", people, age, n))
}

// The plan with one row in a hundred changed, beside its own first statement
// alone (the limit: reading and merging both sides in key order).
func BenchmarkPlan(b *testing.B) {
	n := benchRows(b)
	s, _ := benchSync(b, n)
	s.fill(n, "number % 100 = 0")
	var plan, snapshot, seal uint64
	b.ResetTimer()
	for range b.N {
		r, err := s.e.Start(s.ctx, "s", StartOptions{DryRun: true})
		require.NoError(b, err)
		require.NoError(b, s.e.Plan(s.ctx, r.ID))
		r, err = s.e.Run(s.ctx, r.ID)
		require.NoError(b, err)
		require.EqualValues(b, (n+99)/100, r.Counts["change"])
		plan, snapshot, seal = plan+r.Timings["plan"], snapshot+r.Timings["snapshot"], seal+r.Timings["seal"]
	}
	b.StopTimer()
	b.ReportMetric(float64(snapshot)/float64(b.N), "snapshot_ms")
	b.ReportMetric(float64(plan)/float64(b.N), "plan_ms")
	b.ReportMetric(float64(seal)/float64(b.N), "seal_ms")
	started := time.Now()
	s.count("SELECT count() FROM (SELECT key, hash FROM sync_snapshot_rows WHERE reason = '' AND (sync_id, version) IN (SELECT sync_id, max(version) FROM sync_snapshots GROUP BY sync_id)) AS d" +
		" FULL JOIN (SELECT key, applied_hash AS hash FROM sync_state FINAL WHERE sync_id = (SELECT any(sync_id) FROM sync_snapshots)) AS a ON d.key = a.key WHERE d.hash != a.hash" +
		" SETTINGS join_algorithm = 'full_sorting_merge', max_block_size = 8192, join_use_nulls = 0")
	b.ReportMetric(float64(time.Since(started).Milliseconds()), "bound_ms")
}

// Delivery into memory: what the ledger costs.
func BenchmarkDeliver(b *testing.B) {
	for range b.N {
		benchSync(b, benchRows(b))
	}
}
