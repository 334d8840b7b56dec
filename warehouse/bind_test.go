package warehouse_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
)

func TestBindOnlyPlaceholders(t *testing.T) {
	t.Parallel()
	text, params, err := warehouse.BoundSQL("SELECT '?', \"?\", `?` /* ? */, ? -- ?\n, ? # ?", "a", 2)
	require.NoError(t, err)
	require.Equal(t, "SELECT '?', \"?\", `?` /* ? */, {_1:String} -- ?\n, {_2:Int64} # ?", text)
	require.Equal(t, map[string]string{"_1": "a", "_2": "2"}, params)

	// Without values `?` is ClickHouse's conditional operator.
	text, _, err = warehouse.BoundSQL("SELECT 1 ? 2 : 3")
	require.NoError(t, err)
	require.Equal(t, "SELECT 1 ? 2 : 3", text)
}

func TestBindTypes(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
	name := "n"
	for _, c := range []struct {
		value      any
		kind, text string
	}{
		{id, "UUID", id.String()},
		{&name, "String", "n"},
		{(*string)(nil), "Nullable(String)", `\N`},
		{sql.NullString{String: "v", Valid: true}, "String", "v"},
		{sql.NullString{}, "Nullable(String)", `\N`},
		{[]uuid.UUID{id}, "Array(UUID)", "['" + id.String() + "']"},
		{[][]string{{"a"}, {}}, "Array(Array(String))", "[['a'],[]]"},
		{[]time.Time{time.UnixMilli(1)}, "Array(DateTime64(3, 'UTC'))", "['1970-01-01 00:00:00.001']"},
		{[]*string{&name, nil}, "Array(Nullable(String))", "['n',NULL]"},
		{map[string]uint64{"a": 1}, "Map(String, UInt64)", "{'a':1}"},
		{int16(-1), "Int16", "-1"},
	} {
		text, params, err := warehouse.BoundSQL("?", c.value)
		require.NoError(t, err)
		require.Equal(t, "{_1:"+c.kind+"}", text)
		require.Equal(t, c.text, params["_1"])
	}
}

func TestBindRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]any{
		{1},
		{1, 2, 3},
		{1, struct{}{}},
		{1, make(chan int)},
		{1, time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)},
		{1, 2, warehouse.Settings{"a=1, b": 1}},
	} {
		_, _, err := warehouse.BoundSQL("SELECT ?, ?", args...)
		require.Error(t, err, "%v", args)
	}
	_, _, err := warehouse.BoundSQL("SELECT {a:String}", warehouse.P{"a": struct{}{}})
	require.Error(t, err)
}

func TestNamedTimesFollowTheDeclaredType(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
	for kind, want := range map[string]string{
		"DateTime64(3, 'UTC')": "2024-01-02 03:04:05.678",
		"DateTime64(6,'UTC')":  "2024-01-02 03:04:05.678901",
		"DateTime64(9)":        "1704164645.678901234",
		"Date":                 "2024-01-02",
		"String":               "2024-01-02 03:04:05.678",
	} {
		_, params, err := warehouse.BoundSQL("SELECT {at:"+kind+"}", warehouse.P{"at": at})
		require.NoError(t, err)
		require.Equal(t, want, params["at"], kind)
	}
}
