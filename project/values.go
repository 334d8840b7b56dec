package project

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
)

// Percent is a share in hundredths: 30 is what a file writes as 30%.
type Percent float64

// Of returns the share of n.
func (p Percent) Of(n float64) float64 { return float64(p) / 100 * n }

// String writes it as files do.
func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

// MarshalText writes it as files do.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (p *Percent) UnmarshalText(text []byte) error {
	number, isPercent := strings.CutSuffix(string(text), "%")
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !isPercent {
		return fmt.Errorf("%q is no share such as 30%%", text)
	}
	*p = Percent(f)
	return nil
}

// JSONSchema describes it for editors.
func (Percent) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[0-9]+(\.[0-9]+)?%$`, Examples: []any{"30%"}}
}

func (p *Percent) decodeYAML(d *decoder, n ast.Node, path string) {
	text, ok := d.text(n, path)
	if !ok {
		return
	}
	number, isPercent := strings.CutSuffix(text, "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !isPercent || f < 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		d.fail(n, CodeValue, "", "%s wants a share such as 30%%, this is %q", d.name(path), text)
		return
	}
	*p = Percent(f)
}

// Duration is a length of time. Files write it as Go does, and also in days and
// weeks of 24 hours: 90s, 15m, 1h30m, 90d, 2w.
type Duration time.Duration

// Std returns it as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes it as files do.
func (d Duration) String() string {
	const day = 24 * time.Hour
	std := time.Duration(d)
	if std >= day && std%day == 0 {
		return fmt.Sprintf("%dd", std/day)
	}
	s := std.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText writes it as files do.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// JSONSchema describes it for editors.
func (Duration) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+(ms|s|m|h|d|w))+$`, Examples: []any{"15m", "90d"}}
}

func (d *Duration) decodeYAML(dec *decoder, n ast.Node, path string) {
	text, ok := dec.text(n, path)
	if !ok {
		return
	}
	v, err := ParseDuration(text)
	if err != nil {
		dec.fail(n, CodeValue, "", "%s wants a time such as 15m, 12h or 90d, this is %q", dec.name(path), text)
		return
	}
	*d = v
}

// ParseDuration reads a Duration, which may not be negative.
func ParseDuration(text string) (Duration, error) {
	var days time.Duration
	rest := text
	for _, unit := range []struct {
		suffix string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, found := strings.Cut(rest, unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || n > 100_000 {
			return 0, fmt.Errorf("%q is no length of time", text)
		}
		days += time.Duration(n) * unit.length
		rest = after
	}
	if rest == "" && days > 0 {
		return Duration(days), nil
	}
	std, err := time.ParseDuration(rest)
	if err != nil || std < 0 || std+days < days {
		return 0, fmt.Errorf("%q is no length of time", text)
	}
	return Duration(days + std), nil
}

// Size is a number of bytes. Files write it in powers of 1,000 (KB, MB, GB) or
// of 1,024 (KiB, MiB, GiB).
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// String writes the bytes.
func (s Size) String() string { return strconv.FormatInt(int64(s), 10) + "B" }

// MarshalText writes the bytes.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// JSONSchema describes it for editors.
func (Size) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[0-9.]+ ?([KMGT]i?)?B$`, Examples: []any{"4GiB"}}
}

func (s *Size) decodeYAML(d *decoder, n ast.Node, path string) {
	text, ok := d.text(n, path)
	if !ok {
		return
	}
	for _, unit := range sizeUnits {
		number, found := strings.CutSuffix(text, unit.suffix)
		if !found {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err == nil && f >= 0 && f*unit.bytes < math.MaxInt64 {
			*s = Size(f * unit.bytes)
			return
		}
		break
	}
	d.fail(n, CodeValue, "", "%s wants a size such as 4GiB, this is %q", d.name(path), text)
}
