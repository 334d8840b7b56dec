package collector

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScanValueAgreesWithEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, ` `, `{}`, `[]`, `{"a":1}`, `{"a":1,}`, `[1,]`, `[1 2]`, `{"a" 1}`, `{"a":}`, `{a:1}`, `"a`, `"\u12"`, `"\u12zz"`, `"\x"`,
		`01`, `-`, `-0`, `1.`, `1.5e`, `1e5`, `1e+5`, `.5`, `+1`, `nul`, `null`, `true`, `fals`, `tru e`, "\"\t\"", `"\ud800"`, `"\\"`,
		`{"a":{"b":[{"c":[[]]}]}} `, `[{}]`, `[[],{}]`, `{"a":[]}`, `}`, `]`, `[}`, `{]`, `{"a":1]`, `[1}`, `NaN`, `Infinity`, `'a'`, `{"a":1}{"b":2}`,
	} {
		end, _, ok := scanValue([]byte(text), 0)
		ok = ok && skipSpace([]byte(text), end) == len(text)
		require.Equal(t, json.Valid([]byte(text)), ok, "%q", text)
	}
}

func TestScanValueMeasuresShape(t *testing.T) {
	t.Parallel()
	_, s, ok := scanValue([]byte(`{"a":{"b":1,"c":[{"d":1},[[]]]},"e":2}`), 0)
	require.True(t, ok)
	require.Equal(t, shape{depth: 5, keys: 4}, s, "keys in arrays are not counted")
}

func TestScanValueBearsAnyNesting(t *testing.T) {
	t.Parallel()
	const depth = 1_000_000
	text := strings.Repeat("[", depth) + strings.Repeat("]", depth)
	_, s, ok := scanValue([]byte(text), 0)
	require.True(t, ok)
	require.Equal(t, depth, s.depth)
	_, _, ok = scanValue([]byte(strings.Repeat(`{"a":`, depth)), 0)
	require.False(t, ok)
}

func TestUnquoteMakesValidText(t *testing.T) {
	t.Parallel()
	for quoted, want := range map[string]string{
		`"plain"`: "plain", `"é"`: "é", `"\u00e9\n"`: "é\n", `"\ud83d\ude00"`: "😀",
		`"\ud800x"`: "\uFFFDx", "\"\xff\"": "\uFFFD", "\"\xff\\n\"": "\uFFFD\n",
	} {
		require.Equal(t, want, unquote([]byte(quoted)))
	}
}

func TestMergeObjectsLetsTheOwnKeysWin(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{``, `{"a":1}`, `{"a":1}`}, {`{"a":1}`, ``, `{"a":1}`}, {`{"a":1,"b":2}`, `{"a":9 }`, `{"a":9,"b":2}`},
		{`{"a":1}`, `{}`, `{"a":1}`}, {`{}`, `{ }`, `{}`},
	} {
		require.JSONEq(t, c[2], string(mergeObjects([]byte(c[0]), []byte(c[1]))))
	}
}
