package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const output = `goos: linux
BenchmarkCollect-2   	       1	17044 ns/op	      26000 events/cpu-s	         9000 events/s
BenchmarkEngineJSONEachRow-2   	       1	17044 ns/op	      40000 events/cpu-s
BenchmarkSync/rows=100000-2  1 1 ns/op 9760 delivered_rows/s 1.000 requests/fewest 200 peak_MiB 90 plan_ms 30 best_sql_ms 10 unchanged_ms 500 plan_cpu_ms 400 best_sql_cpu_ms 40 unchanged_cpu_ms 16000 delivered_rows/cpu-s 0 unchanged_requests
BenchmarkSync/rows=1000000-2  1 1 ns/op 21000 delivered_rows/s 1.000 requests/fewest 220 peak_MiB 450 plan_ms 300 best_sql_ms 45 unchanged_ms 500 plan_cpu_ms 400 best_sql_cpu_ms 40 unchanged_cpu_ms 16000 delivered_rows/cpu-s 0 unchanged_requests
BenchmarkAudience-2  1 1 ns/op 100 by_hand_ms 200 audience_ms 90 by_hand_cpu_ms 300 audience_cpu_ms 12.5 timeline_ms
BenchmarkDelay-2  1 1 ns/op 999.9 events/s 2000 forwarded_p50_ms 4000 forwarded_p95_ms 6000 member_p50_ms 9000 member_p95_ms 4 versions 800 version_ms
PASS
`

func TestRender(t *testing.T) {
	found, err := read(strings.NewReader(output))
	require.NoError(t, err)
	page, err := render(found, "2026-11-24, a machine.")
	require.NoError(t, err)
	for _, line := range []string{
		"| collect, accept + load | 26,000 events/CPU-s | 40,000 engine's JSONEachRow, events/CPU-s | 0.65 × | ≥ 0.5 × | yes |",
		"| plan, 1,000,000 rows, 1 % changed | 450 ms | 300 best SQL, ms | 1.50 × | ≤ 1.5 × | yes |",
		"| deliver into memory | 21,000 rows/s | – | – | ≥ 20,000 | yes |",
		"| memory, plan + deliver, 10 × the rows | 220 MiB at 1,000,000 | 200 MiB at 100,000 | 1.10 × | ≤ 1.2 × | yes |",
		"| event → destination, forwarded, p95 | 4,000 ms | – | – | ≤ 10,000 | yes |",
		"**not measured in this run**",
		"Event → destination at 1,000 events/s",
		"4 versions, 800 ms each; between them it rests for 5 s, or 5 times what the last took: here 5,000 ms, 56 % of the p95.",
		"| audience over 1,000,000 events | 200 ms | 100 by hand, ms | 2.00 × | ≤ 1.5 × | no |",
	} {
		require.Contains(t, page, line)
	}
}

func TestHalfARun(t *testing.T) {
	for name, text := range map[string]string{
		"a benchmark is missing": strings.ReplaceAll(output, "BenchmarkAudience", "BenchmarkOther"),
		"no delay":               strings.ReplaceAll(output, "version_ms", "other_ms"),
		"a metric is missing":    strings.ReplaceAll(output, "plan_ms", "other_ms"),
		"one failed":             output + "--- FAIL: BenchmarkSync\n",
		"no size":                strings.ReplaceAll(output, "BenchmarkSync", "Other"),
	} {
		t.Run(name, func(t *testing.T) {
			found, err := read(strings.NewReader(text))
			if err == nil {
				_, err = render(found, "")
			}
			require.Error(t, err)
		})
	}
}
