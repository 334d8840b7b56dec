package collector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// benchBody is a batch of 100 events of about 700 bytes each.
func benchBody(first int) string {
	var b strings.Builder
	b.WriteString(`{"batch":[`)
	for i := range 100 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(benchEvent(first + i))
	}
	b.WriteString(`],"sentAt":"2026-11-20T03:02:02.000Z"}`)
	return b.String()
}

var benchEvents = []string{"Product Viewed", "Product Added", "Cart Viewed", "Checkout Started", "Order Completed", "Product List Viewed"}

func benchEvent(n int) string {
	return fmt.Sprintf(`{"type":"track","event":"%s","messageId":"bench-%012d","anonymousId":"a-%x","userId":"user-%d","timestamp":"2026-11-%02dT03:02:01.123Z",`+
		`"context":{"library":{"name":"analytics.js","version":"4.1"},"page":{"path":"/p/%d","referrer":"https://search.example/","title":"A shoe","url":"https://shop.example/p/%d"},`+
		`"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36","ip":"203.0.113.%d","locale":"en-GB"},`+
		`"properties":{"product_id":"sku-%d","name":"A shoe","category":"shoes","price":%d.9,"quantity":%d,"currency":"EUR","in_stock":true}}`,
		benchEvents[n%len(benchEvents)], n, n*7919%100_000, n*31%20_000, 1+n%20, n%500, n%500, n%256, n%500, n%300, 1+n%3)
}

// cpuSeconds is the user and system time of this process.
func cpuSeconds(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

func reportPerCPU(b *testing.B, events int, cpu float64) {
	b.ReportMetric(float64(events)/(cpuSeconds(b)-cpu), "events/cpu-s")
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkCollect accepts and loads 20,000 events in batches of 100.
func BenchmarkCollect(b *testing.B) {
	const batches = 200
	db := warehousetest.Open(b)
	c := open(b, Options{Warehouse: db})
	run(b, c)
	h := c.Handler()
	next := 0
	bodies := func() []string {
		all := make([]string, batches)
		for i := range all {
			all[i] = benchBody(next)
			next += 100
		}
		return all
	}
	var events int
	var cpu float64
	b.ResetTimer()
	cpu = cpuSeconds(b)
	for range b.N {
		b.StopTimer()
		before := cpuSeconds(b)
		all := bodies()
		cpu += cpuSeconds(b) - before
		b.StartTimer()
		for _, body := range all {
			if w := post(b, h, "/v1/batch", body); w.Code != http.StatusOK {
				b.Fatal(w.Body)
			}
		}
		flush(b, c)
		events += batches * 100
	}
	reportPerCPU(b, events, cpu)
}

// BenchmarkAccept is the half of BenchmarkCollect that a client waits for.
func BenchmarkAccept(b *testing.B) {
	c := open(b, Options{MaxLogBytes: 1 << 40})
	h := c.Handler()
	body := benchBody(0)
	b.SetBytes(int64(len(body)))
	cpu := cpuSeconds(b)
	for b.Loop() {
		if w := post(b, h, "/v1/batch", body); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
	reportPerCPU(b, 100*b.N, cpu)
}

// BenchmarkEngineJSONEachRow is the limit that BenchmarkCollect stands beside:
// the engine itself reads the same events as JSONEachRow, 10,000 at a time, into
// the same table.
func BenchmarkEngineJSONEachRow(b *testing.B) {
	const block = 10_000
	db := warehousetest.Open(b)
	file := filepath.Join(b.TempDir(), "events.jsonl")
	next := 0
	write := func() {
		var lines bytes.Buffer
		for range block {
			text := benchEvent(next)
			next++
			var e map[string]json.RawMessage
			require.NoError(b, json.Unmarshal([]byte(text), &e))
			row, err := json.Marshal(map[string]any{"message_id": e["messageId"], "source": "web", "type": "track", "event": e["event"], "name": "",
				"user_id": e["userId"], "anonymous_id": e["anonymousId"], "group_id": "", "profile_id": ProfileID("user_id", string(e["userId"])),
				"timestamp": "2026-11-20 03:02:01.123", "original_timestamp": "2026-11-20 03:02:01.123", "stable_time": "2026-11-20 03:02:01.123",
				"sent_at": "2026-11-20 03:02:01.123", "received_at": "2026-11-20 03:02:01.123",
				"context": e["context"], "properties": e["properties"], "traits": map[string]any{}, "payload": text})
			require.NoError(b, err)
			lines.Write(append(row, '\n'))
		}
		require.NoError(b, os.WriteFile(file, lines.Bytes(), 0o600))
	}
	columns := strings.Join(eventColumns, ", ")
	insert := fmt.Sprintf("INSERT INTO %s.events_raw (%s) SELECT %s FROM file('%s', JSONEachRow, '%s')", db.Database(), columns, columns, file,
		"message_id String, source String, type String, event String, name String, user_id String, anonymous_id String, group_id String, profile_id UUID, "+
			"timestamp DateTime64(3, \\'UTC\\'), original_timestamp DateTime64(3, \\'UTC\\'), stable_time DateTime64(3, \\'UTC\\'), sent_at DateTime64(3, \\'UTC\\'), received_at DateTime64(3, \\'UTC\\'), "+
			"context JSON, properties JSON, traits JSON, payload String")
	events := 0
	b.ResetTimer()
	cpu := cpuSeconds(b)
	for range b.N {
		b.StopTimer()
		before := cpuSeconds(b)
		write()
		cpu += cpuSeconds(b) - before
		b.StartTimer()
		require.NoError(b, db.Exec(b.Context(), insert))
		events += block
	}
	b.StopTimer()
	reportPerCPU(b, events, cpu)
	require.Equal(b, uint64(events), count(b, db, "SELECT count() FROM {db}.events_raw"))
}

// BenchmarkRows is the part of loading that is ours: rows and JSON columns.
func BenchmarkRows(b *testing.B) {
	p := &parser{received: time.Now(), newID: nil}
	text := []byte(benchBody(0))
	r := &record{received: p.received, source: "web"}
	p.parseBatch(r, text, nil)
	payload := encodeRecord(nil, r)
	bl := &block{}
	for i := range int64(100) {
		bl.add(payload, position{1, i}, position{1, i + 1}, p.received)
	}
	indexes := make([]int, len(bl.events))
	for i := range indexes {
		indexes[i] = i
	}
	for b.Loop() {
		bl.eventRows(indexes, nil)
	}
	b.ReportMetric(float64(len(indexes)*b.N)/b.Elapsed().Seconds(), "events/s")
}
