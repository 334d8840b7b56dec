package collector

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Times outside these bounds share one partition of events_raw, and a corrected
// timestamp never lies outside them.
var (
	earliestTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latestTime   = time.Date(2100, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
)

// The driver writes DateTime64 by way of int64 nanoseconds, which end in 2262;
// what was sent is clamped well inside them, and stays out of range.
var (
	clampLow  = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	clampHigh = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

var timeLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04Z07:00",
	"2006-01-02",
	time.RFC1123,
	time.RFC1123Z,
	time.RFC850,
	time.ANSIC,
	time.UnixDate,
}

// parseTime reads a time as a raw JSON value: a string in ISO 8601 or one of
// the formats seen in the wild (UTC unless it names a zone), or a number of
// seconds or milliseconds since 1970, also as a string.
func parseTime(raw []byte) (time.Time, bool) {
	switch {
	case isNumber(raw):
		return parseEpoch(string(raw))
	case isString(raw):
		return parseTimeString(unquote(raw))
	}
	return time.Time{}, false
}

func parseTimeString(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 8 || len(s) > 64 {
		return time.Time{}, false
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Millisecond), true
		}
	}
	return parseEpoch(s)
}

// parseEpoch takes numbers below 1e11 as seconds (until the year 5138) and
// larger ones as milliseconds (from 1973).
func parseEpoch(s string) (time.Time, bool) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > 1e14 {
		return time.Time{}, false
	}
	if math.Abs(n) < 1e11 {
		n *= 1000
	}
	return time.UnixMilli(int64(n)).UTC(), true
}

// eventTimes is what the typed columns say about an event's time.
type eventTimes struct {
	timestamp time.Time // when it happened, by our clock
	original  time.Time // when it happened, by the client's clock
	sent      time.Time // when it was sent, by the client's clock; zero if unknown
}

// resolveTimes corrects an event's time for the client's clock, as Segment
// documents it: timestamp = receivedAt - (sentAt - originalTimestamp).
// original_timestamp is derived from nothing but what the client sent, unless
// it sent nothing that reads as a time: then both are when we received it.
func resolveTimes(original, sent time.Time, hasOriginal, hasSent bool, received time.Time) eventTimes {
	t := eventTimes{timestamp: received, original: received}
	if hasSent {
		t.sent = clampTime(sent)
	}
	if !hasOriginal {
		return t
	}
	t.original = clampTime(original)
	corrected := original
	if hasSent {
		corrected = received.Add(-sent.Sub(original))
	}
	switch {
	case inRange(corrected):
		t.timestamp = corrected
	case inRange(original):
		t.timestamp = original
	}
	return t
}

func inRange(t time.Time) bool { return !t.Before(earliestTime) && !t.After(latestTime) }

func clampTime(t time.Time) time.Time {
	switch {
	case t.Before(clampLow):
		return clampLow
	case t.After(clampHigh):
		return clampHigh
	}
	return t
}
