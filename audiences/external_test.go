package audiences_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// dbt gives the engine a second database, as dbt would have built it.
func dbt(t *testing.T, db *warehouse.DB) string {
	t.Helper()
	name := warehousetest.NewDatabase()
	require.NoError(t, db.Exec(t.Context(), "CREATE DATABASE "+name))
	t.Cleanup(func() { require.NoError(t, db.Drop(context.Background(), name)) })
	require.NoError(t, db.Exec(t.Context(), "CREATE TABLE "+name+".dim_customers (customer_id String, email String, plan String, updated_at DateTime) ENGINE = MergeTree ORDER BY customer_id"))
	return name
}

func externalFiles(other, entry string) map[string]string {
	return map[string]string{
		"tailrace.yml":         "name: test\nwarehouse: { read: [" + other + "] }\nexternal:\n  " + other + ".dim_customers: " + entry + "\n",
		"models/customers.sql": "/* model */ SELECT customer_id AS user_id, email, plan FROM " + other + ".dim_customers",
		"audiences/pro.sql":    "/* audience */ SELECT user_id, email FROM customers WHERE plan = 'pro'",
	}
}

func TestTablesOfOtherDatabases(t *testing.T) {
	db := warehousetest.Open(t)
	other := dbt(t, db)
	b := newBench(t, db, externalFiles(other, "{ freshness: updated_at }"))
	insert := func(id, plan string, ago time.Duration) {
		require.NoError(t, db.Exec(t.Context(), "INSERT INTO "+other+".dim_customers VALUES (?, ?, ?, ?)", id, id+"@example.com", plan, start.Add(-ago)))
	}
	insert("u1", "pro", 2*time.Hour)
	insert("u2", "free", 2*time.Hour)
	b.load(event{kind: "identify", user: "u1", email: "u1@example.com"})
	_, err := b.resolver.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"pro"}, b.settle())
	require.Empty(t, b.due())

	// The key is resolved like that of any file: u1 is a profile that events named.
	var resolved uint64
	require.NoError(t, db.Get(t.Context(), &resolved, "SELECT count() FROM "+db.ProjectDatabase()+".pro AS a JOIN "+db.Database()+".identities AS i FINAL ON i.profile_id = a.profile_id WHERE i.kind = 'user_id' AND i.value = 'u1'"))
	require.EqualValues(t, 1, resolved)

	insert("u3", "pro", time.Hour)
	require.Equal(t, []string{"pro: changed: " + other + ".dim_customers"}, b.due())
	b.settle()
	require.NoError(t, db.Exec(t.Context(), "ALTER TABLE "+other+".dim_customers DELETE WHERE customer_id = 'u1' SETTINGS mutations_sync = 2"))
	require.Equal(t, []string{"pro: changed: " + other + ".dim_customers"}, b.due(), "a deletion doesn't move the highest value")
	b.settle()

	// With poll too, the column is looked at only so often.
	b.write(externalFiles(other, "{ freshness: updated_at, poll: 15m }"))
	b.settle()
	b.now = b.now.Add(15 * time.Minute)
	require.Empty(t, b.due(), "it is looked at now")
	insert("u4", "pro", time.Minute)
	require.Empty(t, b.due(), "and not again so soon")
	b.now = b.now.Add(15 * time.Minute)
	require.Len(t, b.due(), 1)
	b.settle()
	marks, err := b.a.ExternalMarks(t.Context())
	require.NoError(t, err)
	require.Contains(t, marks[other+".dim_customers"], " 3")
}

func TestBuildsMakeDependantsDue(t *testing.T) {
	db := warehousetest.Open(t)
	other := dbt(t, db)
	b := newBench(t, db, externalFiles(other, "{}"))
	require.NoError(t, db.Exec(t.Context(), "INSERT INTO "+other+".dim_customers VALUES ('u1', 'a@example.com', 'pro', now())"))
	b.settle()
	require.NoError(t, db.Exec(t.Context(), "INSERT INTO "+other+".dim_customers VALUES ('u2', 'b@example.com', 'pro', now())"))
	require.Empty(t, b.due(), "nothing told of it")
	build := []audiences.Build{{Table: other + ".dim_customers", Node: "model.shop.dim_customers", Build: "b1", BuiltAt: start, Columns: map[string]string{"plan": "What they pay for"}}}
	require.NoError(t, b.a.RecordBuilds(t.Context(), build))
	require.Equal(t, []string{"pro: changed: " + other + ".dim_customers"}, b.due())
	require.Equal(t, []string{"pro"}, b.settle())
	require.NoError(t, b.a.RecordBuilds(t.Context(), build))
	require.Empty(t, b.due(), "the same build again is no change")
	builds, err := b.a.Builds(t.Context())
	require.NoError(t, err)
	require.Equal(t, "What they pay for", builds[other+".dim_customers"].Columns["plan"])
}

func TestExternalTablesAreValidated(t *testing.T) {
	db := warehousetest.Open(t)
	other := dbt(t, db)
	b := newBench(t, db, nil)
	p, _ := b.read(map[string]string{
		"tailrace.yml": "warehouse: { read: [" + other + "] }\nexternal:\n  " + other + ".dim_customers: { key: customer, freshness: updated }\n  " + other + ".dim_orders: { poll: 1h }\n",
		"syncs/s.yml":  "external: " + other + ".dim_customers\ndestination: hook\nobject: rows\nmode: upsert\nmatch: { id: customer_ids }\n", "destinations/hook.yml": "connector: webhook\n",
		"audiences/own.sql": "/* audience */ SELECT customer_id AS user_id FROM " + other + ".dim_customers",
	})
	b.project = p
	_, err := b.a.Apply(t.Context())
	require.NoError(t, err)
	found, err := b.a.Validate(t.Context(), p, nil)
	require.NoError(t, err)
	lines := regexp.MustCompile(`:\d+:\d+:`).ReplaceAllString(found.String(), ":")
	require.Equal(t, strings.ReplaceAll(`syncs/s.yml: unknown column customer_ids, did you mean customer_id?
tailrace.yml: unknown column customer, did you mean customer_id?
tailrace.yml: DB.dim_customers has no column updated, did you mean updated_at?
tailrace.yml: warning: the warehouse shows no table DB.dim_orders (is it built yet, and may the warehouse's user read it?)`, "DB", other), strings.TrimSpace(lines))
	require.Equal(t, []string{other + ".dim_customers"}, p.ExternalTables())
	require.Equal(t, project.ExternalModel(other+".dim_customers"), other+"__dim_customers")
}
