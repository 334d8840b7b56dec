package connectortest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

func definitionComplete(t testing.TB, h Harness) []string {
	p := &problems{at: h.Connector.Name}
	c := h.Connector
	if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(c.Name) || c.Title == "" || c.Version == "" || c.Auth.Kind == "" {
		p.add("name, title, version or auth is missing")
	}
	if c.Standin == nil || c.Open == nil || c.Config == nil || len(c.Objects) == 0 {
		p.add("stand-in, Open, Config or objects are missing")
	}
	if _, ok := c.Config().(connectors.Addressed); !ok {
		p.add("the config has no base_url: embed connectors.Endpoint")
	}
	_, polls := openWriter(t, h, nil).(connectors.Poller)
	_, looks := openWriter(t, h, nil).(connectors.Looker)
	covered := map[string]bool{}
	for _, x := range h.Cases {
		covered[x.Object+string(x.Action)] = true
	}
	for _, o := range c.Objects {
		for a, s := range o.Actions {
			at := o.Name + "." + string(a)
			switch {
			case !a.Known():
				p.add("%s is no action", at)
			case s.Class == connectors.ClassUndeclared:
				p.add("%s declares no class", at)
			case (s.Class == connectors.ClassB) != (s.Window > 0):
				p.add("%s: class B needs a documented window, and only class B has one", at)
			case s.Limits.Rows < 1:
				p.add("%s declares no limit of rows", at)
			case s.Async && !polls:
				p.add("%s is asynchronous, but the Writer is no Poller", at)
			case s.Class == connectors.ClassC && !looks:
				p.add("%s is class C, but the Writer is no Looker", at)
			}
			if o.Name != connectors.AnyObject && !covered[o.Name+string(a)] {
				p.add("%s has no case in the harness", at)
			}
		}
	}
	for _, s := range connectors.Settings(c) {
		if s.Doc == "" {
			p.add("setting %s has no description", s.Path)
		}
	}
	return p.list
}

// openWriter opens the connector's Writer with a transport of our own.
func openWriter(t testing.TB, h Harness, d connectors.Doer) connectors.Writer {
	t.Helper()
	raw := maps.Clone(h.Settings)
	raw["base_url"] = "https://vendor.example"
	cfg, bad := connectors.DecodeConfig(h.Connector, raw)
	require.Empty(t, bad)
	w, err := h.Connector.Open(cfg, connectors.Env{HTTP: d, Now: time.Now, Rand: func() uint64 { return 1 }})
	require.NoError(t, err)
	return w
}

type forbidden struct{ used bool }

func (f *forbidden) Do(*http.Request) (*http.Response, error) {
	f.used = true
	return nil, http.ErrServerClosed
}

// openIsPure: goroutines that Open leaves are found by goleak in TestMain.
func openIsPure(t testing.TB, h Harness) []string {
	d := &forbidden{}
	openWriter(t, h, d)
	if d.used {
		return []string{"Open sends a request"}
	}
	return nil
}

func configRequired(_ testing.TB, h Harness) []string {
	p := &problems{at: h.Connector.Name}
	for _, s := range connectors.Settings(h.Connector) {
		if !s.Required {
			continue
		}
		raw := without(h.Settings, strings.Split(s.Path, "."))
		_, errs := connectors.DecodeConfig(h.Connector, raw)
		found := false
		for _, e := range errs {
			found = found || (e.Path == s.Path && e.Message == "is required")
		}
		if !found {
			p.add("%s isn't missed: %v", s.Path, errs)
		}
	}
	return p.list
}

func without(in map[string]any, path []string) map[string]any {
	out := maps.Clone(in)
	if len(path) == 1 {
		delete(out, path[0])
		return out
	}
	sub, ok := out[path[0]].(map[string]any)
	if ok {
		out[path[0]] = without(sub, path[1:])
	}
	return out
}

var reference = regexp.MustCompile(`^\$\{env:([A-Z_]+)\}$`)

// resolve wraps references as whoever reads a destination's file does.
func resolve(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			x[k] = resolve(e)
		}
	case string:
		if m := reference.FindStringSubmatch(x); m != nil {
			if m[1] == "GOOD_SECRET" {
				return connectors.NewSecret(sandbox.WebhookSecret)
			}
			return connectors.NewSecret("value of " + m[1])
		}
	}
	return v
}

// configBadFiles: each file's first line is "# " and the messages expected,
// separated by " | ".
func configBadFiles(t testing.TB, h Harness) []string {
	p := &problems{at: h.BadFiles}
	files, err := filepath.Glob(filepath.Join(h.BadFiles, "*.bad.yml"))
	require.NoError(t, err)
	if len(files) < 3 {
		p.add("only %d files with mistakes", len(files))
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		require.NoError(t, err)
		first, _, _ := strings.Cut(string(content), "\n")
		want := strings.TrimPrefix(first, "# ")
		raw := map[string]any{}
		require.NoError(t, yaml.Unmarshal(content, &raw))
		_, errs := connectors.DecodeConfig(h.Connector, resolve(raw).(map[string]any))
		var got []string
		for _, e := range errs {
			got = append(got, e.Error())
		}
		if strings.Join(got, " | ") != want {
			p.add("%s: got %q", filepath.Base(f), strings.Join(got, " | "))
		}
	}
	return p.list
}

func secretsCounted(t testing.TB, h Harness) []string {
	p := &problems{at: h.Connector.Name}
	cfg, bad := connectors.DecodeConfig(h.Connector, withBase(h.Settings))
	require.Empty(t, bad)
	set := 0
	for _, s := range connectors.Secrets(cfg) {
		if !s.IsZero() {
			set++
		}
	}
	if declared := len(connectors.Secrets(cfg)); declared != h.Secrets || set != h.Secrets {
		p.add("%d secrets declared, %d set in the harness, expected %d", declared, set, h.Secrets)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "config", cfg)
	y, err := yaml.Marshal(cfg)
	require.NoError(t, err)
	j, err := json.Marshal(cfg)
	require.NoError(t, err)
	for format, text := range map[string]string{
		"JSON": string(j), "YAML": string(y), "slog": log.String(),
		"%v": fmt.Sprintf("%v", cfg), "%+v": fmt.Sprintf("%+v", cfg), "%#v": fmt.Sprintf("%#v", cfg), "%s": fmt.Sprintf("%s", cfg),
	} {
		if n := strings.Count(text, connectors.Redacted); n != h.Secrets {
			p.add("%s shows %d redacted secrets, expected %d: %s", format, n, h.Secrets, text)
		}
		for path, s := range connectors.Secrets(cfg) {
			if strings.Contains(text, s.Reveal()) {
				p.add("%s shows %s", format, path)
			}
		}
	}
	return p.list
}

func withBase(settings map[string]any) map[string]any {
	out := maps.Clone(settings)
	out["base_url"] = "https://vendor.example"
	return out
}

func secretsByReference(_ testing.TB, h Harness) []string {
	p := &problems{at: h.Connector.Name}
	for path := range connectors.Secrets(h.Connector.Config()) {
		raw := replaced(withBase(h.Settings), strings.Split(path, "."), "a literal")
		_, errs := connectors.DecodeConfig(h.Connector, raw)
		if len(errs) != 1 || errs[0].Path != path || !strings.Contains(errs[0].Hint, "${env:") {
			p.add("a literal %s gives %v", path, errs)
		}
	}
	return p.list
}

func replaced(in map[string]any, path []string, v any) map[string]any {
	out := maps.Clone(in)
	if out == nil {
		out = map[string]any{}
	}
	if len(path) == 1 {
		out[path[0]] = v
		return out
	}
	sub, _ := out[path[0]].(map[string]any)
	out[path[0]] = replaced(sub, path[1:], v)
	return out
}
