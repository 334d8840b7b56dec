package collector

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
	"pgregory.net/rapid"
)

// anyJSON draws JSON text of any shape, with the keys and values that trouble
// the JSON type more often than chance would.
func anyJSON(depth int) *rapid.Generator[string] {
	scalar := rapid.OneOf(
		rapid.SampledFrom([]string{`null`, `true`, `false`, `0`, `-0`, `-0.0`, `1e400`, `-1e400`, `1e-400`, `0.1`, `1E5`, `9223372036854775807`, `9223372036854775808`,
			`18446744073709551615`, `18446744073709551616`, `-9223372036854775809`, `123456789012345678901234567890`, `""`, `"\ud800"`, `"\u0000"`, `"2026-01-01"`, `"1"`, "\"\xff\""}),
		rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }),
		rapid.Map(rapid.String(), strconv.QuoteToASCII),
	)
	quoted := rapid.Map(scalar, func(s string) string {
		if json.Valid([]byte(s)) || strings.Contains(s, "\xff") {
			return s
		}
		return `"x"` // Go's quoting has escapes that JSON hasn't
	})
	if depth == 0 {
		return quoted
	}
	key := rapid.OneOf(rapid.SampledFrom([]string{`a`, `b`, `c`, `a.b`, ``, `.`, `a.`, `.a`, `a[]`, "`", `\"`, `\\`, `\u0000`, `é`, `\ud800`, "\xff", `a b`, `null`, `:Int64`}))
	return rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return "[" + strings.Join(rapid.SliceOfN(anyJSON(depth-1), 0, 4).Draw(t, "elements"), ",") + "]"
		case 1, 2:
			var members []string
			for _, value := range rapid.SliceOfN(anyJSON(depth-1), 0, 4).Draw(t, "values") {
				members = append(members, `"`+key.Draw(t, "key")+`":`+value)
			}
			return "{" + strings.Join(members, ",") + "}"
		}
		return quoted.Draw(t, "scalar")
	})
}

// TestTheEngineTakesAnyJSON loads whatever JSON can say, path by path and as
// text: no event is refused by the warehouse.
func TestTheEngineTakesAnyJSON(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	c := open(t, Options{Warehouse: db})
	run(t, c)
	const events = 400
	generator := rapid.Custom(func(t *rapid.T) string {
		return `{"a":` + anyJSON(4).Draw(t, "a") + `,"b":` + anyJSON(3).Draw(t, "b") + `}`
	})
	var members []string
	for i := range maxColumnPaths + 1 {
		members = append(members, fmt.Sprintf(`"k%d":1`, i))
	}
	wide := `{` + strings.Join(members, ",") + `}`
	for i := range events {
		properties := generator.Example(i)
		context := properties
		switch { // these blocks go as text
		case i >= events/2 && i%100 == 0:
			properties, context = wide, `{}`
		case i >= events/2 && i%100 == 1:
			context = wide
		}
		w := post(t, c.Handler(), "/v1/track", fmt.Sprintf(`{"event":"any","messageId":"%d","properties":%s,"context":%s}`, i, properties, context))
		require.JSONEq(t, `{"success":true}`, w.Body.String(), properties)
		if i%100 == 99 {
			flush(t, c)
		}
	}
	require.Empty(t, texts(t, db, "SELECT concat(rule, payload) FROM {db}.events_rejected"))
	require.Equal(t, uint64(events), count(t, db, "SELECT count() FROM {db}.events WHERE NOT ignore(toString(properties), toString(context))"))
}

func TestJSONColumnTurnsToTextWhenItIsTooWide(t *testing.T) {
	t.Parallel()
	c := newJSONColumn(3)
	c.add([]byte(`{"a":{"b":[{"c":1},{}]},"d":"x","e":[1,null],"f":[1,"y"]}`))
	require.IsType(t, &clickhouse.JSON{}, c.values[0])
	var wide []string
	for i := range maxColumnPaths {
		wide = append(wide, fmt.Sprintf(`"k%d":%d`, i, i))
	}
	c.add([]byte("{" + strings.Join(wide, ",") + "}"))
	c.add(nil)
	require.JSONEq(t, `{"a.b":[{"c":1},{}],"d":"x","e":[1,null],"f":[1,"y"]}`, c.values[0].(string))
	require.JSONEq(t, "{"+strings.Join(wide, ",")+"}", c.values[1].(string))
	require.Equal(t, "{}", c.values[2])
}
