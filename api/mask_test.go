package api

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMaskText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                  "",
		"ada@example.com":   "a•••@e•••.com",
		"ada@localhost":     "a•••@l•••",
		"Ada":               "A•••",
		"Ω mega":            "Ω•••",
		"@":                 "@•••",
		"\xff\xfe broken":   "\xff•••",
		"a@b@example.co.uk": "a•••@b•••.uk",
	} {
		require.Equal(t, want, maskText(in), "%q", in)
	}
}

func TestMaskJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		``:    ``,
		`"x"`: `"x•••"`,
		`{"email":"ada@example.com","n":12345678901234567890,"ok":true,"none":null,"list":["Ada",[1,{"k":"<b>"}]]}`: `{"email":"a•••@e•••.com","list":["A•••",[1,{"k":"<•••"}]],"n":12345678901234567890,"none":null,"ok":true}`,
		`not json ada@example.com`:     `•••`,
		`{"a":"b"} {"email":"hidden"}`: `•••`,
		`{"a":"b"`:                     `•••`,
	} {
		require.Equal(t, want, maskJSON(in), in)
	}
}

func TestMaskWords(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "",
		"several rows have one key, for example ada, eve":   "several rows have one key, for example •••",
		"a.sql:3:1: several rows have the same email: x, y": "a.sql:3:1: several rows have the same email: •••",
		"429: slow down":                           "429: slow down",
		"contact ada@example.com exists":           "contact a•••@e•••.com exists",
		"/contacts/ada%40example.com?id=u1":        "/contacts/a•••@e•••.com?id=u1",
		`firstname "Ada" isn't a number 491701234`: `firstname "A•••" isn't a number 4•••`,
	} {
		require.Equal(t, want, maskWords(in), in)
	}
}
