package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const before = `# Performance

Written by ` + "`make bench`" + `: every figure beside its limit, measured in the same run on the same machine. Compare ratios, not
seconds: whatever else the machine did (see the load below) slows both sides. *CPU* is user and system time of the process with
the engine in it; on a machine that is busy otherwise it says more than the time on the clock, which grows with every statement that
waits for a turn. Nothing here is a test.

`

const after = `
How each row is taken:

- **collect**: 60,000 events of 700 bytes in batches of 100 through the HTTP handler, the log with its fsync, and the load
  into ` + "`events_raw`" + `; the limit is the engine's own JSONEachRow insert of the same events into the same table, 10,000 at a time.
- **plan**: a ` + "`mirror`" + ` sync of a model; one row in a hundred has another field. Ours is the whole of comparing, writing the
  changes, cutting, digests and the seal, without the snapshot. The limit is the best SQL that we know, on the same tables:
  keys by ` + "`full_sorting_merge`" + `, then both payloads of those that differ, written to a table. Of three goes the fastest counts, on both sides.
- **deliver**: the first sync, from start to the folded state, into a destination in memory that answers at once, 1,000 rows a
  request: what the ledger costs. The plan and the snapshot are in it.
- **memory**: growth of the process's anonymous memory over that first sync, engine included, sampled every 10 ms.
- **audience**: lapsed buyers (at least two orders, at least 150 spent, none for 30 days), computed, checked and published
  with its history, beside the bare SELECT of it (the fastest of 3).
- **timeline**: one person's profile with identifiers, audiences and the newest 50 events (the fastest of 5).
- **event → destination**: the real binary takes about 1,000 events/s in requests of 50 for 25 s; one event in 25 is an order
  of a new customer. Time runs from just before the event's request until an HTTP receiver outside has the message; the first
  5 s don't count. *Forwarded* is a sync of events; *through an audience* is the customer becoming a member of an audience
  ` + "`on_change`" + ` and of the list that a sync keeps of it.

Not measured here: 10 M rows.

Again: ` + "`make bench`" + ` (1,000,000 rows, about fifteen minutes on an idle machine of two cores), or fewer rows with
` + "`TAILRACE_BENCH_ROWS=100000 make bench`" + `.
`

// peer is the one comparison that this page can't measure. Its figures are of a
// trial of 2026-11-24 on the same kind of machine.
const peer = `
Beside **rudder-server** (v1.20.0 with its Postgres; target ≥ 1.2 × in batches): **not measured in this run**, since nothing here
runs it. A trial on 2026-11-24, on a machine of the same kind with less load, counted 15,200 durable events per CPU-second in
batches of 100, and 4,700 one by one, Postgres included and nothing loaded into a warehouse. Ours above has the load in it.
The two are of different runs: no ratio.
`

// metric names one measured value.
type metric struct{ benchmark, unit string }

// row is one line of the page. Its ratio is of, by per.
type row struct {
	what, ours, limit string
	of, per           metric
	target            float64
	atLeast           bool
}

// sizes are the row counts of the sync benchmark, ascending.
func (r results) sizes() []int {
	var out []int
	for name := range r {
		if text, ok := strings.CutPrefix(name, "Sync/rows="); ok {
			if n, err := strconv.Atoi(text); err == nil {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return out
}

func (r results) get(m metric) (float64, error) {
	value, ok := r[m.benchmark][m.unit]
	if !ok {
		return 0, fmt.Errorf("the benchmarks didn't measure %s of %s", m.unit, m.benchmark)
	}
	return value, nil
}

// rows are the page's lines for both sizes of the sync benchmark.
func rows(small, large int) []row {
	at := func(n int, unit string) metric { return metric{fmt.Sprintf("Sync/rows=%d", n), unit} }
	return []row{
		{"collect, accept + load", "events/CPU-s", "engine's JSONEachRow, events/CPU-s", metric{"Collect", "events/cpu-s"}, metric{"EngineJSONEachRow", "events/cpu-s"}, 0.5, true},
		{"plan, " + thousands(large) + " rows, 1 % changed", "ms", "best SQL, ms", at(large, "plan_ms"), at(large, "best_sql_ms"), 1.5, false},
		{"same, CPU", "ms", "best SQL, ms", at(large, "plan_cpu_ms"), at(large, "best_sql_cpu_ms"), 1.5, false},
		{"plan, nothing changed", "ms", "best SQL at 1 %, ms", at(large, "unchanged_ms"), at(large, "best_sql_ms"), 0.3, false},
		{"same, CPU", "ms", "best SQL at 1 %, ms", at(large, "unchanged_cpu_ms"), at(large, "best_sql_cpu_ms"), 0.3, false},
		{"deliver, requests", "× the fewest", "", at(large, "requests/fewest"), metric{}, 1, false},
		{"deliver, requests when nothing changed", "requests", "", at(large, "unchanged_requests"), metric{}, 0, false},
		{"deliver into memory", "rows/s", "", at(large, "delivered_rows/s"), metric{}, 20_000, true},
		{"same, CPU", "rows/CPU-s", "", at(large, "delivered_rows/cpu-s"), metric{}, 20_000, true},
		{"memory, plan + deliver, 10 × the rows", "MiB at " + thousands(large), "MiB at " + thousands(small), at(large, "peak_MiB"), at(small, "peak_MiB"), 1.2, false},
		{"audience over " + thousands(large) + " events", "ms", "by hand, ms", metric{"Audience", "audience_ms"}, metric{"Audience", "by_hand_ms"}, 1.5, false},
		{"same, CPU", "ms", "by hand, ms", metric{"Audience", "audience_cpu_ms"}, metric{"Audience", "by_hand_cpu_ms"}, 1.5, false},
		{"one person's timeline", "ms", "", metric{"Audience", "timeline_ms"}, metric{}, 100, false},
		{"event → destination, forwarded, p95", "ms", "", metric{"Delay", "forwarded_p95_ms"}, metric{}, 10_000, false},
		{"event → destination, through an audience, p95", "ms", "", metric{"Delay", "member_p95_ms"}, metric{}, 10_000, false},
	}
}

// render writes the page. A row that wasn't measured is an error.
func render(r results, machine string) (string, error) {
	sizes := r.sizes()
	if len(sizes) < 2 {
		return "", fmt.Errorf("the benchmark Sync has %d sizes, two are needed", len(sizes))
	}
	var out strings.Builder
	out.WriteString(before + machine + "\n\n| what | ours | limit | ratio | first target | reached |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, line := range rows(sizes[0], sizes[len(sizes)-1]) {
		ours, err := r.get(line.of)
		if err != nil {
			return "", err
		}
		compared, limit, ratio, times := ours, "–", "–", ""
		if line.per.unit != "" {
			per, err := r.get(line.per)
			if err != nil {
				return "", err
			}
			compared, times = ours/per, " ×"
			limit, ratio = number(per)+" "+line.limit, fmt.Sprintf("%.2f ×", compared)
		}
		sign, reached := "≤ ", compared <= line.target
		if line.atLeast {
			sign, reached = "≥ ", compared >= line.target
		}
		word := "no"
		if reached {
			word = "yes"
		}
		fmt.Fprintf(&out, "| %s | %s %s | %s | %s | %s%s%s | %s |\n", line.what, number(ours), line.ours, limit, ratio, sign, number(line.target), times, word)
	}
	delay, err := delays(r)
	if err != nil {
		return "", err
	}
	out.WriteString(peer + delay + after)
	return out.String(), nil
}

// rest is how long an audience on_change rests after an attempt: at least so
// many seconds, and so many times what the attempt took.
const restSeconds, restTimes = 5, 5

// delays says what the delay through an audience consists of.
func delays(r results) (string, error) {
	at := map[string]float64{}
	for _, unit := range []string{"events/s", "forwarded_p50_ms", "member_p50_ms", "member_p95_ms", "versions", "version_ms"} {
		var err error
		if at[unit], err = r.get(metric{"Delay", unit}); err != nil {
			return "", err
		}
	}
	rest := max(restSeconds*1000, restTimes*at["version_ms"])
	return fmt.Sprintf("\nEvent → destination at %s events/s: half of the events were forwarded within %s ms, half of the members there within %s ms. "+
		"The audience had %s versions, %s ms each; between them it rests for %d s, or %d times what the last took: here %s ms, %.0f %% of the p95.\n",
		number(at["events/s"]), number(at["forwarded_p50_ms"]), number(at["member_p50_ms"]), number(at["versions"]), number(at["version_ms"]),
		restSeconds, restTimes, number(rest), 100*rest/at["member_p95_ms"]), nil
}

// number writes three digits that count.
func number(v float64) string {
	switch {
	case v >= 999.5:
		return thousands(int(v + 0.5))
	case v == float64(int(v)):
		return strconv.Itoa(int(v))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func thousands(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
