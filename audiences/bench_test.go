package audiences_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

const lapsedBuyers = "SELECT profile_id FROM events WHERE event = 'Order Completed' GROUP BY profile_id" +
	" HAVING count() >= 2 AND sum(toFloat64OrZero(toString(properties.revenue))) >= 150 AND max(timestamp) < toDateTime('2026-05-02 00:00:00', 'UTC')"

// BenchmarkAudience computes lapsed buyers over TAILRACE_BENCH_ROWS events of a
// tenth as many people, as a published version with its history, beside the same
// SELECT by hand; then it reads one person's profile with the newest events.
func BenchmarkAudience(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("TAILRACE_BENCH_ROWS"))
	if os.Getenv("TAILRACE_BENCH_ROWS") == "" {
		n, err = 100_000, nil
	}
	require.NoError(b, err)
	for range b.N {
		benchAudience(b, n)
	}
}

func benchAudience(b *testing.B, n int) {
	ctx, db := context.Background(), warehousetest.Open(b)
	u1 := identity.ProfileID("user_id", "u1").String()
	require.NoError(b, db.Exec(ctx, fmt.Sprintf("INSERT INTO events_raw (message_id, source, type, event, user_id, profile_id, timestamp, original_timestamp, stable_time, received_at, properties, payload)"+
		" SELECT concat('m', toString(number)), 'web', 'track', ['Product Viewed', 'Product Added', 'Cart Viewed', 'Checkout Started', 'Order Completed', 'Search'][1 + cityHash64(number, 1) %% 6] AS e,"+
		" concat('u', toString(cityHash64(number) %% %d)) AS u, if(u = 'u1', toUUID('%s'), reinterpretAsUUID(sipHash128(u))), toDateTime64(toDateTime('2026-06-01 00:00:00', 'UTC') - cityHash64(number, 2) %% (120 * 86400), 3, 'UTC') AS t, t, t, t,"+
		" concat('{\"revenue\":', toString(cityHash64(number, 3) %% 200), '}'), repeat('x', 600) FROM numbers(%d)", max(1, n/10), u1, n)))
	require.NoError(b, db.Exec(ctx, "INSERT INTO events_raw (message_id, source, type, user_id, profile_id, timestamp, original_timestamp, stable_time, received_at, traits, payload)"+
		" SELECT 'i1', 'web', 'identify', 'u1', toUUID(?), now64(3) AS t, t, t, t, '{}', '{}'", u1))
	dir := b.TempDir()
	require.NoError(b, os.MkdirAll(filepath.Join(dir, "audiences"), 0o755))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "tailrace.yml"), []byte("name: bench\n"), 0o644))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "audiences", "lapsed.sql"), []byte("/* audience\ndescription: lapsed buyers\nschedule: manual\n*/\n"+lapsedBuyers+"\n"), 0o644))
	p, diagnostics := project.Load(dir, func(string) (string, bool) { return "", false })
	require.False(b, diagnostics.HasErrors(), "%v", diagnostics)
	a := audiences.New(audiences.Options{DB: db, Project: func() *project.Project { return p }, Queue: &queue{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	found, err := a.Apply(ctx)
	require.NoError(b, err)
	require.False(b, found.HasErrors(), "%v", found)
	_, err = (&identity.Resolver{DB: db, Now: time.Now, Log: slog.New(slog.DiscardHandler)}).Run(ctx)
	require.NoError(b, err)

	var ours, hand, oursCPU, handCPU, person []time.Duration
	var members, same uint64
	for range 3 {
		started, cpu := time.Now(), cpuTime()
		require.NoError(b, db.Get(ctx, &same, "SELECT count() FROM ("+lapsedBuyers+")"))
		hand, handCPU = append(hand, time.Since(started)), append(handCPU, cpuTime()-cpu)
		started, cpu = time.Now(), cpuTime()
		m, err := a.Start(ctx, project.KindAudience, "lapsed", audiences.StartOptions{Trigger: audiences.TriggerPerson, Actor: "bench"})
		require.NoError(b, err)
		require.NoError(b, a.Run(ctx, m.ID))
		ours, oursCPU = append(ours, time.Since(started)), append(oursCPU, cpuTime()-cpu)
	}
	require.NoError(b, db.Get(ctx, &members, "SELECT count() FROM "+db.ProjectDatabase()+".lapsed"))
	require.Equal(b, same, members)
	for range 5 {
		started := time.Now()
		who, err := a.Profile(ctx, "u1")
		require.NoError(b, err)
		person = append(person, time.Since(started))
		require.NotEmpty(b, who.Events)
	}
	b.ReportMetric(fastest(hand), "by_hand_ms")
	b.ReportMetric(fastest(ours), "audience_ms")
	b.ReportMetric(fastest(handCPU), "by_hand_cpu_ms")
	b.ReportMetric(fastest(oursCPU), "audience_cpu_ms")
	b.ReportMetric(fastest(person), "timeline_ms")
}

// cpuTime is the user and system time of this process, which the engine is a part of.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // can't fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fastest is what is least disturbed by whatever else the machine does, in milliseconds.
func fastest(of []time.Duration) float64 { return float64(slices.Min(of).Microseconds()) / 1000 }
