package syncs

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Encoding is the version of the canonical encoding that this release writes
// (docs/decisions.md §2).
const Encoding = 1

// encodingSettings pin everything about text that a server could be set to do
// otherwise.
const encodingSettings = `output_format_json_quote_64bit_integers = 0, output_format_json_quote_denormals = 0,
    output_format_json_quote_decimals = 0, output_format_json_escape_forward_slashes = 0, date_time_output_format = 'simple',
    output_format_json_named_tuples_as_objects = 1, bool_true_representation = 'true', bool_false_representation = 'false'`

// encode returns the SQL expression that writes x, an expression of the given
// type, as canonical JSON text. It is never NULL.
func encode(typ, x string) (string, error) { return encodeAt(typ, x, 0) }

func encodeAt(typ, x string, depth int) (string, error) {
	t, err := parseType(typ)
	if err != nil {
		return "", err
	}
	arg := func(i int) string {
		if i < len(t.args) {
			return t.args[i]
		}
		return ""
	}
	switch t.base {
	case "Nullable":
		if arg(0) == "Nothing" {
			return "'null'", nil
		}
		inner, err := encodeAt(arg(0), "assumeNotNull("+x+")", depth)
		return "if(isNull(" + x + "), 'null', " + inner + ")", err
	case "Nothing":
		return "'null'", nil
	case "LowCardinality":
		return encodeAt(arg(0), "CAST("+x+", "+quote(arg(0))+")", depth)
	case "SimpleAggregateFunction":
		return encodeAt(arg(len(t.args)-1), x, depth)
	case "String", "Enum8", "Enum16", "UUID", "IPv4", "IPv6":
		return jsonText("toString(" + x + ")"), nil
	case "FixedString":
		return jsonText("trim(TRAILING '\\0' FROM toString(" + x + "))"), nil
	case "Bool":
		return "if(" + x + ", 'true', 'false')", nil
	case "Float32", "Float64", "BFloat16":
		return "if(isFinite(" + x + "), toString(" + x + "), 'null')", nil
	case "Decimal", "Decimal32", "Decimal64", "Decimal128", "Decimal256":
		scale, err := decimalScale(t)
		return "toDecimalString(" + x + ", " + strconv.Itoa(scale) + ")", err
	case "Date", "Date32":
		return `concat('"', toString(` + x + `), '"')`, nil
	case "DateTime", "DateTime64":
		return `concat('"', replaceOne(toString(toDateTime64(` + x + `, 3, 'UTC')), ' ', 'T'), 'Z"')`, nil
	case "Array":
		v := "x" + strconv.Itoa(depth)
		inner, err := encodeAt(arg(0), v, depth+1)
		return "concat('[', arrayStringConcat(arrayMap(" + v + " -> " + inner + ", " + x + "), ','), ']')", err
	case "Map":
		return encodeMap(t, x, depth)
	case "Tuple", "Nested":
		return encodeTuple(t, x, depth)
	case "JSON", "Object":
		return "toJSONString(" + x + ")", nil
	}
	if isInteger(t.base) {
		return "toString(" + x + ")", nil
	}
	return "", fmt.Errorf("values of type %s can't be sent; convert the column in SQL", typ)
}

func jsonText(x string) string { return "toJSONString(toValidUTF8(" + x + "))" }

// encodeMap sorts by the key's text.
func encodeMap(t chType, x string, depth int) (string, error) {
	if len(t.args) != 2 {
		return "", fmt.Errorf("type %s has no key and value", t.text)
	}
	k, v, e := fmt.Sprintf("k%d", depth), fmt.Sprintf("v%d", depth), fmt.Sprintf("e%d", depth)
	inner, err := encodeAt(t.args[1], v, depth+1)
	if err != nil {
		return "", err
	}
	pairs := fmt.Sprintf("arrayMap((%s, %s) -> (toValidUTF8(toString(%s)), %s), mapKeys(%s), mapValues(%s))", k, v, k, inner, x, x)
	return fmt.Sprintf("concat('{', arrayStringConcat(arrayMap(%s -> concat(toJSONString(%s.1), ':', %s.2), arraySort(%s -> %s.1, %s)), ','), '}')",
		e, e, e, e, e, pairs), nil
}

func encodeTuple(t chType, x string, depth int) (string, error) {
	if t.base == "Nested" {
		return "", fmt.Errorf("values of type %s can't be sent; convert the column in SQL", t.text)
	}
	var fields []encodedField
	for _, e := range t.elements() {
		inner, err := encodeAt(e.typ, fmt.Sprintf("tupleElement(%s, %d)", x, e.at), depth)
		if err != nil {
			return "", err
		}
		fields = append(fields, encodedField{e.name, inner})
	}
	return encodeObject(fields), nil
}

// encodedField is a name and the SQL of its encoded value.
type encodedField struct{ name, sql string }

// encodeObject writes a JSON object with the fields in byte order of their names.
func encodeObject(fields []encodedField) string {
	if len(fields) == 0 {
		return "'{}'"
	}
	sort.SliceStable(fields, func(i, j int) bool { return fields[i].name < fields[j].name })
	var b strings.Builder
	b.WriteString("concat(")
	for i, f := range fields {
		lead := ","
		if i == 0 {
			lead = "{"
		}
		b.WriteString(quote(lead + jsonString(f.name) + ":"))
		b.WriteString(", " + f.sql + ", ")
	}
	b.WriteString("'}')")
	return b.String()
}

// rowHashSQL is the hash of one tuple, never NULL, zero mapped to one.
func rowHashSQL(tuple string) string {
	h := "reinterpretAsUInt128(sipHash128Reference((" + tuple + ")))"
	return "if(" + h + " = 0, toUInt128(1), " + h + ")"
}

// encodeConst writes a constant of a project file as canonical JSON.
func encodeConst(v any) (string, error) {
	raw, err := marshal(v)
	if err != nil {
		return "", fmt.Errorf("encoding a constant: %w", err)
	}
	return string(raw), nil
}

// marshal is JSON without HTML escapes; keys of maps come sorted.
func marshal(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimRight(b.String(), "\n")), nil
}

// jsonString writes s as the engine's toJSONString does for names: a name of a
// field is a constant of the file, so Go's escapes are as good as the engine's.
func jsonString(s string) string {
	raw, err := marshal(s)
	if err != nil {
		return `""` // a string always encodes
	}
	return string(raw)
}

// quote writes a SQL string literal. Only names and constants of reviewed
// project files come here; values of rows never do.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(s) + "'"
}

func isInteger(base string) bool {
	digits, ok := strings.CutPrefix(strings.TrimPrefix(base, "U"), "Int")
	if !ok {
		return false
	}
	switch digits {
	case "8", "16", "32", "64", "128", "256":
		return true
	}
	return false
}

func decimalScale(t chType) (int, error) {
	if len(t.args) == 0 {
		return 0, fmt.Errorf("type %s has no scale", t.text)
	}
	return strconv.Atoi(t.args[len(t.args)-1])
}
