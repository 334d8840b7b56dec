package syncs

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// vendor is a destination in memory: records by id and one list.
type vendor struct {
	mu      sync.Mutex
	records map[string]map[string]string
	list    map[string]bool
	calls   []connectors.Batch
	events  []connectors.Row
	class   connectors.Class
	rows    int
	fold    bool
	form    connectors.Form
	// answer, if set, decides about a call before anything is applied.
	answer func(n int, b connectors.Batch) (connectors.Answer, error, bool)
	// poison ids are refused for good.
	poison map[string]bool
	// keys are the idempotency keys that a vendor of class B remembers.
	keys map[string]bool
	// applied counts how often each row took effect, by the batch's plan and the row's key.
	applied map[string]int
	// lost: applied, but the answer never arrives.
	lost func(n int) bool
	// forget: it answers at once and keeps nothing, for benchmarks.
	forget bool
	sent   int
}

func newVendor() *vendor {
	return &vendor{records: map[string]map[string]string{}, list: map[string]bool{}, class: connectors.ClassA, rows: 10, form: connectors.Plain,
		poison: map[string]bool{}, keys: map[string]bool{}, applied: map[string]int{}}
}

func (v *vendor) Write(_ context.Context, b connectors.Batch) (connectors.Answer, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sent++
	if v.forget {
		return connectors.Answer{Results: slices.Repeat([]connectors.Result{{Status: connectors.Accepted}}, len(b.Rows))}, nil
	}
	v.calls = append(v.calls, b)
	n := len(v.calls)
	if v.answer != nil {
		if a, err, decided := v.answer(n, b); decided {
			return a, err
		}
	}
	a := connectors.Answer{Results: make([]connectors.Result, len(b.Rows))}
	for i, r := range b.Rows {
		id := r.Identity(b.Action)["id"]
		if v.poison[id] {
			a.Results[i] = connectors.Result{Status: connectors.Rejected, Code: "poison", Words: "no such thing"}
			continue
		}
		if v.class != connectors.ClassB || !v.keys[b.Key] {
			v.apply(b.Action, id, r)
			plan, _, _ := strings.Cut(b.Key, ":")
			v.applied[plan+" "+r.Key]++
		}
		a.Results[i] = connectors.Result{Status: connectors.Accepted, Ref: "ref-" + id}
	}
	v.keys[b.Key] = true
	if v.lost != nil && v.lost(n) {
		return connectors.Answer{}, &connectors.TransportError{Wrote: true, Err: context.DeadlineExceeded}
	}
	return a, nil
}

func (v *vendor) apply(action connectors.Action, id string, r connectors.Row) {
	if v.fold {
		id = strings.ToLower(id)
	}
	switch action {
	case connectors.AddToList:
		v.list[id] = true
	case connectors.RemoveFromList:
		delete(v.list, id)
	case connectors.Delete:
		delete(v.records, id)
	case connectors.Append:
		v.events = append(v.events, r)
	default:
		if v.records[id] == nil {
			v.records[id] = map[string]string{}
		}
		for k, value := range r.Fields {
			v.records[id][k] = string(value)
		}
	}
}

func (v *vendor) requests() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.calls)
}

func (v *vendor) members() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.list))
}

func (v *vendor) connector() connectors.Connector {
	spec := connectors.Spec{Class: v.class, Window: time.Hour, Limits: connectors.Limits{Rows: v.rows}}
	records, list := map[connectors.Action]connectors.Spec{}, map[connectors.Action]connectors.Spec{}
	for _, a := range []connectors.Action{connectors.Create, connectors.Update, connectors.Upsert, connectors.Delete} {
		records[a] = spec
	}
	for _, a := range []connectors.Action{connectors.AddToList, connectors.RemoveFromList} {
		list[a] = spec
	}
	ids := []connectors.Identifier{{Name: "id", Form: v.form, FoldCase: v.fold}, {Name: "email", Form: connectors.Plain, FoldCase: true}}
	return connectors.Connector{Name: "fake", Title: "Fake", Config: func() any { return &connectors.Endpoint{} },
		Open: func(any, connectors.Env) (connectors.Writer, error) { return v, nil },
		Objects: []connectors.Object{
			{Name: "records", Identifiers: ids, Fields: connectors.FieldRules{Open: true, Null: connectors.NullAsNull}, Actions: records},
			{Name: "list", Identifiers: ids, Actions: list},
			{Name: "ads", Actions: list, Identifiers: []connectors.Identifier{{Name: "email", Form: connectors.SHA256Hex, Normaliser: "meta.email"},
				{Name: "external_id", Form: connectors.Plain}, {Name: "country", Form: connectors.SHA256Hex, Normaliser: "meta.country", Shared: true}}},
			{Name: "events", OpenIdentifiers: true, Fields: connectors.FieldRules{Open: true, Null: connectors.NullAsNull},
				Actions: map[connectors.Action]connectors.Spec{connectors.Append: spec}},
		}}
}

// bench is one test's project, warehouse, vendor and engine.
type bench struct {
	testing.TB
	ctx     context.Context
	db      *warehouse.DB
	vendor  *vendor
	e       *Engine
	project *project.Project
	dir     string
	now     func() time.Time
}

const mirrorRecords = `model: people
destination: fake
object: records
mode: mirror
match: { id: id }
fields: { name: name, age: age, tag: { const: t } }
on_exit: delete
guard: { max_removed: 100% }
schedule: manual
`

const audienceList = `model: people
destination: fake
object: list
mode: audience
match: { id: id }
guard: { max_removed: 100% }
schedule: manual
`

func setup(t *testing.T, syncYAML string, change ...func(*Options)) *bench {
	t.Helper()
	t.Parallel()
	return setupOn(t, warehousetest.Open(t), syncYAML, change...)
}

func setupOn(t testing.TB, db *warehouse.DB, syncYAML string, change ...func(*Options)) *bench {
	t.Helper()
	b := &bench{TB: t, ctx: context.Background(), db: db, vendor: newVendor(), dir: t.TempDir(), now: time.Now}
	b.files(map[string]string{"syncs/s.yml": syncYAML})
	b.exec("CREATE TABLE IF NOT EXISTS " + db.ProjectDatabase() + ".people (key String, id Nullable(String), name Nullable(String), age UInt64) ENGINE = ReplacingMergeTree ORDER BY key")
	b.e = b.engine(change...)
	require.NoError(t, b.e.Reconcile(b.ctx))
	return b
}

func (b *bench) engine(change ...func(*Options)) *Engine {
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	transport, err := connectors.NewTransport(connectors.TransportOptions{})
	require.NoError(b, err)
	limiter := connectors.NewLocalLimiter(time.Now)
	o := Options{DB: b.db, Now: func() time.Time { return b.now() }, Log: log, Worker: "test", ClaimFor: 40 * time.Second, Grace: 50 * time.Millisecond,
		Project: func() *project.Project { return b.project },
		Connect: func(d *project.Destination) (*connectors.Destination, error) {
			return connectors.Open(connectors.Options{Name: d.Name, Connector: b.vendor.connector(), Config: &connectors.Endpoint{},
				HTTP: transport, Limiter: limiter, Now: time.Now})
		}}
	for _, c := range change {
		c(&o)
	}
	return New(o)
}

// files writes files into the project and loads it; "" removes one.
func (b *bench) files(files map[string]string) {
	b.Helper()
	all := map[string]string{"tailrace.yml": "name: test\n", "models/people.sql": "/* model\ndescription: people\nkey: key\n*/\nSELECT 1 AS key, 2 AS id, 3 AS name, 4 AS age\n",
		"destinations/fake.yml": "connector: fake\n"}
	maps.Copy(all, files)
	for name, text := range all {
		path := filepath.Join(b.dir, name)
		if text == "" {
			require.NoError(b, os.RemoveAll(path))
			continue
		}
		require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(b, os.WriteFile(path, []byte(text), 0o644))
	}
	p, diagnostics := project.Load(b.dir, func(string) (string, bool) { return "", false })
	require.False(b, diagnostics.HasErrors(), "%v", diagnostics)
	b.project = p
}

func (b *bench) exec(sql string, args ...any) {
	b.Helper()
	require.NoError(b, b.db.Exec(b.ctx, sql, args...))
}

// person is one row of the selection; id "-" is NULL.
type person struct {
	key, id, name string
	age           uint64
}

// people replaces the selection.
func (b *bench) people(rows ...person) {
	b.Helper()
	b.exec("TRUNCATE TABLE " + b.db.ProjectDatabase() + ".people")
	var block [][]any
	for _, p := range rows {
		var id, name any = p.id, p.name
		if p.id == "-" {
			id = nil
		}
		if p.name == "-" {
			name = nil
		}
		block = append(block, []any{p.key, id, name, p.age})
	}
	require.NoError(b, b.db.Insert(b.ctx, b.db.ProjectDatabase()+".people", []string{"key", "id", "name", "age"}, block, warehouse.InsertOptions{}))
}

func many(from, to int) []person {
	var out []person
	for i := from; i < to; i++ {
		out = append(out, person{fmt.Sprintf("k%05d", i), fmt.Sprintf("i%d", i), fmt.Sprintf("n%d", i), uint64(i)})
	}
	return out
}

// start starts and drives a run to its end.
func (b *bench) run(o StartOptions) Run {
	b.Helper()
	r, err := b.e.Start(b.ctx, "s", o)
	require.NoError(b, err)
	return b.drive(r.ID)
}

func (b *bench) drive(id string) Run {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	r, err := b.e.Drive(ctx, id)
	require.NoError(b, err)
	if r.State != Held {
		require.NoError(b, r.Sums().Check(), "%+v", r)
	}
	return r
}

// held is what the state says that the destination holds: identifiers by key.
func (b *bench) held() map[string]string {
	b.Helper()
	var rows []struct {
		Key string `ch:"key"`
		IDs string `ch:"applied_ids"`
	}
	require.NoError(b, b.db.Select(b.ctx, &rows, "SELECT key, applied_ids FROM sync_state FINAL WHERE applied_hash != 0"))
	out := map[string]string{}
	for _, r := range rows {
		out[r.Key] = r.IDs
	}
	return out
}

func (b *bench) count(sql string, args ...any) uint64 {
	b.Helper()
	var n uint64
	require.NoError(b, b.db.Get(b.ctx, &n, sql, args...))
	return n
}
