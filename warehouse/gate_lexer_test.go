package warehouse_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/sql/lex"
	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// engineToken is one token as ClickHouse's own lexer cuts it.
type engineToken struct {
	Begin uint64 `ch:"begin"`
	End   uint64 `ch:"end"`
	Kind  string `ch:"kind"`
}

// compareTokens checks that our lexer cuts a text as the engine's does, up to
// the first token that either refuses.
func compareTokens(t testing.TB, db *warehouse.DB, src string) {
	t.Helper()
	var theirs []engineToken
	require.NoError(t, db.Select(t.Context(), &theirs, `SELECT t.begin AS begin, t.end AS end, toString(t.type) AS kind
		FROM (SELECT arrayJoin(tokenizeQuery({src:String})) AS t) ORDER BY begin, end`, warehouse.P{"src": src}))
	ours := lex.Tokens(src)
	for i, token := range theirs {
		require.Less(t, i, len(ours), "%q", src)
		ended := ours[i].Kind == lex.Invalid
		theirsEnded := len(token.Kind) >= 5 && token.Kind[:5] == "Error" || token.Kind == "DollarSign"
		require.Equal(t, theirsEnded, ended, "%q at %d: %s", src, token.Begin, token.Kind)
		if ended {
			return
		}
		require.Equal(t, int(token.Begin), ours[i].Pos.Offset, "%q", src)
		require.Equal(t, int(token.End), ours[i].End(), "%q: %s", src, token.Kind)
		require.Equal(t, engineKind(token.Kind), ours[i].Kind, "%q: %s", src, token.Kind)
	}
	require.Len(t, ours, len(theirs), "%q", src)
}

func engineKind(name string) lex.Kind {
	switch name {
	case "Whitespace":
		return lex.Space
	case "Comment":
		return lex.Comment
	case "BareWord":
		return lex.Word
	case "QuotedIdentifier":
		return lex.Quoted
	case "Number":
		return lex.Number
	case "StringLiteral":
		return lex.String
	case "HereDoc":
		return lex.Heredoc
	}
	return lex.Punct
}

var lexerSeeds = []string{
	"SELECT 1", "a--b\nc", "# a\n#!b\n#c", "/* a /* b */ c */ d", "/*/ a */ b", `'a''b\'c' d`, "\"a\"\"b\" `c``d`",
	"‘it's’ “a b” − ’", "$a$ x $b$ $a$y", "$$x$$ $b $", "x'4f' b'01' x'4g'", "1_000 0x1F 0b01 1e3, 1.5e-3 .5 1.e5 1._5 1__0 0x_1",
	"x'", "1a 1.5a 0bz t.1a t.0x1 a.5e3", "t.1.2 (x).3 a[1].4 1..2 1.5.5", "a->b a::b a<=>b a<>b a!=b a||b @@c ::: @@@ ^ ? \\G ~",
	"a\u00a0\u2003b\ufeff", "1e 1e+ 0x 0xFp-1 .e5 5$ 1$b a1$b", "“a””b”", "‘a\\’", ".", "..", "a. 5", "\u0085\u2028x\u2060",
}

func TestLexerCutsAsTheEngineDoes(t *testing.T) {
	t.Parallel()
	db := warehousetest.Open(t)
	for _, src := range append(append(lexerSeeds, statementsOf(t, "gate_good.sql")...), statementsOf(t, "gate_bad.sql")...) {
		compareTokens(t, db, src)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var src strings.Builder
		for range 2 + random.IntN(10) {
			src.WriteString(lexerPieces[random.IntN(len(lexerPieces))])
		}
		compareTokens(t, db, src.String())
	}
}

// lexerPieces are put together at random: what one begins, another may end.
var lexerPieces = strings.Split("a|x|b|1|0|.|_|e|E|p|-|+|>|=|<|!|'|\"|`|\\|$|$a$|/|*|/*|*/|#| |\n|\t|#!|(|)|[|]|{|}|:|::|;|,|?|@|G|\\G|x'|b'|0x|0b|f|‘|’|“|”|−|\u00a0|é|\ufeff|~|^|&|%", "|")

func FuzzLexer(f *testing.F) {
	for _, seed := range lexerSeeds {
		f.Add(seed)
	}
	db := warehousetest.Open(f)
	f.Fuzz(func(t *testing.T, src string) {
		if !utf8.ValidString(src) || len(src) > 4096 {
			return
		}
		compareTokens(t, db, src)
	})
}
