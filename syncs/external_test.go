package syncs

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// TestExternalTable: a table of another database is sent as it is, and the sync is due when the table has changed and
// at no other time.
func TestExternalTable(t *testing.T) {
	db := warehousetest.Open(t)
	other := warehousetest.NewDatabase()
	require.NoError(t, db.Exec(t.Context(), "CREATE DATABASE "+other))
	t.Cleanup(func() { require.NoError(t, db.Drop(context.Background(), other)) })
	table := other + ".dim_customers"
	require.NoError(t, db.Exec(t.Context(), "CREATE TABLE "+table+" (name String, customer_id UInt64) ENGINE = MergeTree ORDER BY customer_id"))
	mark := "1"
	b := setupOn(t, db, "model: people\ndestination: fake\nobject: records\nmode: upsert\nmatch: { id: id }\nschedule: manual\n", func(o *Options) {
		o.External = func(context.Context) (map[string]string, error) { return map[string]string{table: mark}, nil }
	})
	b.files(map[string]string{
		"tailrace.yml": "name: test\nwarehouse: { read: [" + other + "] }\nexternal:\n  " + table + ": { key: customer_id }\n",
		"syncs/s.yml":  "external: " + table + "\ndestination: fake\nobject: records\nmode: mirror\nmatch: { id: customer_id }\nfields: { name: name }\non_exit: delete\nguard: { max_removed: 100% }\n",
	})
	model := b.project.Model(project.ExternalModel(table))
	require.Equal(t, "customer_id", model.Header.Key)
	b.exec("CREATE VIEW " + db.ProjectDatabase() + "." + model.Name + " AS " + model.SQL) // as audiences.Apply does
	require.NoError(t, b.e.Reconcile(b.ctx))
	b.exec("INSERT INTO " + table + " VALUES ('Ada', 1), ('Bob', 2)")

	due := func() []string {
		names, err := b.e.Due(b.ctx)
		require.NoError(t, err)
		return names
	}
	require.Equal(t, []string{"s"}, due())
	require.Equal(t, Succeeded, b.run(StartOptions{}).State)
	require.Equal(t, "Ada", trimQuotes(b.vendor.records["1"]["name"]))
	require.Len(t, b.vendor.records, 2)
	require.Empty(t, due())
	b.exec("INSERT INTO events_raw (message_id) VALUES ('m1')")
	require.Empty(t, due(), "an event says nothing about another database")
	b.exec("ALTER TABLE " + table + " DELETE WHERE customer_id = 2 SETTINGS mutations_sync = 2")
	mark = "2"
	require.Equal(t, []string{"s"}, due())
	require.Equal(t, Succeeded, b.run(StartOptions{}).State)
	require.Len(t, b.vendor.records, 1)
	b.now = func() time.Time { return time.Now().Add(time.Minute) }
	require.Empty(t, due())
}

func trimQuotes(s string) string {
	if len(s) > 1 && s[0] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
