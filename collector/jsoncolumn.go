package collector

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// maxColumnPaths is how many different paths a block's JSON column may have to
// be sent path by path. The driver does work for each path of each row, known
// or not; beyond some hundreds the engine reads JSON text faster.
const maxColumnPaths = 300

// maxColumnCells bounds the values and objects of a column that are held apart.
// Text takes a tenth of their memory.
const maxColumnCells = 1_000_000

// jsonColumn makes one JSON column of a block. Objects are taken apart into
// paths with typed values here, which costs the engine a quarter of what
// reading JSON text does (docs/decisions.md has the figures).
//
// What the JSON type can't hold is written otherwise, in this column only: of a
// path that comes twice the last value counts; numbers beyond 64 bits and
// beyond Float64 become text, as do objects in arrays that mix types; nulls and
// empty objects have no path.
type jsonColumn struct {
	values []any             // *clickhouse.JSON, or JSON text throughout
	asText bool              // the limits above are passed
	paths  map[string]string // interned
	cells  int
	path   []byte // of the member being read
}

func newJSONColumn(rows int) *jsonColumn {
	return &jsonColumn{values: make([]any, 0, rows), paths: map[string]string{}}
}

// add takes the next row's raw object; none is an empty one.
func (c *jsonColumn) add(raw []byte) {
	row := clickhouse.NewJSON()
	if isObject(raw) {
		c.path = c.path[:0]
		c.flatten(row, raw, 0)
	}
	if !c.asText && (len(c.paths) > maxColumnPaths || c.cells > maxColumnCells) {
		c.asText = true
		for i, value := range c.values {
			c.values[i] = string(appendJSON(nil, value.(*clickhouse.JSON)))
		}
	}
	if c.asText {
		c.values = append(c.values, string(appendJSON(nil, row)))
		return
	}
	c.values = append(c.values, row)
}

// flatten adds an object's members to a row. base is where, in c.path, the
// paths of this row begin: rows nest in arrays of objects.
func (c *jsonColumn) flatten(row *clickhouse.JSON, object []byte, base int) {
	outer := len(c.path)
	eachRawMember(object, func(quotedKey, raw []byte) {
		if isNull(raw) {
			return
		}
		if outer > base {
			c.path = append(c.path, '.')
		}
		c.path = appendKey(c.path, quotedKey)
		if isObject(raw) {
			c.flatten(row, raw, base)
		} else {
			path := c.intern(base)
			row.SetValueAtPath(path, c.value(raw))
		}
		c.path = c.path[:outer]
	})
}

// intern returns the path behind base as a string, made once a block. Paths in
// arrays of objects count with their array's path.
func (c *jsonColumn) intern(base int) string {
	c.cells++
	known, ok := c.paths[string(c.path)]
	if !ok {
		known = string(c.path)
		if c.asText {
			return known[base:]
		}
		c.paths[known] = known
	}
	return known[base:]
}

func appendKey(path, quotedKey []byte) []byte {
	inner := quotedKey[1 : len(quotedKey)-1]
	for _, b := range inner {
		if b == '\\' || b >= 0x80 {
			return append(path, unquote(quotedKey)...)
		}
	}
	return append(path, inner...)
}

func (c *jsonColumn) value(raw []byte) clickhouse.Dynamic {
	switch raw[0] {
	case '"':
		return clickhouse.NewDynamicWithType(unquote(raw), "String")
	case 't', 'f':
		return clickhouse.NewDynamicWithType(raw[0] == 't', "Bool")
	case '[':
		return c.array(raw)
	}
	return number(raw)
}

// number keeps an integer an integer and a fraction a fraction; what has no
// place in 64 bits stays as it is written.
func number(raw []byte) clickhouse.Dynamic {
	text := string(raw)
	if isInteger(raw) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return clickhouse.NewDynamicWithType(n, "Int64")
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return clickhouse.NewDynamicWithType(n, "UInt64")
		}
		return clickhouse.NewDynamicWithType(text, "String")
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) {
		return clickhouse.NewDynamicWithType(f, "Float64")
	}
	return clickhouse.NewDynamicWithType(text, "String")
}

func isInteger(raw []byte) bool {
	return !slices.ContainsFunc(raw, func(b byte) bool { return b == '.' || b == 'e' || b == 'E' })
}

// appendJSON writes a row as JSON text, with dotted paths as keys, which the
// engine reads as the same paths.
func appendJSON(dst []byte, row *clickhouse.JSON) []byte {
	dst = append(dst, '{')
	for path, value := range row.ValuesByPath() {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = appendScalar(dst, path)
		dst = append(dst, ':')
		dst = appendValue(dst, value.(clickhouse.Dynamic).Any())
	}
	return append(dst, '}')
}

func appendValue(dst []byte, value any) []byte {
	switch elements := value.(type) {
	case []*clickhouse.JSON:
		return appendList(dst, len(elements), func(dst []byte, i int) []byte { return appendJSON(dst, elements[i]) })
	case []clickhouse.Dynamic:
		return appendList(dst, len(elements), func(dst []byte, i int) []byte { return appendValue(dst, elements[i].Any()) })
	}
	return appendScalar(dst, value)
}

func appendList(dst []byte, n int, element func([]byte, int) []byte) []byte {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = element(dst, i)
	}
	return append(dst, ']')
}

func appendScalar(dst []byte, value any) []byte {
	b, err := json.Marshal(value)
	if err != nil { // not with the types that value and array make
		return append(dst, "null"...)
	}
	return append(dst, b...)
}
