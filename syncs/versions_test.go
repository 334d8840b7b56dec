package syncs

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// What was read is read again after its tables changed, and only then; an error isn't remembered.
func TestRememberedUntilTablesChange(t *testing.T) {
	b := setup(t, mirrorRecords)
	reads, fails := 0, false
	count := func() (uint64, error) {
		at, err := b.e.look(b.ctx)
		require.NoError(t, err)
		return remember(&b.e.remembered, at, []string{"suppressions", "consents"}, "people", func() (uint64, error) {
			reads++
			if fails {
				return 0, errors.New("the warehouse is away")
			}
			return b.count("SELECT count() FROM suppressions FINAL WHERE active"), nil
		})
	}
	says := func(want uint64, after int) {
		t.Helper()
		got, err := count()
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, after, reads)
	}
	suppress := func(value string) {
		b.exec("INSERT INTO suppressions (kind, value, reason, active, actor, version) VALUES ('email', ?, '', true, 'ada', 1)", value)
	}
	says(0, 1)
	says(0, 1)
	suppress("a@x.io")
	says(1, 2)
	b.people(many(0, 1)...) // another table
	says(1, 2)
	suppress("b@x.io")
	fails = true
	_, err := count()
	require.Error(t, err)
	fails = false
	says(2, 4)
	says(2, 4)

	// A table that was made anew gives out the same names of parts.
	var definition string
	require.NoError(t, b.db.Get(b.ctx, &definition, "SELECT create_table_query FROM system.tables WHERE database = ? AND name = 'suppressions'", b.db.Database()))
	b.exec("DROP TABLE suppressions SYNC")
	b.exec(definition)
	b.exec("INSERT INTO suppressions (kind, value, reason, active, actor, version) VALUES ('email', 'a@x.io', '', true, 'ada', 1), ('email', 'b@x.io', '', true, 'ada', 1), ('email', 'c@x.io', '', true, 'ada', 1)")
	says(3, 5)
}
