package lex

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kinds writes the significant tokens of a text with their kinds.
func kinds(src string) string {
	names := map[Kind]string{Space: "space", Comment: "comment", Word: "word", Quoted: "quoted", Number: "number",
		String: "string", Heredoc: "heredoc", Punct: "", Invalid: "invalid"}
	var out []string
	for _, t := range Tokens(src) {
		if t.Kind == Space {
			continue
		}
		if t.Kind == Punct {
			out = append(out, t.Text)
			continue
		}
		out = append(out, fmt.Sprintf("%s<%s>", names[t.Kind], t.Text))
	}
	return strings.Join(out, " ")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ src, want string }{
		{"SELECT 1", "word<SELECT> number<1>"},
		{"a--b\nc", "word<a> comment<--b> word<c>"},
		{"a // b", "word<a> comment<// b>"},
		{"# a\n#!b\n#c", "comment<# a> comment<#!b> invalid<#> word<c>"},
		{"/* a /* b */ c */ d", "comment</* a /* b */ c */> word<d>"},
		{"/*/ a */ b", "comment</*/ a */> word<b>"},
		{"/* a /* b */", "invalid</* a /* b */>"},
		{`'a''b\'c' d`, `string<'a''b\'c'> word<d>`},
		{`'a\`, `invalid<'a\>`},
		{"\"a\"\"b\" `c``d`", "quoted<\"a\"\"b\"> quoted<`c``d`>"},
		{"‘it's’ “a b” − ’", "string<‘it's’> quoted<“a b”> − invalid<’>"},
		{"$a$ x $b$ $a$y", "heredoc<$a$ x $b$ $a$> word<y>"},
		{"$$x$$ $b $", "heredoc<$$x$$> word<$b> invalid<$>"},
		{"x'4f' b'01' x'4g'", "string<x'4f'> string<b'01'> invalid<x'4g'>"},
		{"1_000 0x1F 0b01 1e3 1.5e-3, .5 1.e5", "number<1_000> number<0x1F> number<0b01> number<1e3> number<1.5e-3> , number<.5> number<1.e5>"},
		{"1a 1.5a 0bz t.1a", "word<1a> invalid<1.5a> word<0bz> word<t> . word<1a>"},
		{"t.1.2 (x).3 a[1].4", "word<t> . number<1> . number<2> ( word<x> ) . number<3> word<a> [ number<1> ] . number<4>"},
		{"a->b a::b a<=>b a<>b a!=b a||b @@c", "word<a> -> word<b> word<a> :: word<b> word<a> <=> word<b> word<a> <> word<b> word<a> != word<b> word<a> || word<b> @@ word<c>"},
		{"{p:Array(String)}", "{ word<p> : word<Array> ( word<String> ) }"},
		{"a \\G b \\ !", "word<a> \\G word<b> invalid<\\> invalid<!>"},
		{"é", "invalid<é>"},
		{"a\x00b\xff", "word<a> invalid<\x00> word<b> invalid<\xff>"},
		{"a\u00a0\u2003b\ufeff", "word<a> word<b>"},
	} {
		require.Equal(t, c.want, kinds(c.src), c.src)
	}
}

func TestPositionsCountLinesAndCodePoints(t *testing.T) {
	t.Parallel()
	src := "SELECT 'é\nü', x\n\tFROM y"
	var got []string
	for _, tok := range Significant(Tokens(src)) {
		got = append(got, fmt.Sprintf("%s@%s", tok.Text, tok.Pos))
		require.Equal(t, tok.Pos, PosAt(src, tok.Pos.Offset))
	}
	require.Equal(t, []string{"SELECT@1:1", "'é\nü'@1:8", ",@2:3", "x@2:5", "FROM@3:2", "y@3:7"}, got)
	require.Equal(t, "1:1", PosAt(src, -5).String())
	require.Equal(t, "3:8", PosAt(src, 1000).String())
}

func TestNamesAndValuesWithoutQuotes(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"plain": "plain", "`a``b`": "a`b", `"a\"b"`: `a"b`, "“a b”": "a b", "`a\\x41\\n`": "aA\n", `"a\d"`: `a\d`,
	} {
		got, ok := Tokens(src)[0].Identifier()
		require.True(t, ok, src)
		require.Equal(t, want, got, src)
	}
	for src, want := range map[string]string{"'a''b'": "a'b", "$t$ x $t$": " x ", "‘y’": "y", "x'41'": "41", "$$$$": ""} {
		got, ok := Tokens(src)[0].Value()
		require.True(t, ok, src)
		require.Equal(t, want, got, src)
	}
	_, ok := Tokens("'text'")[0].Identifier()
	require.False(t, ok)
	_, ok = Tokens("name")[0].Value()
	require.False(t, ok)
}

func TestStatements(t *testing.T) {
	t.Parallel()
	got := Statements("-- a\nSELECT ';' /* ; */; ;\n\n  CREATE TABLE `;` (x Int8) ;-- end;\n")
	require.Equal(t, []Statement{
		{Text: "-- a\nSELECT ';' /* ; */", Pos: Pos{Offset: 0, Line: 1, Column: 1}},
		{Text: "CREATE TABLE `;` (x Int8)", Pos: Pos{Offset: 30, Line: 4, Column: 3}},
	}, got)
	require.Empty(t, Statements(" ; -- x\n;"))
	require.Len(t, Statements(`SELECT 1 \G SELECT 2`), 2)
}

func TestFunctionsAndForbiddenCalls(t *testing.T) {
	t.Parallel()
	tokens := Tokens("SELECT count(*), `sum` (x), t.f(1), Rand32(), x IN (1), rand FROM numbers(5) WHERE (a) AND not (b)\nAND sleepEachRow(1)")
	var names []string
	for _, c := range Functions(tokens) {
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"count", "sum", "f", "Rand32", "numbers", "sleepEachRow"}, names)
	bad := ForbiddenCalls(tokens)
	require.Len(t, bad, 2)
	require.Equal(t, "1:37", bad[0].Pos.String())
	require.Equal(t, "2:5", bad[1].Pos.String())
	for _, name := range []string{"rand", "RAND64", "randCanonical", "generateUUIDv7", "sleep", "arrayShuffle", "fuzzBits", "rowNumberInAllBlocks"} {
		_, forbidden := Forbidden(name)
		require.True(t, forbidden, name)
	}
	for _, name := range []string{"range", "count", "ranked", "toUUID", "row_number"} {
		_, forbidden := Forbidden(name)
		require.False(t, forbidden, name)
	}
}

func TestColumnComments(t *testing.T) {
	t.Parallel()
	src := `WITH x AS (SELECT a -- no
 FROM t)
SELECT DISTINCT profile_id, -- the person
  sum(total) AS value -- all they spent
  , t.last_order_at,
  -- stands alone
  if(a, b, -- inside
     c) AS d, /* block */ # hash of d
  e + f, -- unnamed
  g IS NOT NULL AS h // last
FROM x -- not an item`
	var got []string
	for _, c := range ColumnComments(Tokens(src)) {
		got = append(got, fmt.Sprintf("%d %s: %s (%s)", c.Index, c.Name, c.Text, c.Pos))
	}
	require.Equal(t, []string{
		"0 profile_id: the person (3:29)",
		"1 value: all they spent (4:23)",
		"3 d: hash of d (8:27)",
		"4 : unnamed (9:10)",
		"5 h: last (10:22)",
	}, got)
	var names []string
	for _, item := range SelectItems(Tokens(src)) {
		names = append(names, item.Name)
	}
	require.Equal(t, []string{"profile_id", "value", "last_order_at", "d", "", "h"}, names)
	require.Empty(t, ColumnComments(nil))
	require.Empty(t, SelectItems(Tokens("FROM t")))
}

func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"", "SELECT 1", "'", "$a$b$a$", "/*/**/*/", "x'", "‘", "1e", "0x", ".", "a.1.2", "{a:Identifier}",
		"WITH a AS (SELECT now()) SELECT x IN a, y -- c\nFROM a, b.c WHERE d IN {t:Identifier}; SELECT", "\xe2\x80", "))) FROM a", "IN", "FROM {", "WITH a (", "now(", "now64(("} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		tokens := Tokens(src)
		var joined strings.Builder
		for _, tok := range tokens {
			require.NotEmpty(t, tok.Text)
			require.Equal(t, joined.Len(), tok.Pos.Offset)
			joined.WriteString(tok.Text)
			tok.Identifier()
			tok.Value()
		}
		require.Equal(t, src, joined.String())
		Tables(tokens)
		CTEs(tokens)
		Functions(tokens)
		ColumnComments(tokens)
		SelectItems(tokens)
		for _, s := range Statements(src) {
			require.Contains(t, src, s.Text)
		}
		r, err := RewriteTimeMapped(src, logical)
		if err != nil {
			require.NotNil(t, FirstError(src, err))
			return
		}
		require.Equal(t, strings.Count(src, "\n"), strings.Count(r.SQL, "\n"))
		require.False(t, ReadsTime(r.SQL), r.SQL)
	})
}

// FirstError asserts that an error carries a place within the source.
func FirstError(src string, err error) *Error {
	e, ok := err.(*Error)
	if !ok || e.Pos.Offset > len(src) || e.Pos.Line < 1 {
		return nil
	}
	return e
}
