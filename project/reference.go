package project

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
)

// redacted is what every formatting of a secret shows.
const redacted = "[secret]"

// Secret is a value that is never written in a project file, only referred to
// as ${env:NAME}, ${env:NAME:-default} or ${file:/path}. All its formattings
// show the same placeholder; [Secret.Reveal] is the one way to the value.
type Secret struct{ value string }

// NewSecret wraps a value that came from elsewhere than a project file.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value, for the one place that sends it.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether no value is set.
func (s Secret) IsZero() bool { return s.value == "" }

// String shows a placeholder.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return redacted
}

// GoString shows a placeholder for %#v.
func (s Secret) GoString() string { return `project.Secret("` + s.String() + `")` }

// Format shows a placeholder for every verb.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	// fmt.State can't report a failed write; fmt itself ignores it too.
	_, _ = io.WriteString(f, text)
}

// MarshalText shows a placeholder in JSON, YAML and every text format.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON shows a placeholder.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML shows a placeholder.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue shows a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// JSONSchema describes it for editors.
func (Secret) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^\$\{(env|file):[^}]+\}$`, Examples: []any{"${env:NAME}"}}
}

func (s *Secret) decodeYAML(d *decoder, n ast.Node, path string) {
	if n.Type() == ast.NullType {
		return
	}
	text, ok := scalarText(n)
	if !ok {
		d.fail(n, CodeValue, "", "%s wants a reference such as ${env:NAME}, this is %s", d.name(path), kindOf(n))
		return
	}
	if text == "" {
		return
	}
	if !isReference(text) {
		d.fail(n, CodeSecretLiteral, "write ${env:NAME} or ${file:/path}", "%s is a secret written into the file", d.name(path))
		return
	}
	s.value, _ = d.resolve(n, text)
}

// referencePattern finds ${…} in a text.
var referencePattern = regexp.MustCompile(`\$\{[^}]*\}`)

// isReference reports whether text is one reference and nothing else.
func isReference(text string) bool {
	return referencePattern.FindString(text) == text && text != ""
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// resolver looks references up in this process's surroundings. A nil resolver
// leaves texts as they are.
type resolver struct {
	env      func(string) (string, bool)
	readFile func(string) ([]byte, error)
}

func newResolver(env func(string) (string, bool)) *resolver {
	if env == nil {
		env = os.LookupEnv
	}
	return &resolver{env: env, readFile: os.ReadFile}
}

type referenceError struct {
	code          Code
	message, hint string
}

// resolve replaces each reference in text by what it refers to. The values go
// into messages of no error.
func (r *resolver) resolve(text string) (string, *referenceError) {
	if r == nil || !strings.Contains(text, "${") {
		return text, nil
	}
	var failed *referenceError
	out := referencePattern.ReplaceAllStringFunc(text, func(ref string) string {
		value, err := r.lookup(ref)
		if err != nil && failed == nil {
			failed = err
		}
		return value
	})
	return out, failed
}

func (r *resolver) lookup(ref string) (string, *referenceError) {
	body := ref[2 : len(ref)-1]
	kind, rest, found := strings.Cut(body, ":")
	switch {
	case found && kind == "env":
		name, fallback, hasFallback := strings.Cut(rest, ":-")
		if !envName.MatchString(name) {
			break
		}
		value, set := r.env(name)
		if set && (value != "" || !hasFallback) {
			return value, nil
		}
		if hasFallback {
			return fallback, nil
		}
		return "", &referenceError{
			CodeUnsetVariable, fmt.Sprintf("the environment variable %s is not set", name),
			fmt.Sprintf("set it, or give a default: ${env:%s:-value}", name),
		}
	case found && kind == "file" && rest != "":
		content, err := r.readFile(rest)
		if err != nil {
			return "", &referenceError{CodeUnreadableFile, fmt.Sprintf("reading a value from a file: %v", err), ""}
		}
		return strings.TrimRight(string(content), "\r\n"), nil
	}
	return "", &referenceError{
		CodeReference, fmt.Sprintf("%s is no reference", ref),
		"write ${env:NAME}, ${env:NAME:-default} or ${file:/path}",
	}
}
