package warehouse

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// bind turns `?` into typed server-side parameters and formats all values.
func (c *statementCall) bind(positional []any, named P) error {
	c.params = make(map[string]string, len(positional)+len(named))
	declared := declaredTypes(c.sql)
	for name, value := range named {
		text, err := parameterText(value, declared[name])
		if err != nil {
			return fmt.Errorf("binding {%s}: %w", name, err)
		}
		c.params[name] = text
	}
	if len(positional) == 0 {
		return nil
	}
	var out strings.Builder
	start, used := 0, 0
	var failure error
	scan(c.sql, func(at int, code bool) {
		if !code || c.sql[at] != '?' || failure != nil {
			return
		}
		if used < len(positional) {
			name := "_" + strconv.Itoa(used+1)
			typ, text, err := positionalParameter(positional[used])
			if err != nil {
				failure = fmt.Errorf("binding value %d: %w", used+1, err)
				return
			}
			c.params[name] = text
			out.WriteString(c.sql[start:at])
			out.WriteString("{" + name + ":" + typ + "}")
			start = at + 1
		}
		used++
	})
	if failure != nil {
		return failure
	}
	if used != len(positional) {
		return fmt.Errorf("binding values: the statement has %d `?` but %d values were given", used, len(positional))
	}
	out.WriteString(c.sql[start:])
	c.sql = out.String()
	return nil
}

// declaredTypes finds the {name:Type} parameters of a statement.
func declaredTypes(sql string) map[string]string {
	types := map[string]string{}
	open := -1
	scan(sql, func(at int, code bool) {
		switch {
		case code && sql[at] == '{':
			open = at
		case code && sql[at] == '}' && open >= 0:
			if name, typ, ok := strings.Cut(sql[open+1:at], ":"); ok {
				types[strings.TrimSpace(name)] = strings.TrimSpace(typ)
			}
			open = -1
		}
	})
	return types
}

// timeType is how times are bound: milliseconds, as the warehouse's columns.
const timeType = "DateTime64(3, 'UTC')"

// positionalParameter chooses the ClickHouse type of a Go value and its text.
func positionalParameter(value any) (typ, text string, err error) {
	value, err = plainValue(value)
	if err != nil {
		return "", "", err
	}
	if value == nil {
		return "Nullable(String)", `\N`, nil
	}
	typ, err = typeOf(reflect.TypeOf(value))
	if err != nil {
		return "", "", err
	}
	text, err = parameterText(value, typ)
	return typ, text, err
}

// plainValue follows pointers and driver.Valuers; a nil pointer is nil.
func plainValue(value any) (any, error) {
	for {
		switch v := value.(type) {
		case nil, time.Time, uuid.UUID:
			return v, nil
		case driver.Valuer:
			if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
				return nil, nil
			}
			plain, err := v.Value()
			if err != nil {
				return nil, err
			}
			value = plain
			continue
		}
		rv := reflect.ValueOf(value)
		if rv.Kind() != reflect.Pointer {
			return value, nil
		}
		if rv.IsNil() {
			return nil, nil
		}
		value = rv.Elem().Interface()
	}
}

var (
	timeGoType = reflect.TypeFor[time.Time]()
	uuidGoType = reflect.TypeFor[uuid.UUID]()
)

// typeOf is the ClickHouse type that holds every value of the Go type.
func typeOf(t reflect.Type) (string, error) {
	switch t {
	case timeGoType:
		return timeType, nil
	case uuidGoType:
		return "UUID", nil
	}
	switch t.Kind() {
	case reflect.String:
		return "String", nil
	case reflect.Bool:
		return "Bool", nil
	case reflect.Int, reflect.Int64:
		return "Int64", nil
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return "Int" + strconv.Itoa(t.Bits()), nil
	case reflect.Uint, reflect.Uint64:
		return "UInt64", nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return "UInt" + strconv.Itoa(t.Bits()), nil
	case reflect.Float32, reflect.Float64:
		return "Float64", nil
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "String", nil
		}
		elem, err := typeOf(t.Elem())
		return "Array(" + elem + ")", err
	case reflect.Map:
		key, err := typeOf(t.Key())
		if err != nil {
			return "", err
		}
		elem, err := typeOf(t.Elem())
		return "Map(" + key + ", " + elem + ")", err
	case reflect.Pointer:
		elem, err := typeOf(t.Elem())
		return "Nullable(" + elem + ")", err
	}
	return "", fmt.Errorf("a %s can't be bound to `?`; use a named parameter with a type", t)
}

// parameterText writes a value as the server reads parameters of the type: at
// the top raw with tab-separated escapes, inside arrays and maps quoted. An
// unknown type ("") is fine for all but times.
func parameterText(value any, typ string) (string, error) {
	value, err := plainValue(value)
	if err != nil {
		return "", err
	}
	switch v := value.(type) {
	case nil:
		return `\N`, nil
	case time.Time:
		return timeText(v, typ)
	case uuid.UUID:
		return v.String(), nil
	case []byte:
		return parameterEscaper.Replace(string(v)), nil
	}
	rv := reflect.ValueOf(value)
	if rv.Kind() == reflect.String {
		return parameterEscaper.Replace(rv.String()), nil
	}
	return nestedText(rv, typ)
}

var parameterEscaper = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`)

var (
	minTime = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	// maxTime is where DateTime64 and int64 nanoseconds end: beyond it the
	// driver's arithmetic wraps around to 1915.
	maxTime = time.Date(2262, 4, 11, 0, 0, 0, 0, time.UTC)
)

// checkTime refuses times that ClickHouse or the driver would change silently;
// the zero time.Time is one of them (it would become 1970).
func checkTime(t time.Time) error {
	if t.Before(minTime) || !t.Before(maxTime) {
		return fmt.Errorf("time %s is outside 1900-01-01 to 2262-04-11, and would be stored as another one", t.UTC().Format(time.RFC3339))
	}
	return nil
}

// timeText writes a moment in UTC, to the precision of the declared type:
// whole days for Date, seconds for DateTime (a fraction is refused, not
// dropped), else milliseconds and what DateTime64(n) has beyond them. Where the
// type names no zone the text is a number, which means the same everywhere.
func timeText(t time.Time, typ string) (string, error) {
	if err := checkTime(t); err != nil {
		return "", err
	}
	t = t.UTC()
	inner := strings.TrimSuffix(strings.TrimPrefix(typ, "Nullable("), ")")
	switch {
	case inner == "Date" || inner == "Date32":
		return t.Format(time.DateOnly), nil
	case inner == "String":
		return t.Format("2006-01-02 15:04:05.000"), nil
	case strings.HasPrefix(inner, "DateTime64") || inner == "":
		digits := 3
		if len(inner) > 11 && inner[11] >= '4' && inner[11] <= '9' {
			digits = int(inner[11] - '0')
		}
		if strings.Contains(inner, "'UTC'") {
			return t.Format("2006-01-02 15:04:05." + strings.Repeat("0", digits)), nil
		}
		// Times before 1970 with a fraction: let Go's text do the sign.
		if t.Unix() < 0 {
			return t.Format("2006-01-02 15:04:05." + strings.Repeat("0", digits)), nil
		}
		return strconv.FormatInt(t.Unix(), 10) + t.Format("."+strings.Repeat("0", digits)), nil
	default:
		if t.Nanosecond() != 0 {
			return "", fmt.Errorf("time %s has a fraction of a second that %s can't hold; declare DateTime64(3, 'UTC')", t.Format(time.RFC3339Nano), typ)
		}
		return strconv.FormatInt(t.Unix(), 10), nil
	}
}

// nestedText writes numbers, bools and containers; strings in containers are
// quoted.
func nestedText(rv reflect.Value, typ string) (string, error) {
	for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		if rv.IsNil() {
			return "NULL", nil
		}
		rv = rv.Elem()
	}
	switch v := rv.Interface().(type) {
	case time.Time:
		text, err := timeText(v, timeType)
		return quoteString(text), err
	case uuid.UUID:
		return quoteString(v.String()), nil
	}
	switch rv.Kind() {
	case reflect.String:
		return quoteString(rv.String()), nil
	case reflect.Bool:
		return strconv.FormatBool(rv.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(rv.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(rv.Uint(), 10), nil
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(rv.Float(), 'g', -1, 64), nil
	case reflect.Slice, reflect.Array:
		if rv.Type().Elem().Kind() == reflect.Uint8 && rv.Kind() == reflect.Slice {
			return quoteString(string(rv.Bytes())), nil
		}
		parts := make([]string, rv.Len())
		for i := range parts {
			text, err := nestedText(rv.Index(i), typ)
			if err != nil {
				return "", err
			}
			parts[i] = text
		}
		return "[" + strings.Join(parts, ",") + "]", nil
	case reflect.Map:
		return mapText(rv, typ)
	}
	return "", errors.New("a " + rv.Type().String() + " can't be bound as a parameter")
}

func mapText(rv reflect.Value, typ string) (string, error) {
	var parts []string
	for iter := rv.MapRange(); iter.Next(); {
		key, err := nestedText(iter.Key(), typ)
		if err != nil {
			return "", err
		}
		value, err := nestedText(iter.Value(), typ)
		if err != nil {
			return "", err
		}
		parts = append(parts, key+":"+value)
	}
	return "{" + strings.Join(parts, ",") + "}", nil
}
