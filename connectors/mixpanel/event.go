package mixpanel

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/tailrace/tailrace/connectors"
)

// event is one event as the vendor takes it.
type event struct {
	Event      string                      `json:"event"`
	Properties map[string]connectors.Value `json:"properties"`
}

// placeholders are distinct ids that the vendor refuses, since they stand for
// nobody.
var placeholders = map[string]bool{
	"": true, "00000000-0000-0000-0000-000000000000": true, "anon": true, "anonymous": true, "nil": true, "none": true, "null": true,
	"n/a": true, "na": true, "undefined": true, "unknown": true, "-1": true, "0": true, "true": true, "false": true, "[]": true, "{}": true, "lmy47d": true,
}

const maxInsertID = 36

// insertID is the message id where the vendor takes it, else its hash: the same
// for the same message at any time.
func insertID(key string) string {
	if key != "" && len(key) <= maxInsertID && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == "" {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:maxInsertID/2])
}

// translate makes an event of a row, or says why the vendor would refuse it. now
// bounds its time.
func translate(r connectors.Row, now time.Time) (event, *connectors.Result) {
	reject := func(code, field, words string) (event, *connectors.Result) {
		return event{}, &connectors.Result{Status: connectors.Rejected, Code: code, Field: field, Words: words}
	}
	id := r.IDs["distinct_id"]
	if placeholders[strings.ToLower(strings.TrimSpace(id))] {
		return reject("placeholder", "distinct_id", "this distinct id stands for nobody, so the vendor refuses it")
	}
	name := r.Fields["event"].Text()
	if name == "" {
		return reject("no_event", "event", "the event has no name")
	}
	at, err := time.Parse(time.RFC3339, r.Fields["time"].Text())
	switch {
	case err != nil:
		return reject("no_time", "time", "the event's time is no moment")
	case at.Year() < 1971 || at.After(now.Add(time.Hour)):
		return reject("time_range", "time", "the vendor takes times from 1971 to an hour from now")
	}
	e := event{Event: name, Properties: make(map[string]connectors.Value, len(r.Fields)+2)}
	for field, v := range r.Fields {
		if field != "event" && field != "time" {
			e.Properties[field] = v
		}
	}
	if len(e.Properties) > 252 {
		return reject("too_many_properties", "", "the vendor takes fewer than 255 properties")
	}
	e.Properties["time"] = connectors.Int(at.UnixMilli())
	e.Properties["distinct_id"] = connectors.Text(id)
	e.Properties["$insert_id"] = connectors.Text(insertID(r.Key))
	return e, nil
}
