package connectors

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValuesKeepTheirDigits(t *testing.T) {
	t.Parallel()
	var fields map[string]Value
	in := `{"a":18446744073709551615,"b":0.10,"c":"<é\u2028😀>","d":null,"e":[1,"x"],"f":true}`
	require.NoError(t, json.Unmarshal([]byte(in), &fields))
	require.Equal(t, "18446744073709551615", fields["a"].Text())
	require.Equal(t, "0.10", fields["b"].Text())
	require.Equal(t, "<é\u2028😀>", fields["c"].Text())
	for k, kind := range map[string]Kind{"a": KindNumber, "b": KindNumber, "c": KindText, "d": KindNull, "e": KindArray, "f": KindBool, "z": KindAbsent} {
		require.Equal(t, kind, fields[k].Kind(), k)
	}
	out, err := EncodeJSON(fields)
	require.NoError(t, err)
	require.JSONEq(t, in, string(out))
	require.Contains(t, string(out), "0.10")
	_, err = Number("1e")
	require.Error(t, err)
	_, err = Number("12x")
	require.Error(t, err)
	require.Equal(t, `"<a&b>"`, string(Text("<a&b>")))
}
