package syncs

import (
	"fmt"

	"github.com/tailrace/tailrace/project"
)

// encodeField is the SQL of one mapped field's value: x of type typ, written in
// the field's format, with its default where it is NULL.
func encodeField(f project.Field, typ, x string) (string, error) {
	if f.IsConst {
		text, err := encodeConst(f.Const)
		return quote(text), err
	}
	whenNull := "'null'"
	if f.HasDefault {
		text, err := encodeConst(f.Default)
		if err != nil {
			return "", err
		}
		whenNull = quote(text)
	}
	if typ == typeDocument {
		return encodeDocument(f, x, whenNull)
	}
	isNull := nullable(typ)
	for { // down to the type of a value that is there
		t, err := parseType(typ)
		if err != nil {
			return "", err
		}
		if t.base == "LowCardinality" && len(t.args) == 1 {
			typ, x = t.args[0], "CAST("+x+", "+quote(t.args[0])+")"
			continue
		}
		if t.base == "Nullable" && len(t.args) == 1 && t.args[0] != "Nothing" {
			inner, err := formatted(f.Format, t.args[0], "assumeNotNull("+x+")", whenNull)
			return "if(isNull(" + x + "), " + whenNull + ", " + inner + ")", err
		}
		if isNull {
			inner, err := encode(typ, x)
			return "if(isNull(" + x + "), " + whenNull + ", " + inner + ")", err
		}
		return formatted(f.Format, typ, x, whenNull)
	}
}

// formatted writes x, which is not NULL, in a format. What can't be read in
// that format is as if it were NULL.
func formatted(format, typ, x, whenNull string) (string, error) {
	t, err := parseType(typ)
	if err != nil {
		return "", err
	}
	isText := t.base == "String" || t.base == "FixedString" || t.base == "Enum8" || t.base == "Enum16"
	isTime := t.base == "DateTime" || t.base == "DateTime64" || t.base == "Date" || t.base == "Date32"
	orNull := func(parsed, typ string) (string, error) {
		inner, err := encode(typ, "assumeNotNull("+parsed+")")
		return "if(isNull(" + parsed + "), " + whenNull + ", " + inner + ")", err
	}
	unfit := func() (string, error) {
		return "", fmt.Errorf("a column of type %s can't be written as %s", typ, format)
	}
	switch format {
	case "":
		return encode(typ, x)
	case "text":
		if isText || t.base == "UUID" {
			return encode(typ, x)
		}
		plain, err := encode(typ, x)
		// A value that is a JSON text already stays one; any other is quoted.
		return "if(startsWith(" + plain + ", '\"'), " + plain + ", toJSONString(" + plain + "))", err
	case "lower", "upper":
		if !isText && t.base != "UUID" {
			return unfit()
		}
		return jsonText(format + "UTF8(toString(" + x + "))"), nil
	case "number":
		switch {
		case isText:
			return orNull("toFloat64OrNull(toString("+x+"))", "Float64")
		case t.base == "Bool":
			return "toString(toUInt8(" + x + "))", nil
		case isTime:
			return unfit()
		}
		return encode(typ, x)
	case "boolean":
		switch {
		case t.base == "Bool":
			return encode(typ, x)
		case isText:
			low := "lowerUTF8(toString(" + x + "))"
			return "multiIf(" + low + " IN ('true', '1', 'yes'), 'true', " + low + " IN ('false', '0', 'no'), 'false', " + whenNull + ")", nil
		case isInteger(t.base):
			return "if(" + x + " != 0, 'true', 'false')", nil
		}
		return unfit()
	case "date":
		if isText {
			return orNull("toDate32(parseDateTime64BestEffortOrNull(toString("+x+"), 3, 'UTC'))", "Date32")
		}
		if !isTime {
			return unfit()
		}
		if t.base == "DateTime" || t.base == "DateTime64" {
			x = "toDateTime64(" + x + ", 3, 'UTC')"
		}
		return encode("Date32", "toDate32("+x+")")
	case "datetime", "unix", "unix_ms":
		return instant(format, isText, isTime, x, whenNull, unfit)
	case "json":
		if !isText {
			return encode(typ, x)
		}
		return "if(isValidJSON(toString(" + x + ")), toString(" + x + "), " + whenNull + ")", nil
	}
	return unfit()
}

// instant writes a moment as ISO 8601 or as seconds or milliseconds since 1970.
func instant(format string, isText, isTime bool, x, whenNull string, unfit func() (string, error)) (string, error) {
	at := "toDateTime64(" + x + ", 3, 'UTC')"
	if isText {
		at = "parseDateTime64BestEffortOrNull(toString(" + x + "), 3, 'UTC')"
	} else if !isTime {
		return unfit()
	}
	value := "assumeNotNull(" + at + ")"
	var out string
	switch format {
	case "datetime":
		var err error
		if out, err = encode("DateTime64(3)", value); err != nil {
			return "", err
		}
	case "unix":
		out = "toString(intDiv(toUnixTimestamp64Milli(" + value + "), 1000))"
	case "unix_ms":
		out = "toString(toUnixTimestamp64Milli(" + value + "))"
	}
	if isText {
		return "if(isNull(" + at + "), " + whenNull + ", " + out + ")", nil
	}
	return out, nil
}

// identifierText is the SQL of an identifier's plain text: ” where it is NULL.
func identifierText(typ, x string) (string, error) {
	t, err := parseType(typ)
	if err != nil {
		return "", err
	}
	switch t.base {
	case typeDocument:
		return documentText(x), nil
	case "Nullable":
		if len(t.args) == 1 && t.args[0] != "Nothing" {
			inner, err := identifierText(t.args[0], "assumeNotNull("+x+")")
			return "if(isNull(" + x + "), '', " + inner + ")", err
		}
		return "''", nil
	case "LowCardinality":
		return identifierText(t.args[0], "CAST("+x+", "+quote(t.args[0])+")")
	case "String", "FixedString", "Enum8", "Enum16", "UUID":
		return "toValidUTF8(toString(" + x + "))", nil
	}
	if isInteger(t.base) {
		return "toString(" + x + ")", nil
	}
	return "", fmt.Errorf("a column of type %s can't be an identifier; convert it to text in SQL", typ)
}
