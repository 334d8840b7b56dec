package collector

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// run starts loading and returns how to stop it.
func run(t testing.TB, c *Collector) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-done)
		})
	}
	t.Cleanup(stop)
	return stop
}

func flush(t testing.TB, c *Collector) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	require.NoError(t, c.Flush(ctx))
}

func count(t testing.TB, db *warehouse.DB, sql string) uint64 {
	t.Helper()
	var n uint64
	require.NoError(t, db.Get(t.Context(), &n, strings.ReplaceAll(sql, "{db}", db.Database())))
	return n
}

func texts(t testing.TB, db *warehouse.DB, sql string) []string {
	t.Helper()
	var rows []string
	require.NoError(t, db.Select(t.Context(), &rows, strings.ReplaceAll(sql, "{db}", db.Database())))
	return rows
}

func TestLoaderLandsEventsWithTheirColumns(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	c := open(t, Options{Warehouse: db, Now: timeNow})
	run(t, c)
	payload := `{"messageId":"m1","type":"track","event":"Order Completed","userId":"u1","anonymousId":"a1","timestamp":"2026-05-04T03:00:00.5Z",
		"context":{"ip":"1.2.3.4"}, "properties":{"total":9.5,"n":3,"big":18446744073709551615,"coupon":null,"day":"2026-01-01","ok":true,
		"products":[{"sku":"s1","price":1},{"sku":"s2"}],"tags":["a",null],"mixed":[1,"x",{"y":1}],"nested":[[1,2],[3]],"none":[],"deep":{"a":{"b":1}}}}`
	w := post(t, c.Handler(), "/v1/batch", `{"sentAt":"2026-05-04T03:01:00Z","batch":[`+payload+`,{"type":"identify","anonymousId":"a2","context":{"traits":{"email":"a@b.c"}}}]}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	flush(t, c)

	require.Equal(t, []string{payload}, texts(t, db, "SELECT payload FROM {db}.events WHERE message_id = 'm1'"))
	for column, want := range map[string]string{
		"source": "web", "type": "track", "event": "Order Completed", "user_id": "u1", "anonymous_id": "a1",
		"profile_id": ProfileID("user_id", "u1").String(), "timestamp": "2026-05-04 03:01:01.500", "original_timestamp": "2026-05-04 03:00:00.500",
		"sent_at": "2026-05-04 03:01:00.000", "received_at": "2026-05-04 03:02:01.000",
		"properties.total::Float64": "9.5", "properties.n": "3", "properties.big": "18446744073709551615", "properties.ok": "true",
		"properties.day": "2026-01-01", "dynamicType(properties.day)": "String", "properties.deep.a.b": "1",
		"properties.products[].sku": "['s1','s2']", "properties.tags": "['a',NULL]", "properties.mixed": `[1,'x','{"y":1}']`,
		"properties.nested": "[[1,2],[3]]", "context.ip": "1.2.3.4", "traits": "{}",
	} {
		require.Equal(t, []string{want}, texts(t, db, "SELECT assumeNotNull(toString("+column+")) FROM {db}.events WHERE message_id = 'm1'"), column)
	}
	require.Equal(t, []string{"a@b.c"}, texts(t, db, "SELECT assumeNotNull(toString(traits.email)) FROM {db}.events WHERE type = 'identify'"))
}

func TestLoaderLandsWhatWasSetAside(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	c := open(t, Options{Warehouse: db})
	run(t, c)
	post(t, c.Handler(), "/v1/batch", `{"batch":[{"type":"page"},{"type":"track", "messageId":"m"},{"type":"page"}]}`)
	flush(t, c)
	require.Equal(t, []string{`web missing_field /event m {"type":"track", "messageId":"m"}`},
		texts(t, db, "SELECT concat(source, ' ', reason, ' ', pointer, ' ', message_id, ' ', payload) FROM {db}.events_rejected"))
	s := c.Stats()
	require.Equal(t, []uint64{2, 1, 2, 0}, []uint64{s.Accepted, s.Rejected, s.Loaded, s.Duplicates})
	require.Zero(t, s.PendingBytes)
	require.NoError(t, c.Health())
}

func TestLoaderCountsAMessageIDOnce(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	dir := t.TempDir()
	for round := range 3 {
		c, err := Open(Options{Dir: dir, Warehouse: db, Sources: testSources})
		require.NoError(t, err)
		stop := run(t, c)
		for range 2 {
			post(t, c.Handler(), "/v1/batch", fmt.Sprintf(`{"batch":[{"type":"page","messageId":"same"},{"type":"page","messageId":"same"},{"type":"page","messageId":"r%d"}]}`, round))
			flush(t, c)
		}
		stop()
		require.NoError(t, c.Close())
	}
	require.Equal(t, uint64(4), count(t, db, "SELECT count() FROM {db}.events_raw"), "not even in the table below the view")
}

func TestLoaderTakesWhatTheJSONTypeCantHold(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	c := open(t, Options{Warehouse: db})
	run(t, c)
	odd := []string{
		`{"n":1e400}`, `{"n":-1e400}`, `{"n":123456789012345678901234567890}`, `{"a":1,"a":2}`, `{"a.b":1,"a":{"b":2}}`, `{"a":1,"a":{"b":2}}`,
		`{"a":{"b":1},"a":2}`, `{"":1}`, `{".":1,"..":2}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\xfe\"}", "{\"\xff\":1}", `{"a":"\u0000"}`, `{"\u0000":1}`,
		`{"a":[123456789012345678901234567890,1]}`, `{"a":[{"b":1,"b":2},{"b":[{"c":1e999}]}]}`, `{"a":[[[[[]]]]]}`, `{"a":[null]}`, `{"a":[{}]}`,
		`{"a":[1,2.5,true,"x",null,[1],{"b":1}]}`, `{"a":{}}`, `{"a":-0}`, `{"a":-0.0}`, `{"a":9223372036854775808}`, `{"a":[9223372036854775808]}`,
		`{"a` + "`" + `b":1,"c\"d":2,"e\\f":3}`, `{"a[]":1}`, `{"a":` + strings.Repeat(`{"b":`, 29) + `1` + strings.Repeat(`}`, 29) + `}`,
	}
	for i, properties := range odd {
		w := post(t, c.Handler(), "/v1/track", fmt.Sprintf(`{"event":"odd","messageId":"%d","properties":%s}`, i, properties))
		require.JSONEq(t, `{"success":true}`, w.Body.String(), properties)
	}
	flush(t, c)
	require.Empty(t, texts(t, db, "SELECT concat(rule, payload) FROM {db}.events_rejected"))
	got := texts(t, db, "SELECT payload FROM {db}.events ORDER BY toUInt32(message_id)")
	require.Len(t, got, len(odd))
	for i := range odd {
		require.Equal(t, fmt.Sprintf(`{"event":"odd","messageId":"%d","properties":%s}`, i, odd[i]), got[i])
	}
	require.Equal(t, []string{`{"a":2}`}, texts(t, db, "SELECT toString(properties) FROM {db}.events WHERE message_id = '3'"))
	require.Equal(t, []string{`{"n":"123456789012345678901234567890"}`}, texts(t, db, "SELECT toString(properties) FROM {db}.events WHERE message_id = '2'"))
}

func TestLoaderTakesABlockOfManyPaths(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	c := open(t, Options{Warehouse: db})
	run(t, c)
	for i := range 20 {
		var members []string
		for j := range 100 {
			members = append(members, fmt.Sprintf(`"k%d_%d":[{"x":"2026-01-01"},{"y":1e400}]`, i, j))
		}
		post(t, c.Handler(), "/v1/track", `{"event":"wide","properties":{"day":"2026-01-01",`+strings.Join(members, ",")+`}}`)
	}
	flush(t, c)
	require.Equal(t, uint64(20), count(t, db, "SELECT count() FROM {db}.events"))
	require.Equal(t, []string{"String"}, texts(t, db, "SELECT DISTINCT dynamicType(properties.day) FROM {db}.events"))
	require.Equal(t, []string{`['{"x":"2026-01-01"}','{"y":"1e400"}']`}, texts(t, db, "SELECT toString(properties.k3_7) FROM {db}.events WHERE properties.k3_7 IS NOT NULL"))
}

func TestLoaderSpreadsABlockOverPartitions(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	c := open(t, Options{Warehouse: db, Now: timeNow})
	run(t, c)
	var events []string
	for year := 1960; year < 2140; year++ {
		events = append(events, fmt.Sprintf(`{"type":"page","messageId":"%d","timestamp":"%d-03-04T00:00:00Z"}`, year, year))
	}
	for i, odd := range []string{`null`, `"x"`, `{}`, `"0000-00-00"`, `1e300`, `""`} {
		events = append(events, fmt.Sprintf(`{"type":"page","messageId":"odd%d","timestamp":%s}`, i, odd))
	}
	post(t, c.Handler(), "/v1/batch", `{"batch":[`+strings.Join(events, ",")+`]}`)
	flush(t, c)
	require.Equal(t, uint64(len(events)), count(t, db, "SELECT count() FROM {db}.events"))
	require.Equal(t, uint64(102), count(t, db, "SELECT uniqExact(_partition_id) FROM {db}.events_raw"))
	require.Zero(t, count(t, db, "SELECT count() FROM {db}.events WHERE timestamp NOT BETWEEN '2000-01-01' AND '2101-01-01'"))
}

// faults stands before a warehouse and lets an insert fail before or after it.
type faults struct {
	*warehouse.DB
	mu     sync.Mutex
	before func(table string, rows [][]any) error
	after  func(table string) error
	calls  int
}

func (f *faults) Insert(ctx context.Context, table string, columns []string, rows [][]any, o warehouse.InsertOptions) error {
	f.mu.Lock()
	before, after := f.before, f.after
	f.calls++
	f.mu.Unlock()
	if before != nil {
		if err := before(table, rows); err != nil {
			return err
		}
	}
	if err := f.DB.Insert(ctx, table, columns, rows, o); err != nil {
		return err
	}
	if after != nil {
		return after(table)
	}
	return nil
}

func (f *faults) set(before func(string, [][]any) error, after func(string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

func TestLoaderRepeatsAnInsertWhoseOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	db := &faults{DB: warehousetest.Open(t)}
	c := open(t, Options{Warehouse: db})
	failures := 0
	db.set(nil, func(string) error {
		if failures++; failures <= 3 {
			return errors.New("connection reset by peer")
		}
		return nil
	})
	run(t, c)
	post(t, c.Handler(), "/v1/batch", `{"batch":[{"type":"page"},{"type":"page"},{"type":"x"}]}`)
	flush(t, c)
	require.Equal(t, uint64(2), count(t, db.DB, "SELECT count() FROM {db}.events_raw"))
	require.Equal(t, uint64(1), count(t, db.DB, "SELECT count() FROM {db}.events_rejected"))
}

func TestLoaderWaitsForAWarehouseThatIsAway(t *testing.T) {
	t.Parallel()
	db := &faults{DB: warehousetest.Open(t)}
	c := open(t, Options{Warehouse: db})
	db.set(func(string, [][]any) error { return errAway }, nil)
	run(t, c)
	for range 5 {
		require.Equal(t, http.StatusOK, post(t, c.Handler(), "/v1/page", `{}`).Code)
	}
	require.Eventually(t, func() bool { return c.Health() != nil }, 10*time.Second, time.Millisecond)
	require.ErrorContains(t, c.Health(), "events wait in the log")
	db.set(nil, nil)
	flush(t, c)
	require.NoError(t, c.Health())
	require.Equal(t, uint64(5), count(t, db.DB, "SELECT count() FROM {db}.events_raw"))
}

func TestLoaderWaitsForADiskThatTakesItsCursor(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	c := open(t, Options{Warehouse: db})
	inTheWay := filepath.Join(c.opts.Dir, cursorFile+".tmp")
	require.NoError(t, os.Mkdir(inTheWay, 0o700))
	run(t, c)
	post(t, c.Handler(), "/v1/page", `{}`)
	require.Eventually(t, func() bool { return c.Health() != nil }, 30*time.Second, time.Millisecond)
	require.ErrorContains(t, c.Health(), "saving the log's cursor")
	require.Zero(t, count(t, db, "SELECT count() FROM {db}.events_raw"), "nothing is sent before its bounds are durable")
	require.NoError(t, os.Remove(inTheWay))
	flush(t, c)
	require.Equal(t, uint64(1), count(t, db, "SELECT count() FROM {db}.events_raw"))
}

func TestLoaderSetsAsideWhatTheWarehouseRefuses(t *testing.T) {
	t.Parallel()
	db := &faults{DB: warehousetest.Open(t)}
	c := open(t, Options{Warehouse: db})
	db.set(func(table string, rows [][]any) error {
		for _, row := range rows {
			if table == "events_raw" && strings.HasPrefix(row[0].(string), "poison") {
				return fmt.Errorf("inserting: %w", &clickhouse.Exception{Code: 117, Message: "Cannot insert data into JSON column"})
			}
		}
		return nil
	}, nil)
	run(t, c)
	var events []string
	for i := range 100 {
		id := fmt.Sprintf("good%d", i)
		if i%33 == 0 {
			id = fmt.Sprintf("poison%d", i)
		}
		events = append(events, fmt.Sprintf(`{"type":"page","messageId":"%s"}`, id))
	}
	post(t, c.Handler(), "/v1/batch", `{"batch":[`+strings.Join(events, ",")+`]}`)
	flush(t, c)
	require.Equal(t, uint64(96), count(t, db.DB, "SELECT count() FROM {db}.events"))
	require.Equal(t, []string{"poison0", "poison33", "poison66", "poison99"},
		texts(t, db.DB, "SELECT message_id FROM {db}.events_rejected WHERE reason = 'refused_by_warehouse' AND rule LIKE '%JSON column%' ORDER BY toUInt32(substring(message_id, 7))"))
}

func TestLoaderSendsTheSameBlockAgainAfterARestart(t *testing.T) {
	t.Parallel()
	db := &faults{DB: warehousetest.Open(t)}
	dir := t.TempDir()
	first, err := Open(Options{Dir: dir, Warehouse: db, Sources: testSources, BlockWait: time.Millisecond})
	require.NoError(t, err)
	ctx, kill := context.WithCancel(t.Context())
	db.set(nil, func(table string) error {
		if table == "events_rejected" {
			kill() // events_raw has its rows, nobody knows
			return errAway
		}
		return nil
	})
	post(t, first.Handler(), "/v1/batch", `{"batch":[{"type":"page","messageId":"a"},{"type":"page","messageId":"b"},{"type":"page","messageId":"a"},7]}`)
	require.NoError(t, first.Run(ctx))
	require.NotNil(t, first.loader.cursor.state.Block)
	require.Equal(t, []int{2}, first.loader.cursor.state.Block.Omit)
	require.NoError(t, first.Close())

	db.set(nil, nil)
	second := open(t, Options{Dir: dir, Warehouse: db})
	post(t, second.Handler(), "/v1/batch", `{"batch":[{"type":"page","messageId":"b"},{"type":"page","messageId":"c"}]}`)
	run(t, second)
	flush(t, second)
	require.Equal(t, []string{"a", "b", "c"}, texts(t, db.DB, "SELECT message_id FROM {db}.events_raw ORDER BY message_id"))
	require.Equal(t, uint64(1), count(t, db.DB, "SELECT count() FROM {db}.events_rejected"))
}

func TestLoaderGoesOnBehindDamage(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	dir := t.TempDir()
	first := open(t, Options{Dir: dir})
	for i := range 5 {
		post(t, first.Handler(), "/v1/page", fmt.Sprintf(`{"messageId":"m%d"}`, i))
	}
	path := filepath.Join(dir, first.wal.open().name())
	require.NoError(t, first.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content[len(content)/2] ^= 1
	require.NoError(t, os.WriteFile(path, content, 0o600))

	c := open(t, Options{Dir: dir, Warehouse: db})
	run(t, c)
	post(t, c.Handler(), "/v1/page", `{"messageId":"m5"}`)
	flush(t, c)
	require.Equal(t, []string{"m0", "m1", "m3", "m4", "m5"}, texts(t, db, "SELECT message_id FROM {db}.events ORDER BY message_id"))
	kept, err := filepath.Glob(filepath.Join(dir, "quarantine", "*.wal"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
}

func TestLoaderDeletesLoadedSegments(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	c := open(t, Options{Warehouse: db, MaxLogBytes: 200_000, SegmentBytes: 5_000, BlockWait: time.Millisecond})
	run(t, c)
	accepted := 0
	for accepted < 2000 {
		w := post(t, c.Handler(), "/v1/batch", `{"batch":[`+strings.TrimSuffix(strings.Repeat(`{"type":"page","properties":{"a":1}},`, 20), ",")+`]}`)
		if w.Code == http.StatusOK {
			accepted += 20
		}
	}
	flush(t, c)
	require.Equal(t, uint64(2000), count(t, db, "SELECT count() FROM {db}.events_raw"))
	require.Less(t, c.Stats().LogBytes, int64(20_000))
}
