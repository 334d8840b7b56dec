package collector

import (
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// kinds of an array's elements, as bits.
const (
	kindString = 1 << iota
	kindInteger
	kindFloat
	kindBool
	kindObject
	kindOther // arrays, and numbers without a place in Int64 or Float64
)

// array makes an array's value: of integers, of floats, of bools, of texts, of
// objects, or of anything.
func (c *jsonColumn) array(raw []byte) clickhouse.Dynamic {
	kinds, n := 0, 0
	eachElement(raw, func(element []byte, _ shape) bool {
		kinds |= elementKind(element)
		n++
		return true
	})
	switch kinds {
	case kindObject:
		return c.objectArray(raw, n)
	case kindInteger:
		return typedArray(raw, n, "Int64", func(b []byte) (int64, error) { return strconv.ParseInt(string(b), 10, 64) })
	case kindFloat, kindFloat | kindInteger:
		return typedArray(raw, n, "Float64", func(b []byte) (float64, error) { return strconv.ParseFloat(string(b), 64) })
	case kindBool:
		return typedArray(raw, n, "Bool", func(b []byte) (bool, error) { return b[0] == 't', nil })
	case kindString, 0:
		return typedArray(raw, n, "String", func(b []byte) (string, error) { return unquote(b), nil })
	}
	return c.mixedArray(raw, n)
}

func elementKind(element []byte) int {
	switch element[0] {
	case 'n':
		return 0
	case '"':
		return kindString
	case 't', 'f':
		return kindBool
	case '{':
		return kindObject
	case '[':
		return kindOther
	}
	switch number(element).Type() {
	case "Int64":
		return kindInteger
	case "Float64":
		return kindFloat
	}
	return kindOther
}

// typedArray reads an array whose elements all have a kind; null stays null.
func typedArray[T any](raw []byte, n int, chType string, read func([]byte) (T, error)) clickhouse.Dynamic {
	values := make([]*T, 0, n)
	eachElement(raw, func(element []byte, _ shape) bool {
		if isNull(element) {
			values = append(values, nil)
			return true
		}
		v, err := read(element)
		if err != nil {
			values = append(values, nil)
			return true
		}
		values = append(values, &v)
		return true
	})
	return clickhouse.NewDynamicWithType(values, "Array(Nullable("+chType+"))")
}

// objectArrayType is the type that the engine gives such an array itself.
const objectArrayType = "Array(JSON(max_dynamic_types=16, max_dynamic_paths=256))"

// mixedArray reads an array of different things; objects in it become JSON text.
func (c *jsonColumn) mixedArray(raw []byte, n int) clickhouse.Dynamic {
	values := make([]clickhouse.Dynamic, 0, n)
	eachElement(raw, func(element []byte, _ shape) bool {
		switch {
		case isNull(element):
			values = append(values, clickhouse.NewDynamic(nil))
		case isObject(element):
			values = append(values, clickhouse.NewDynamicWithType(toValidUTF8(element), "String"))
		default:
			values = append(values, c.value(element))
		}
		return true
	})
	return clickhouse.NewDynamicWithType(values, "Array(Dynamic)")
}

// objectArray reads an array of objects as a column of its own within the row.
func (c *jsonColumn) objectArray(raw []byte, n int) clickhouse.Dynamic {
	outer := len(c.path)
	c.path = append(c.path, '[', ']')
	base := len(c.path)
	rows := make([]*clickhouse.JSON, 0, n)
	eachElement(raw, func(element []byte, _ shape) bool {
		c.cells++
		row := clickhouse.NewJSON()
		if isObject(element) {
			c.flatten(row, element, base)
		}
		rows = append(rows, row)
		return true
	})
	c.path = c.path[:outer]
	return clickhouse.NewDynamicWithType(rows, objectArrayType)
}
