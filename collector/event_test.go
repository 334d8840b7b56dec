package collector

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func testParser() *parser { return &parser{received: testTime, newID: uuid.New} }

func parseText(text, kind string) event {
	_, s, _ := scanValue([]byte(text), 0)
	return testParser().parse([]byte(text), s, kind)
}

func TestParseReadsTheTypedFields(t *testing.T) {
	t.Parallel()
	text := `{"messageId":"m1","type":"track","event":"Order Completed","name":"n","userId":42,"anonymousId":"a1","groupId":"g",
		"timestamp":"2026-05-04T03:00:00Z","sentAt":"2026-05-04T03:01:00Z","context":{"ip":"1.2.3.4"},"properties":{"total":9.5},"traits":null,"x":[1]}`
	e := parseText(text, "")
	require.False(t, e.rejected)
	require.Equal(t, []string{"m1", "track", "Order Completed", "n", "42", "a1", "g"},
		[]string{e.messageID, e.kind, e.event, e.name, e.userID, e.anonymousID, e.groupID})
	require.Equal(t, `{"ip":"1.2.3.4"}`, string(e.context))
	require.Equal(t, `{"total":9.5}`, string(e.properties))
	require.Empty(t, e.traits)
	require.Equal(t, text, string(e.payload))
	require.Equal(t, "2026-05-04T03:01:01Z", e.times.timestamp.Format("2006-01-02T15:04:05Z07:00"))
}

func TestParseSetsBadEventsAside(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40)
	var keys strings.Builder
	for i := range 600 {
		fmt.Fprintf(&keys, `"k%d":1,`, i)
	}
	for _, c := range []struct{ name, text, reason, pointer string }{
		{"a number", `7`, reasonInvalidEvent, ""},
		{"null", `null`, reasonInvalidEvent, ""},
		{"an array", `[{"type":"track"}]`, reasonInvalidEvent, ""},
		{"a text", `"track"`, reasonInvalidEvent, ""},
		{"no type", `{"event":"e"}`, reasonMissingField, "/type"},
		{"an unknown type", `{"type":"tracks"}`, reasonUnknownType, "/type"},
		{"a type that is a number", `{"type":1}`, reasonUnknownType, "/type"},
		{"a type that is an object", `{"type":{}}`, reasonInvalidType, "/type"},
		{"track without event", `{"type":"track"}`, reasonMissingField, "/event"},
		{"track with an empty event", `{"type":"track","event":""}`, reasonMissingField, "/event"},
		{"event that is null", `{"type":"track","event":null}`, reasonMissingField, "/event"},
		{"event that is an array", `{"type":"track","event":["e"]}`, reasonInvalidType, "/event"},
		{"group without groupId", `{"type":"group","userId":"u"}`, reasonMissingField, "/groupId"},
		{"alias without userId", `{"type":"alias","previousId":"p"}`, reasonMissingField, "/userId"},
		{"userId that is an object", `{"type":"identify","userId":{"id":1}}`, reasonInvalidType, "/userId"},
		{"userId that is a bool", `{"type":"identify","userId":true}`, reasonInvalidType, "/userId"},
		{"properties that are a text", `{"type":"page","properties":"{}"}`, reasonInvalidType, "/properties"},
		{"context that is an array", `{"type":"page","context":[]}`, reasonInvalidType, "/context"},
		{"traits that are a number", `{"type":"identify","traits":3}`, reasonInvalidType, "/traits"},
		{"deep nesting", `{"type":"page","properties":` + deep + `}`, reasonTooDeep, ""},
		{"many keys", `{"type":"page","properties":{` + keys.String() + `"z":1}}`, reasonTooManyKeys, ""},
		{"over 32 KB", `{"type":"page","name":"` + strings.Repeat("x", maxEventBytes) + `"}`, reasonTooLarge, ""},
		{"a giant user id", `{"type":"page","userId":"` + strings.Repeat("x", maxTextBytes+1) + `"}`, reasonInvalidType, "/userId"},
	} {
		e := parseText(c.text, "")
		require.True(t, e.rejected, c.name)
		require.Equal(t, []string{c.reason, c.pointer}, []string{e.reason, e.pointer}, c.name)
		require.Equal(t, c.text, string(e.payload), c.name)
		require.NotEmpty(t, e.rule, c.name)
		require.NotEqual(t, uuid.Nil, e.id, c.name)
	}
}

func TestParseTakesOddButUsableEvents(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"type":"page"}`,
		`{"type":"track","event":"e","event":"f"}`,
		`{"type":"track","event":"\ud800","userId":"\udfff"}`,
		"{\"type\":\"track\",\"event\":\"\xff\xfe\"}",
		`{"type":"track","event":"e","properties":{"n":1e400,"m":123456789012345678901234567890,"a":1,"a":{"b":2},"a.b":3}}`,
		`{"type":"track","event":"e","timestamp":[],"sentAt":{},"originalTimestamp":true}`,
		`{"type":"identify","userId":null,"anonymousId":null,"traits":null,"context":null}`,
		`{"type":"track","event":"e","messageId":{"a":1}}`,
	} {
		e := parseText(text, "")
		require.False(t, e.rejected, "%s: %s", text, e.rule)
		require.NotEmpty(t, e.messageID)
	}
	require.Equal(t, "f", parseText(`{"type":"track","event":"e","event":"f"}`, "").event, "the last one counts")
}

func TestMessageIDs(t *testing.T) {
	t.Parallel()
	require.True(t, parseText(`{"type":"page"}`, "").generatedID)
	require.True(t, parseText(`{"type":"page","messageId":""}`, "").generatedID)
	require.Equal(t, "17", parseText(`{"type":"page","messageId":17}`, "").messageID)
	long := `{"type":"page","messageId":"` + strings.Repeat("m", 600) + `"}`
	require.Equal(t, parseText(long, "").messageID, parseText(long, "").messageID, "a retry has the same id")
	require.NotEqual(t, parseText("{\"type\":\"page\",\"messageId\":\"\xfe\"}", "").messageID,
		parseText("{\"type\":\"page\",\"messageId\":\"\xff\"}", "").messageID)
}

func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	p := testParser()
	text := []byte(`{"context":{"app":"shop"},"batch":[
		{"type":"track","event":"e","messageId":"m","properties":{"a":[1,2]},"sentAt":"2026-05-04T03:01:00Z"},
		7,
		{"type":"identify","traits":{},"context":{"traits":{"email":"a@b.c"}}}]}`)
	want := &record{received: testTime, source: "web"}
	p.parseBatch(want, text, nil)
	got, err := decodeRecord(encodeRecord(nil, want))
	require.NoError(t, err)
	require.Equal(t, encodeRecord(nil, want), encodeRecord(nil, got))
	require.Len(t, got.events, 3)
	require.Equal(t, `{"a":[1,2]}`, string(got.events[0].properties))
	require.Equal(t, "7", string(got.events[1].payload))
	require.Equal(t, `{"app":"shop"}`, string(got.context))

	whole := encodeRecord(nil, want)
	for n := range whole {
		_, err := decodeRecord(whole[:n])
		require.Error(t, err, "cut at %d", n)
	}
}

func TestProfileID(t *testing.T) {
	t.Parallel()
	require.Equal(t, uuid.NewSHA1(uuid.MustParse("5f1b0c0e-7a1e-5a64-9d3c-7461696c7261"), []byte("user_id:u1")), ProfileID("user_id", "u1"))
	none, project := blockedValues{}, *newBlockedValues([]string{" Test-User "})
	require.Equal(t, ProfileID("user_id", "u1"), none.eventProfile("u1", "a1"))
	require.Equal(t, ProfileID("user_id", "test-user"), none.eventProfile("test-user", "a1"))
	require.Equal(t, ProfileID("anonymous_id", "a1"), project.eventProfile("TEST-user", "a1"))
	require.Equal(t, ProfileID("anonymous_id", "a1"), project.eventProfile("null", "a1"))
	require.Equal(t, uuid.Nil, project.eventProfile("test-user", "test-user\t"))
	for _, blocked := range []string{"", "null", "NULL", "undefined", "0", "Anonymous", " none ", "nil"} {
		require.Equal(t, ProfileID("anonymous_id", "a1"), none.eventProfile(blocked, "a1"), blocked)
		require.Equal(t, uuid.Nil, none.eventProfile("", blocked), blocked)
	}
}
