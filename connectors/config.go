package connectors

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Endpoint is embedded by config structs: where requests go.
type Endpoint struct {
	BaseURL string `json:"base_url" doc:"Address that requests are sent to; the vendor's own unless set."`
}

// Address returns the base URL without a trailing slash.
func (e *Endpoint) Address() string { return strings.TrimRight(e.BaseURL, "/") }

// SetAddress replaces the base URL (stand-ins, tests).
func (e *Endpoint) SetAddress(u string) { e.BaseURL = u }

// Addressed is a config whose requests can be sent elsewhere; every config is.
type Addressed interface {
	Address() string
	SetAddress(string)
}

// ConfigError is one mistake in a destination's settings, by path; whoever
// read the file knows the position.
type ConfigError struct {
	Path    string // "credentials.access_token"
	Message string // one sentence
	Hint    string // the way out
}

// Error joins path, message and hint.
func (e ConfigError) Error() string {
	s := e.Path + ": " + e.Message
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Validator is a config with rules beyond its tags.
type Validator interface{ Validate() []ConfigError }

// Tags of a config struct's fields: json (name), doc (description), default,
// required:"true", and standin (the value that a sandboxed destination uses
// where none is given).

// DecodeConfig fills the connector's config struct from the settings of a
// destination file, strictly: all mistakes are returned, none is fatal to the
// others. Values are what YAML gives; a secret is a Secret or another type with
// Reveal() string, which only a resolved reference has, so a plain text in a
// secret's place is an error. The generic keys of a destination (connector,
// purpose, owner, limits, description, sandbox, renamed_from, on_delete) are
// ignored. With sandbox: true neither secrets nor base_url need be given.
func DecodeConfig(c Connector, raw map[string]any) (any, []ConfigError) {
	cfg := c.Config()
	sandbox, _ := raw["sandbox"].(bool)
	d := decoder{sandbox: sandbox}
	in := maps.Clone(raw)
	for _, k := range genericKeys {
		delete(in, k)
	}
	d.structure(reflect.ValueOf(cfg).Elem(), in, "")
	if len(d.errs) == 0 {
		if v, ok := cfg.(Validator); ok {
			d.errs = append(d.errs, v.Validate()...)
		}
		if a, ok := cfg.(Addressed); ok && !sandbox {
			d.errs = append(d.errs, checkAddress(a.Address())...)
		}
	}
	slices.SortStableFunc(d.errs, func(a, b ConfigError) int { return strings.Compare(a.Path, b.Path) })
	return cfg, d.errs
}

var genericKeys = []string{"connector", "purpose", "owner", "limits", "description", "sandbox", "renamed_from", "on_delete"}

func checkAddress(addr string) []ConfigError {
	fail := func(msg string) []ConfigError {
		return []ConfigError{{Path: "base_url", Message: msg, Hint: "write it as https://host/path"}}
	}
	if addr == "" {
		return fail("is required")
	}
	u, err := url.Parse(addr)
	if err != nil {
		return fail("is not an address")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return fail("must begin with https:// or http://")
	case u.Hostname() == "":
		return fail("has no host")
	case u.User != nil:
		return fail("must not carry a user or password")
	case u.Fragment != "":
		return fail("must not have a fragment")
	}
	return nil
}

// revealer is a secret of any package.
type revealer interface{ Reveal() string }

func asMapping(raw any) (map[string]any, bool) {
	if m, ok := raw.(map[string]any); ok || raw == nil {
		return m, ok
	}
	v := reflect.ValueOf(raw)
	if v.Kind() != reflect.Map || v.Type().Key().Kind() != reflect.String {
		return nil, false
	}
	out := make(map[string]any, v.Len())
	for _, k := range v.MapKeys() {
		out[k.String()] = v.MapIndex(k).Interface()
	}
	return out, true
}

type decoder struct {
	sandbox bool
	errs    []ConfigError
}

func (d *decoder) fail(path, hint, format string, args ...any) {
	d.errs = append(d.errs, ConfigError{Path: path, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (d *decoder) structure(v reflect.Value, in map[string]any, prefix string) {
	known := map[string]bool{}
	eachField(v, func(f reflect.StructField, fv reflect.Value) {
		name := fieldName(f)
		known[name] = true
		path := prefix + name
		raw, given := in[name]
		given = given && raw != nil
		switch {
		case fv.Kind() == reflect.Struct && fv.Type() != secretType:
			sub, ok := asMapping(raw)
			if given && !ok {
				d.fail(path, "", "must be a mapping")
				return
			}
			d.structure(fv, sub, path+".")
		case given:
			d.value(fv, raw, path)
		case f.Tag.Get("default") != "":
			d.value(fv, f.Tag.Get("default"), path)
		case d.sandbox && f.Tag.Get("standin") != "" && fv.Type() == secretType:
			d.value(fv, NewSecret(f.Tag.Get("standin")), path)
		case d.sandbox && f.Tag.Get("standin") != "":
			d.value(fv, f.Tag.Get("standin"), path)
		case d.sandbox && fv.Type() == secretType:
		case f.Tag.Get("required") == "true" && (!d.sandbox || name != "base_url"):
			hint := ""
			if fv.Type() == secretType {
				hint = "give it as ${env:NAME} or ${file:/path}"
			}
			d.fail(path, hint, "is required")
		}
	})
	for k := range in {
		if !known[k] {
			hint := "known here: " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
			if near := nearest(k, known); near != "" {
				hint = "did you mean " + near + "?"
			}
			d.fail(prefix+k, hint, "is not a setting of this connector")
		}
	}
}

func (d *decoder) value(v reflect.Value, raw any, path string) {
	switch {
	case v.Type() == secretType:
		switch s := raw.(type) {
		case revealer:
			if s.Reveal() == "" {
				d.fail(path, "", "is empty")
			}
			v.Set(reflect.ValueOf(NewSecret(s.Reveal())))
		default:
			d.fail(path, "write ${env:NAME} or ${file:/path}", "a secret is given by reference, never as text")
		}
	case v.Type() == durationType:
		s, ok := raw.(string)
		if n, zero := asInt(raw); zero && n == 0 {
			s, ok = "0s", true
		}
		dur, err := time.ParseDuration(s)
		if !ok || err != nil || dur < 0 {
			d.fail(path, "write 90s, 5m or 1h", "is not a duration")
			return
		}
		v.SetInt(int64(dur))
	case v.Kind() == reflect.String:
		switch s := raw.(type) {
		case string:
			v.SetString(s)
		case revealer:
			// A reference in a plain setting is only a way to give it.
			v.SetString(s.Reveal())
		default:
			if n, ok := asInt(raw); ok {
				v.SetString(strconv.FormatInt(n, 10))
				return
			}
			d.fail(path, "", "must be a text")
		}
	case v.Kind() == reflect.Bool:
		b, ok := raw.(bool)
		if s, isText := raw.(string); isText {
			var err error
			b, err = strconv.ParseBool(s)
			ok = err == nil
		}
		if !ok {
			d.fail(path, "", "must be true or false")
		}
		v.SetBool(b)
	case v.Kind() == reflect.Int:
		n, ok := asInt(raw)
		if !ok {
			d.fail(path, "", "must be a whole number")
		}
		v.SetInt(n)
	case v.Kind() == reflect.Float64:
		f, ok := asFloat(raw)
		if !ok {
			d.fail(path, "", "must be a number")
		}
		v.SetFloat(f)
	default:
		d.fail(path, "", "has a type that settings can't have (%s)", v.Type())
	}
}

func asInt(raw any) (int64, bool) {
	switch n := raw.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(n), n < 1<<63
	case float64:
		return int64(n), n == float64(int64(n))
	case string:
		i, err := strconv.ParseInt(n, 10, 64)
		return i, err == nil
	}
	return 0, false
}

func asFloat(raw any) (float64, bool) {
	switch n := raw.(type) {
	case float64:
		return n, true
	case string:
		f, err := strconv.ParseFloat(n, 64)
		return f, err == nil
	}
	i, ok := asInt(raw)
	return float64(i), ok
}
