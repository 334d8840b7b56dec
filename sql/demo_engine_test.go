package sql_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	warehousetest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "leaked goroutines:", err)
		code = 1
	}
	os.Exit(code)
}

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// arrange makes a view of each file of the shop project, in the order of the
// graph and through the gate, and returns the columns that the engine found.
func arrange(t *testing.T, db *warehouse.DB, p *project.Project) map[string][]project.ResultColumn {
	t.Helper()
	options := warehouse.GateOptions{Now: now, AllowedTables: map[string]bool{}}
	for _, name := range project.PublicTables {
		options.AllowedTables[name] = true
	}
	columns := map[string][]project.ResultColumn{}
	for _, n := range p.Graph().Nodes() {
		f := p.SQL(n.Name)
		if f == nil {
			continue
		}
		checked, err := db.Check(t.Context(), f.SQL, options)
		require.NoError(t, err, f.Path)
		require.Len(t, checked.Tables, len(p.Graph().Reads(n)), f.Path)
		require.NoError(t, db.Exec(t.Context(), "CREATE VIEW "+db.ProjectDatabase()+"."+f.Name+" AS "+checked.SQL), f.Path)
		options.AllowedTables[f.Name] = true
		for _, c := range checked.Columns {
			columns[f.Name] = append(columns[f.Name], project.ResultColumn{Name: c.Name, Type: c.Type})
		}
	}
	checked, err := db.Check(t.Context(), "SELECT * FROM profiles", options)
	require.NoError(t, err)
	for _, c := range checked.Columns {
		columns["profiles"] = append(columns["profiles"], project.ResultColumn{Name: c.Name, Type: c.Type})
	}
	return columns
}

// happen inserts one event, the given time before now.
func happen(t *testing.T, db *warehouse.DB, ago time.Duration, profile int, event, properties string) {
	t.Helper()
	at := now.Add(-ago)
	id := fmt.Sprintf("00000000-0000-0000-0000-%012d", profile)
	require.NoError(t, db.Exec(t.Context(), `INSERT INTO `+db.Database()+`.events_raw
		(message_id, source, type, event, user_id, profile_id, timestamp, original_timestamp, stable_time, received_at, context, properties, traits)
		SELECT ?, 'web', 'track', ?, ?, toUUID(?), ?, ?, ?, ?, '{}', ?, '{}'`,
		fmt.Sprint(event, profile, ago), event, fmt.Sprint("u", profile), id, at, at, at, at, properties))
}

func TestTheShopProjectRunsOnTheEngine(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	p, out := project.Load(writeDemo(t), func(string) (string, bool) { return "", false })
	require.Empty(t, out)
	require.Empty(t, project.CheckColumns(p, arrange(t, db, p)).String())

	const day = 24 * time.Hour
	happen(t, db, 100*day, 9, "Stock Updated", `{"sku":"kettle","quantity":0}`)
	happen(t, db, 99*day, 9, "Stock Updated", `{"sku":"kettle","quantity":7}`)
	happen(t, db, 99*day, 9, "Stock Updated 2", `{}`)
	happen(t, db, 98*day, 9, "Stock Updated", `{"sku":"tray","quantity":"0"}`)
	// 1 spent a lot and stays away; the same order came twice, and one has no number.
	happen(t, db, 80*day, 1, "Order Completed", `{"order_id":"a","total":150.5}`)
	happen(t, db, 79*day, 1, "Order Completed", `{"order_id":"a","total":150.5}`)
	happen(t, db, 70*day, 1, "Order Completed", `{"revenue":"60"}`)
	// 2 spent a lot and came back; 3 signed up long ago.
	happen(t, db, 70*day, 2, "Order Completed", `{"order_id":7,"total":500}`)
	happen(t, db, 2*day, 2, "Order Completed", `{"order_id":"c","total":"free"}`)
	// 4 left a cart with stock, 5 one without, 6 bought it, 7 only just began.
	happen(t, db, 5*time.Hour, 4, "Product Added", `{"cart_id":"x","sku":"kettle","price":10,"quantity":2}`)
	happen(t, db, 5*time.Hour, 5, "Product Added", `{"cart_id":"y","sku":"tray","price":10,"quantity":1}`)
	happen(t, db, 6*time.Hour, 6, "Product Added", `{"cart_id":"z","sku":"kettle","price":10,"quantity":1}`)
	happen(t, db, 5*time.Hour, 6, "Order Completed", `{"order_id":"d","total":10}`)
	happen(t, db, time.Minute, 7, "Product Added", `{"cart_id":"w","sku":"kettle","price":10,"quantity":1}`)
	// 4 signed up recently, 8 did nothing since.
	happen(t, db, 10*day, 4, "Signed Up", `{}`)
	happen(t, db, 10*day, 8, "Signed Up", `{}`)

	for file, want := range map[string][]int{
		"lapsed_big_spenders":     {1},
		"cart_abandoners":         {4},
		"activated_not_converted": {4},
		"existing_customers":      {1, 2, 6},
	} {
		var got []int
		var ids []uint64
		require.NoError(t, db.Select(t.Context(), &ids, "SELECT toUInt64(substring(toString(profile_id), 25)) FROM "+
			db.ProjectDatabase()+"."+file+" ORDER BY profile_id"), file)
		for _, id := range ids {
			got = append(got, int(id))
		}
		require.Equal(t, want, got, file)
	}
	var value float64
	require.NoError(t, db.Get(t.Context(), &value, "SELECT lifetime_value FROM "+db.ProjectDatabase()+".customer_value ORDER BY profile_id LIMIT 1"))
	require.InDelta(t, 210.5, value, 1e-9)
	var cart float64
	require.NoError(t, db.Get(t.Context(), &cart, "SELECT cart_value FROM "+db.ProjectDatabase()+".cart_abandoners"))
	require.InDelta(t, 20, cart, 1e-9)
}
