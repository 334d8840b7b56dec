package main

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/project"
	schema "github.com/tailrace/tailrace/sql"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func root(t *testing.T) string {
	t.Helper()
	dir, err := repository()
	require.NoError(t, err)
	return dir
}

func TestReferencePagesAreCurrent(t *testing.T) {
	t.Parallel()
	want, err := pages(root(t))
	require.NoError(t, err)
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(root(t), "docs", "reference", name))
		require.NoError(t, err)
		require.Equal(t, text, string(got), "docs/reference/%s is stale: go generate ./cmd/docgen", name)
	}
}

func TestReferencePagesAreWhole(t *testing.T) {
	t.Parallel()
	made, err := pages(root(t))
	require.NoError(t, err)
	for code := range project.Codes() {
		require.Contains(t, made["diagnostics.md"], "## "+string(code)+"\n")
	}
	described := map[string]bool{"model": true, "trait": true}
	for _, k := range kindTitles {
		described[k.kind] = true
	}
	for _, kind := range project.SchemaKinds() {
		require.True(t, described[kind], "no section of project-schema.md describes %s", kind)
	}
	relations, public, err := readSchema()
	require.NoError(t, err)
	known := map[string]bool{}
	for _, r := range relations {
		known[r.name] = true
		require.NotEmpty(t, r.comment, "%s has no comment in sql/schema", r.name)
		require.NotEmpty(t, r.columns, "%s shows no columns", r.name)
	}
	files, err := filepath.Glob(filepath.Join(root(t), "sql", "schema", "*.sql"))
	require.NoError(t, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`CREATE (?:TABLE|OR REPLACE VIEW)[A-Z ]*\{\{database\}\}\.(\w+)`).FindAllStringSubmatch(string(raw), -1) {
			require.True(t, known[m[1]], "%s isn't in tables.md", m[1])
		}
	}
	for name := range public {
		require.True(t, known[name], "%s", name)
	}
}

// Examples of project files begin with a line that names the file, such as
// `# syncs/crm.yml` or `-- audiences/x.sql`. Those of one page are laid over the
// shop project and must load with it.
func TestExamplesOfProjectFilesLoad(t *testing.T) {
	t.Parallel()
	found := 0
	for _, page := range handWritten(t) {
		files := examples(t, page)
		if len(files) == 0 {
			continue
		}
		found += len(files)
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, schema.Demo))
		dir = filepath.Join(dir, "demo")
		for name, text := range files {
			path := filepath.Join(dir, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		}
		_, diagnostics := project.Load(dir, func(name string) (string, bool) {
			return "value_of_" + name, !strings.HasSuffix(name, "_SANDBOX") // whose default is read
		})
		for _, d := range diagnostics {
			if _, ours := files[d.Path]; ours {
				require.Fail(t, filepath.Base(page)+": "+d.String())
			}
		}
		require.Empty(t, diagnostics.Errors(), page)
	}
	require.GreaterOrEqual(t, found, 7, "the examples weren't found")
}

var fence = regexp.MustCompile("(?ms)^```(?:yaml|sql)\n(?:#|--) ((?:[a-z_]+/)?[a-z_]+\\.(?:yml|sql))[^\n]*\n(.*?)^```")

func examples(t *testing.T, page string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(page)
	require.NoError(t, err)
	out := map[string]string{}
	for _, m := range fence.FindAllStringSubmatch(string(raw), -1) {
		out[m[1]] = m[2]
	}
	return out
}

func handWritten(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root(t), "docs", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	below, err := filepath.Glob(filepath.Join(root(t), "docs", "*", "*.md"))
	require.NoError(t, err)
	return append(pages, slices.DeleteFunc(below, func(page string) bool { return filepath.Base(filepath.Dir(page)) == "reference" })...)
}

func TestLinksBetweenPagesResolve(t *testing.T) {
	t.Parallel()
	reference, err := filepath.Glob(filepath.Join(root(t), "docs", "reference", "*.md"))
	require.NoError(t, err)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range append(handWritten(t), reference...) {
		raw, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(raw), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := page
			if target != "" {
				path = filepath.Join(filepath.Dir(page), target)
				_, err := os.Stat(path)
				require.NoError(t, err, "%s links to %s", page, m[1])
			}
			if anchor == "" || !strings.HasSuffix(path, ".md") {
				continue
			}
			there, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Contains(t, anchors(string(there)), anchor, "%s links to %s", page, m[1])
		}
	}
}

// The calls of api.md are those of the API.
func TestCallsOfTheAPIExist(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(root(t), "docs", "openapi.json"))
	require.NoError(t, err)
	var document struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(raw, &document))
	var known []string
	parameter := regexp.MustCompile(`\{[^}]+\}`)
	for at, methods := range document.Paths {
		for method := range methods {
			known = append(known, method+" "+parameter.ReplaceAllString(at, "*"))
		}
	}
	page, err := os.ReadFile(filepath.Join(root(t), "docs", "api.md"))
	require.NoError(t, err)
	calls := regexp.MustCompile(`(?m)^(get|post|put) +"?([^\s"?]+)`).FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(calls), 40, "the calls weren't found")
	for _, call := range calls {
		want := call[1] + " /api/v1/" + call[2]
		require.True(t, slices.ContainsFunc(known, func(pattern string) bool {
			ok, err := path.Match(pattern, want)
			return ok && err == nil
		}), "the API has no %s", want)
	}
}

// anchors are the names that headings get on GitHub.
func anchors(text string) []string {
	var out []string
	drop := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		out = append(out, strings.ReplaceAll(drop.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return out
}
