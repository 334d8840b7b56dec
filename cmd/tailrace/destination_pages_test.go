package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/all"
	"github.com/tailrace/tailrace/connectors/sandbox"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/sql"
	"github.com/tailrace/tailrace/syncs"
)

// TestNormalisersExist: what connectors name, the snapshot can write; a hashed identifier without a rule can't be mapped.
func TestNormalisersExist(t *testing.T) {
	t.Parallel()
	for _, c := range all.All {
		for _, o := range c.Objects {
			for _, i := range o.Identifiers {
				if i.Normaliser != "" || i.Form != connectors.Plain {
					require.Contains(t, syncs.Normalisers(), i.Normaliser, "%s %s %s", c.Name, o.Name, i.Name)
				}
			}
		}
	}
}

var exampleFile = regexp.MustCompile("(?ms)^```yaml\n# (\\S+\\.yml)\n(.*?)^```")

// exampleSecrets are secrets of the pages that have to look like one.
var exampleSecrets = map[string]string{"MAILCHIMP_KEY": "0123456789abcdef-us1", "HOOK_SECRET": sandbox.WebhookSecret}

// TestDestinationPages: the files of each page under docs/destinations are valid in the shop project.
func TestDestinationPages(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "destinations", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		dir := t.TempDir()
		_, err = writeProject(dir, sql.Examples[0])
		require.NoError(t, err)
		files := exampleFile.FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, files, page)
		for _, f := range files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.FromSlash(f[1])), []byte(f[2]), 0o600))
		}
		p, diagnostics := project.Load(dir, func(name string) (string, bool) {
			value, special := exampleSecrets[name]
			if !special {
				value = "value of " + name
			}
			return value, strings.Contains(string(text), "${env:"+name+"}") // what a page asks for is set
		})
		require.False(t, diagnostics.HasErrors(), "%s: %v", page, diagnostics)
		require.Empty(t, checkProject(p, diagnostics).String(), page)
	}
}
