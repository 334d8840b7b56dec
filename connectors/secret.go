package connectors

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"time"
)

// Redacted is what every formatting of a Secret gives.
const Redacted = "[redacted]"

// Secret is a value that no formatting shows. It holds its text behind a
// pointer, so that even reflection-based printers of unexported fields don't.
type Secret struct{ text *string }

// NewSecret wraps a resolved value.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{text: &s}
}

// Reveal returns the text. Only what signs or authenticates a request calls it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is nothing to hide.
func (s Secret) IsZero() bool { return s.text == nil }

func (s Secret) shown() string {
	if s.IsZero() {
		return ""
	}
	return Redacted
}

// String redacts.
func (s Secret) String() string { return s.shown() }

// GoString redacts.
func (s Secret) GoString() string { return s.shown() }

// Format redacts under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.shown()) }

// MarshalJSON redacts.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.shown()) }

// MarshalText redacts.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }

// MarshalYAML redacts.
func (s Secret) MarshalYAML() (any, error) { return s.shown(), nil }

// LogValue redacts.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.shown()) }

// UnmarshalJSON reads a text.
func (s *Secret) UnmarshalJSON(b []byte) error {
	var t string
	if err := json.Unmarshal(b, &t); err != nil {
		return fmt.Errorf("a secret is a text")
	}
	*s = NewSecret(t)
	return nil
}

// UnmarshalYAML reads a text.
func (s *Secret) UnmarshalYAML(unmarshal func(any) error) error {
	var t string
	if err := unmarshal(&t); err != nil {
		return fmt.Errorf("a secret is a text")
	}
	*s = NewSecret(t)
	return nil
}

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
)

// Secrets returns the secrets that a config struct holds, by path.
func Secrets(cfg any) map[string]Secret {
	out := map[string]Secret{}
	walkConfig(reflect.ValueOf(cfg), "", func(path string, f reflect.StructField, v reflect.Value) {
		if v.Type() == secretType {
			out[path] = v.Interface().(Secret)
		}
	})
	return out
}
