package project

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzHeader: no text of a SQL file makes reading panic, and what is said about
// it points into the file.
func FuzzHeader(f *testing.F) {
	for _, seed := range []string{
		shop["audiences/lapsed_vip.sql"], shop["models/customer_value.sql"], "", "/*", "/* audience\n- - - -\n*/ SELECT 1",
		"/* audience\nschedule: */15 * * * *\n*/", "/* audience\ntests: [{sql: |\n x}]\n*/ SELECT", "/* audience\na: &a [*a]\n*/\nSELECT x -- y\n, z FROM t",
		"/* trait\n? {a: b}\n: c\n<<: *x\n*/\nWITH a AS (SELECT 1) SELECT * EXCEPT (b) FROM a;",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := map[string]string{ConfigFile: "", "audiences/a.sql": normalise(text)}
		p, out := build(files, testEnv, nil)
		lines := strings.Count(files["audiences/a.sql"], "\n") + 2
		for _, d := range out {
			require.NotEmpty(t, d.Message)
			require.LessOrEqual(t, d.Line, lines)
			require.GreaterOrEqual(t, d.Column, min(d.Line, 1))
		}
		_, _, err := FromBundle(p.Bundle(), testEnv)
		require.NoError(t, err)
	})
}

// FuzzYAML: no text of a YAML file makes reading panic.
func FuzzYAML(f *testing.F) {
	for _, name := range []string{"tailrace.yml", "destinations/hubspot.yml", "syncs/vip.yml", "tracking_plans/shop.yml"} {
		f.Add(shop[name])
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = normalise(text)
		build(map[string]string{
			ConfigFile: text, "sources/a.yml": text, "destinations/a.yml": text, "syncs/a.yml": text, "tracking_plans/a.yml": text,
		}, testEnv, nil)
	})
}
