package lex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeaderSplitsFrontMatterAndBody(t *testing.T) {
	t.Parallel()
	src := "/* audience\ndescription: x\nlimits: { max_shrink: 30% }\n*/\nSELECT 1\n"
	yaml, yamlLine, body, bodyLine, err := Header(src)
	require.NoError(t, err)
	require.Equal(t, "description: x\nlimits: { max_shrink: 30% }\n", yaml)
	require.Equal(t, 2, yamlLine)
	require.Equal(t, "SELECT 1\n", body)
	require.Equal(t, 5, bodyLine)

	kind, at := HeaderKind(src)
	require.Equal(t, "audience", kind)
	require.Equal(t, "1:4", at.String())
}

func TestHeaderForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		src, yaml string
		yamlLine  int
		body      string
		bodyLine  int
	}{
		"none":                  {"SELECT 1 /* not a header */", "", 0, "SELECT 1 /* not a header */", 1},
		"empty file":            {"", "", 0, "", 1},
		"kind only":             {"/* trait */\nSELECT 1", "", 1, "SELECT 1", 2},
		"first key beside /*":   {"/* key: id\nowner: a */ SELECT 1", "key: id\nowner: a ", 1, "            SELECT 1", 2},
		"behind line comments":  {"-- licence\n# note\n/*\nkey: id\n*/\n\nSELECT 1", "key: id\n", 4, "\nSELECT 1", 6},
		"behind a mark":         {"\ufeff/*\nkey: id\n*/\nSELECT 1", "key: id\n", 2, "SELECT 1", 4},
		"carriage returns":      {"/* model\r\nkey: id\r\n*/\r\nSELECT 1", "key: id\r\n", 2, "SELECT 1", 4},
		"nothing behind":        {"/*\nkey: id\n*/", "key: id\n", 2, "", 3},
		"division is no cron":   {"/*\nkey: id\n*/5 AS five", "key: id\n", 2, "  5 AS five", 3},
		"star in a description": {"/*\ndescription: all of *\n*/ SELECT 1", "description: all of *\n", 2, "   SELECT 1", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			yaml, yamlLine, body, bodyLine, err := Header(c.src)
			require.NoError(t, err)
			require.Equal(t, c.yaml, yaml)
			require.Equal(t, c.yamlLine, yamlLine)
			require.Equal(t, c.body, body)
			require.Equal(t, c.bodyLine, bodyLine)
		})
	}
}

func TestHeaderMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ src, want string }{
		"cron minutes": {"/* audience\nschedule: */15 * * * *\n*/\nSELECT 1",
			"2:11: the cron step */15 ends the header here, because */ closes the comment: write every 15m, or 0-59/15"},
		"cron in quotes": {"/* audience\nschedule: \"*/5 * * * *\"\n*/\nSELECT 1",
			"2:12: the cron step */5 ends the header here, because */ closes the comment: write every 5m, or 0-59/5"},
		"cron with the word": {"/*\nschedule: cron */10 8-18 * * 1-5\n*/\nSELECT 1",
			"2:16: the cron step */10 ends the header here, because */ closes the comment: write 0-59/10"},
		"cron hours": {"/*\nschedule: 0 */2 * * *\n*/\nSELECT 1",
			"2:13: the cron step */2 ends the header here, because */ closes the comment: write every 2h, or 0-23/2"},
		"cron hours at a minute": {"/*\nschedule: 7 */2 * * *\n*/\nSELECT 1",
			"2:13: the cron step */2 ends the header here, because */ closes the comment: write 0-23/2"},
		"not closed": {"/* audience\nkey: id\nSELECT 1", "1:1: the header's comment is not closed: end it with */"},
		"nested": {"/* audience\ndescription: a /* b\n*/\nSELECT 1",
			"2:16: /* inside the header opens a second comment, since ClickHouse nests them: write it without the slash and the star side by side"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, _, _, err := Header(c.src)
			require.EqualError(t, err, c.want)
		})
	}
}

func FuzzHeader(f *testing.F) {
	for _, seed := range []string{"", "/*", "/**/", "/* audience\nkey: id\n*/\nSELECT 1", "/*\nschedule: */15 * * * *\n*/\nSELECT 1",
		"-- x\n/* a: b */ SELECT 1", "\ufeff/*\n*/", "/* /* */ */", "/*/", "# \n/*\n*/0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		yaml, yamlLine, body, bodyLine, err := Header(src)
		HeaderKind(src)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.GreaterOrEqual(t, bodyLine, 1)
		require.LessOrEqual(t, bodyLine, 1+strings.Count(src, "\n"))
		require.True(t, strings.HasSuffix(src, strings.TrimLeft(body, " ")))
		if yaml != "" {
			require.Contains(t, src, yaml)
			require.Positive(t, yamlLine)
		}
	})
}
