package connectors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Value is one field's value as canonical JSON, so that numbers keep their
// digits: a text, a number, a boolean, null, or an array or object.
type Value json.RawMessage

// Kind is the kind of a Value.
type Kind string

// The kinds of values.
const (
	KindAbsent Kind = "absent" // the zero Value
	KindNull   Kind = "null"
	KindBool   Kind = "bool"
	KindNumber Kind = "number"
	KindText   Kind = "text"
	KindArray  Kind = "array"
	KindObject Kind = "object"
)

// Null is the value that clears a field.
func Null() Value { return Value("null") }

// Bool is a boolean value.
func Bool(b bool) Value { return Value(strconv.FormatBool(b)) }

// Text is a text value.
func Text(s string) Value {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	// A string always encodes; invalid UTF-8 becomes U+FFFD.
	_ = enc.Encode(s)
	return Value(bytes.TrimRight(buf.Bytes(), "\n"))
}

// Number is a number given by its digits; an error if they aren't JSON's.
func Number(digits string) (Value, error) {
	v := Value(digits)
	if v.Kind() != KindNumber || !json.Valid(v) {
		return nil, fmt.Errorf("%q is not a number", digits)
	}
	return v, nil
}

// Int is a number value.
func Int(n int64) Value { return Value(strconv.FormatInt(n, 10)) }

// ParseValue checks raw JSON and takes it as a value.
func ParseValue(raw []byte) (Value, error) {
	var buf bytes.Buffer
	if err := json.Compact(&buf, raw); err != nil {
		return nil, fmt.Errorf("reading a value: %w", err)
	}
	return Value(buf.Bytes()), nil
}

// Kind tells the kind by the first byte.
func (v Value) Kind() Kind {
	b := bytes.TrimLeft(v, " \t\r\n")
	if len(b) == 0 {
		return KindAbsent
	}
	switch b[0] {
	case 'n':
		return KindNull
	case 't', 'f':
		return KindBool
	case '"':
		return KindText
	case '[':
		return KindArray
	case '{':
		return KindObject
	}
	return KindNumber
}

// Text returns the value as plain text: a text without its quotes, a number's
// digits, true or false, "" for null and absent, JSON for the rest.
func (v Value) Text() string {
	switch v.Kind() {
	case KindNull, KindAbsent:
		return ""
	case KindText:
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return string(v)
		}
		return s
	}
	return string(v)
}

// String is Text, for templates and tests.
func (v Value) String() string { return v.Text() }

// MarshalJSON writes the value as it is.
func (v Value) MarshalJSON() ([]byte, error) {
	if len(v) == 0 {
		return []byte("null"), nil
	}
	return v, nil
}

// UnmarshalJSON keeps the bytes.
func (v *Value) UnmarshalJSON(b []byte) error {
	*v = append((*v)[:0], b...)
	return nil
}

// Items splits an array into its values.
func (v Value) Items() ([]Value, error) {
	var out []Value
	if err := json.Unmarshal(v, &out); err != nil {
		return nil, fmt.Errorf("reading an array: %w", err)
	}
	return out, nil
}
