package syncs

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// encodingCases: an expression, its type, and the canonical text.
var encodingCases = []struct{ expr, typ, want string }{
	{`'a"b/é'`, "String", `"a\"b/é"`},
	{`''`, "String", `""`},
	{`unhex('ff61')`, "String", `"` + "\uFFFD" + `a"`},
	{`toFixedString('ab', 4)`, "FixedString(4)", `"ab"`},
	{`CAST('x', 'Enum8(\'x\' = 1, \'y, z\' = 2)')`, `Enum8('x' = 1, 'y, z' = 2)`, `"x"`},
	{`toUUID('5F1B0C0E-7a1e-5a64-9d3c-7461696c7261')`, "UUID", `"5f1b0c0e-7a1e-5a64-9d3c-7461696c7261"`},
	{`toIPv4('10.0.0.1')`, "IPv4", `"10.0.0.1"`},
	{`toIPv6('2001:db8::1')`, "IPv6", `"2001:db8::1"`},
	{`18446744073709551615`, "UInt64", `18446744073709551615`},
	{`toInt8(-5)`, "Int8", `-5`},
	{`toInt256('-57896044618658097711785492504343953926634992332820282019728792003956564819968')`, "Int256",
		`-57896044618658097711785492504343953926634992332820282019728792003956564819968`},
	{`toFloat64(0.1)`, "Float64", `0.1`},
	{`toFloat64(1e300)`, "Float64", `1e300`},
	{`toFloat32(0.1)`, "Float32", `0.1`},
	{`nan`, "Float64", `null`},
	{`-inf`, "Float64", `null`},
	{`toDecimal64('12.5', 2)`, "Decimal(18, 2)", `12.50`},
	{`toDecimal256('-0.00001', 5)`, "Decimal(76, 5)", `-0.00001`},
	{`true`, "Bool", `true`},
	{`toDate('2026-01-31')`, "Date", `"2026-01-31"`},
	{`toDate32('1925-01-31')`, "Date32", `"1925-01-31"`},
	{`toDateTime('2026-01-31 23:59:59', 'Europe/Berlin')`, "DateTime('Europe/Berlin')", `"2026-01-31T22:59:59.000Z"`},
	{`toDateTime64('2026-01-31 23:59:59.123456', 6, 'UTC')`, "DateTime64(6, 'UTC')", `"2026-01-31T23:59:59.123Z"`},
	{`[3, 1, 2]`, "Array(UInt8)", `[3,1,2]`},
	{`['a', NULL]`, "Array(Nullable(String))", `["a",null]`},
	{`[[1], []]`, "Array(Array(UInt8))", `[[1],[]]`},
	{`map('b', 2, 'a', 1)`, "Map(String, UInt8)", `{"a":1,"b":2}`},
	{`map(10, 'x', 9, 'y')`, "Map(UInt8, String)", `{"10":"x","9":"y"}`},
	{`CAST((1, 'x'), 'Tuple(z UInt8, a String)')`, "Tuple(z UInt8, a String)", `{"a":"x","z":1}`},
	{`(1, NULL)`, "Tuple(UInt8, Nullable(String))", `{"1":1,"2":null}`},
	{`[CAST((1, [2]), 'Tuple(b UInt8, a Array(UInt8))')]`, "Array(Tuple(b UInt8, a Array(UInt8)))", `[{"a":[2],"b":1}]`},
	{`'{"b":1,"a":{"d":"x","c":9007199254740993}}'::JSON`, "JSON", `{"a":{"c":9007199254740993,"d":"x"},"b":1}`},
	{`CAST('x', 'LowCardinality(String)')`, "LowCardinality(String)", `"x"`},
	{`CAST(NULL, 'LowCardinality(Nullable(String))')`, "LowCardinality(Nullable(String))", `null`},
	{`NULL`, "Nullable(Nothing)", `null`},
}

func TestEncodingOfEveryType(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	for _, c := range encodingCases {
		expr, err := encode(c.typ, "v")
		require.NoError(t, err, c.typ)
		var got string
		err = db.Get(t.Context(), &got, "SELECT "+expr+" FROM (SELECT "+c.expr+" AS v) SETTINGS "+encodingSettings+", enable_json_type = 1")
		require.NoError(t, err, "%s: %s", c.typ, expr)
		require.Equal(t, c.want, got, "%s %s", c.typ, c.expr)
		require.True(t, json.Valid([]byte(got)))
	}
}

// Each type that can be NULL is encoded as NULL once, and the row's hash and
// its place in a comparison survive.
func TestEncodingWithEachColumnNull(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	for _, typ := range []string{"String", "UInt64", "Float64", "Decimal(18, 2)", "Bool", "Date", "DateTime64(3, 'UTC')",
		"UUID", "FixedString(3)", "IPv4", "Enum8('a' = 1)", "Int128"} {
		typ = "Nullable(" + typ + ")"
		expr, err := encode(typ, "v")
		require.NoError(t, err)
		var got struct {
			Text string `ch:"text"`
			Type string `ch:"type"`
			Hash string `ch:"hash_type"`
		}
		payload := encodeObject([]encodedField{{"f", expr}})
		err = db.Get(t.Context(), &got, "SELECT "+payload+" AS text, toTypeName(text) AS type, toTypeName("+
			rowHashSQL("'k', '{}', "+payload)+") AS hash_type FROM (SELECT CAST(NULL, "+quote(typ)+") AS v)")
		require.NoError(t, err, typ)
		require.Equal(t, `{"f":null}`, got.Text, typ)
		require.Equal(t, "String", got.Type, typ)
		require.Equal(t, "UInt128", got.Hash, typ)
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	for _, c := range []struct{ format, expr, typ, want string }{
		{"text", "12", "UInt8", `"12"`},
		{"text", "toDate('2026-01-31')", "Date", `"2026-01-31"`},
		{"text", "[1,2]", "Array(UInt8)", `"[1,2]"`},
		{"number", "'12.5'", "String", `12.5`},
		{"number", "'x'", "String", `7`},
		{"number", "true", "Bool", `1`},
		{"boolean", "'Yes'", "String", `true`},
		{"boolean", "0", "UInt8", `false`},
		{"date", "toDateTime64('2026-01-31 23:59:59', 3, 'UTC')", "DateTime64(3, 'UTC')", `"2026-01-31"`},
		{"date", "'2026-01-31T10:00:00Z'", "String", `"2026-01-31"`},
		{"datetime", "toDate('2026-01-31')", "Date", `"2026-01-31T00:00:00.000Z"`},
		{"unix", "toDateTime64('1970-01-02 00:00:00', 3, 'UTC')", "DateTime64(3, 'UTC')", `86400`},
		{"unix_ms", "toDateTime64('1970-01-01 00:00:01.5', 3, 'UTC')", "DateTime64(3, 'UTC')", `1500`},
		{"lower", "'ÄDA'", "String", `"äda"`},
		{"json", `'{"a": 1}'`, "String", `{"a": 1}`},
		{"json", `'{'`, "String", `7`},
		{"", "CAST(NULL, 'Nullable(String)')", "Nullable(String)", `7`},
		{"date", "CAST(NULL, 'Nullable(Date)')", "Nullable(Date)", `7`},
	} {
		f := project.Field{Name: "f", Format: c.format, HasDefault: true, Default: 7}
		expr, err := encodeField(f, c.typ, "v")
		require.NoError(t, err, c.format)
		var got string
		require.NoError(t, db.Get(t.Context(), &got, "SELECT "+expr+" FROM (SELECT "+c.expr+" AS v)"), "%s: %s", c.format, expr)
		require.Equal(t, c.want, got, "%s of %s", c.format, c.expr)
	}
	_, err := encodeField(project.Field{Format: "date"}, "UInt8", "v")
	require.EqualError(t, err, "a column of type UInt8 can't be written as date")
}

func TestEncodingRefusesWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	_, err := encode("AggregateFunction(sum, UInt8)", "v")
	require.ErrorContains(t, err, "convert the column in SQL")
	_, err = parseType("Map(String")
	require.Error(t, err)
}

func TestEncodeObjectIsInByteOrder(t *testing.T) {
	t.Parallel()
	sql := encodeObject([]encodedField{{"b", "B"}, {"a'", "A"}, {"Z", "Z"}})
	require.Less(t, strings.Index(sql, `"Z"`), strings.Index(sql, `"a`))
	require.Equal(t, `concat('{"Z":', Z, ',"a\'":', A, ',"b":', B, '}')`, sql)
	require.Equal(t, "'{}'", encodeObject(nil))
	require.Equal(t, `{"a":"<b>"}`, jsonOf(t, map[string]any{"a": "<b>"}))
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	raw, err := marshal(v)
	require.NoError(t, err)
	return string(raw)
}
