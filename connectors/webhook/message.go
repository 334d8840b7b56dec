package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"

	"github.com/tailrace/tailrace/connectors"
)

type message struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      data   `json:"data"`
}

type data struct {
	Sync    string  `json:"sync"`
	Object  string  `json:"object,omitempty"`
	Target  string  `json:"target,omitempty"`
	Erase   bool    `json:"erase,omitempty"`
	Added   *[]item `json:"added,omitempty"`
	Removed *[]item `json:"removed,omitempty"`
	Records *[]item `json:"records,omitempty"`
	Events  *[]item `json:"events,omitempty"`
}

type item struct {
	Key         string                      `json:"key"`
	Event       connectors.Value            `json:"event,omitempty"`
	Time        connectors.Value            `json:"time,omitempty"`
	Identifiers map[string]string           `json:"identifiers,omitempty"`
	Fields      map[string]connectors.Value `json:"fields,omitempty"`
}

var types = map[connectors.Action]string{
	connectors.AddToList:      "audience.members",
	connectors.RemoveFromList: "audience.members",
	connectors.Upsert:         "records.upserted",
	connectors.Update:         "records.updated",
	connectors.Create:         "records.created",
	connectors.Delete:         "records.deleted",
	connectors.Append:         "events.appended",
}

// encode gives the same bytes for the same batch: the time in it is the
// plan's, maps are in order of their keys.
func encode(b connectors.Batch) ([]byte, error) {
	items := make([]item, len(b.Rows))
	for i, r := range b.Rows {
		items[i] = toItem(b.Action, r)
	}
	none := []item{}
	d := data{Sync: b.Sync, Object: b.Object, Target: b.Target, Erase: b.Erase}
	switch b.Action {
	case connectors.AddToList:
		d.Added, d.Removed = &items, &none
	case connectors.RemoveFromList:
		d.Added, d.Removed = &none, &items
	case connectors.Append:
		d.Events = &items
	default:
		d.Records = &items
	}
	return connectors.EncodeJSON(message{
		Type: types[b.Action], Timestamp: b.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Data: d,
	})
}

func toItem(a connectors.Action, r connectors.Row) item {
	out := item{Key: r.Key, Identifiers: r.Identity(a)}
	switch {
	case a == connectors.Append:
		// What happened and when are the event's own; its key is the message id.
		out.Event, out.Time = r.Fields["event"], r.Fields["time"]
		out.Fields = maps.Clone(r.Fields)
		delete(out.Fields, "event")
		delete(out.Fields, "time")
	case !a.Removes():
		out.Fields = r.Fields
	}
	return out
}

// messageID hashes the batch's key: the same on every attempt, and without the
// dots that separate the parts of what is signed.
func messageID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "msg_" + hex.EncodeToString(sum[:16])
}
