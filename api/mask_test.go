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
		"mail ada@example.com. or call Ada Lovelace": "m•••@e•••",
		"ada@example.1234567":                        "a•••@e•••",
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

func TestMaskDocument(t *testing.T) {
	t.Parallel()
	require.Equal(t, `{"born":"•••","list":["•••",true,null],"name":"A•••"}`, maskDocument(`{"name":"Ada","born":1815,"list":[491701234567,true,null]}`))
	born := func(field string) bool { return field == "born" || field == "tags" }
	require.Equal(t, `{"born":"•••","name":"A•••","none":null,"spent":3,"tags":"•••"}`, string(maskFields([]byte(`{"name":"Ada","born":1815,"spent":3,"tags":[1],"none":null}`), born)))
	require.Equal(t, `["A•••","•••"]`, string(maskFields([]byte(`["Ada",1815]`), born)), "who knows what stands where")
	require.Equal(t, `/v•••/p•••/u•••/a•••@e•••.com?•••`, maskPath("/v3/people/u1/ada@example.com?id=u1"))
	require.Equal(t, "/", maskPath("/"))
	headers := map[string]string{"Location": "/people/u1", "Content-Type": "application/json", "X-RateLimit-Remaining": "7"}
	maskHeaders(headers)
	require.Equal(t, map[string]string{"Location": "/•••", "Content-Type": "application/json", "X-RateLimit-Remaining": "7"}, headers)
}

func TestMaskWords(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "",
		"several rows have one key, for example ada, eve":   "several rows have one key, for example •••",
		"a.sql:3:1: several rows have the same email: x, y": "a.sql:3:1: several rows have the same email: •••",
		"429: slow down":                                                             "429: slow down",
		"contact ada@example.com exists":                                             "contact a•••@e•••.com exists",
		"/contacts/ada%40example.com?id=u1":                                          "/contacts/a•••@e•••.com?id=u1",
		"the vendor doesn't know 'Ada L.' (no such name)":                            "the vendor doesn't know 'A•••' (no such name)",
		"no contact Customer-7f3a9 nor +49-170-5550199":                              "no contact C••• nor +4•••",
		"run 0198c0de-0000-7000-8000-000000000001 of 2026-01-31T10:00:00Z: HTTP 429": "run 0198c0de-0000-7000-8000-000000000001 of 2026-01-31T10:00:00Z: HTTP 429",
		`firstname "Ada" isn't a number 491701234`:                                   `firstname "A•••" isn't a number 4•••`,
	} {
		require.Equal(t, want, maskWords(in), in)
	}
}
