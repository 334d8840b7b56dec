package collector

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`"2026-05-04T03:02:01Z"`:          "2026-05-04T03:02:01Z",
		`"2026-05-04T03:02:01.1234567Z"`:  "2026-05-04T03:02:01.123Z",
		`"2026-05-04T03:02:01+02:00"`:     "2026-05-04T01:02:01Z",
		`"2026-05-04T03:02:01.5+0200"`:    "2026-05-04T01:02:01.5Z",
		`"2026-05-04T03:02:01"`:           "2026-05-04T03:02:01Z",
		`"2026-05-04 03:02:01.250"`:       "2026-05-04T03:02:01.25Z",
		`"2026-05-04"`:                    "2026-05-04T00:00:00Z",
		`"Mon, 04 May 2026 03:02:01 GMT"`: "2026-05-04T03:02:01Z",
		`1777863721`:                      "2026-05-04T03:02:01Z",
		`1777863721000`:                   "2026-05-04T03:02:01Z",
		`"1777863721000"`:                 "2026-05-04T03:02:01Z",
		`1777863721.5`:                    "2026-05-04T03:02:01.5Z",
		`"9999-12-31T23:59:59Z"`:          "9999-12-31T23:59:59Z",
		`"yesterday"`:                     "",
		`""`:                              "",
		`null`:                            "",
		`true`:                            "",
		`{}`:                              "",
		`1e400`:                           "",
		`"NaN"`:                           "",
		`"20000-01-01T00:00:00Z"`:         "",
		`"2026-13-45T99:99:99Z"`:          "",
		"\"\\ud800\"":                     "",
		`-99999999999999999999999999999999999999`: "",
	} {
		got, ok := parseTime([]byte(raw))
		require.Equal(t, want != "", ok, raw)
		if ok {
			require.Equal(t, want, got.Format(time.RFC3339Nano), raw)
		}
	}
}

func TestResolveTimesCorrectsClockSkew(t *testing.T) {
	t.Parallel()
	received := testTime
	hourFast := received.Add(time.Hour)
	got := resolveTimes(hourFast.Add(-time.Minute), hourFast, true, true, received)
	require.Equal(t, received.Add(-time.Minute), got.timestamp)
	require.Equal(t, hourFast.Add(-time.Minute), got.original)
	require.Equal(t, hourFast, got.sent)

	deadClock := time.Date(1970, 1, 1, 0, 5, 0, 0, time.UTC)
	got = resolveTimes(deadClock.Add(-time.Minute), deadClock, true, true, received)
	require.Equal(t, received.Add(-time.Minute), got.timestamp, "a clock that never was set is corrected too")

	got = resolveTimes(received.AddDate(-3, 0, 0), time.Time{}, true, false, received)
	require.Equal(t, received.AddDate(-3, 0, 0), got.timestamp, "history without sentAt stays where it is")
	require.True(t, got.sent.IsZero())
}

func TestResolveTimesKeepsOddTimesInBounds(t *testing.T) {
	t.Parallel()
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	got := resolveTimes(far, time.Time{}, true, false, testTime)
	require.Equal(t, eventTimes{timestamp: testTime, original: clampHigh}, got)

	got = resolveTimes(testTime.AddDate(0, -1, 0), far, true, true, testTime)
	require.Equal(t, testTime.AddDate(0, -1, 0), got.timestamp, "an absurd sentAt corrects nothing")

	got = resolveTimes(time.Time{}, time.Time{}, false, false, testTime)
	require.Equal(t, eventTimes{timestamp: testTime, original: testTime}, got)
}
