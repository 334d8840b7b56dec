package collector

var eventColumns = []string{
	"message_id", "source", "type", "event", "name", "user_id", "anonymous_id", "group_id", "profile_id",
	"timestamp", "original_timestamp", "stable_time", "sent_at", "received_at",
	"context", "properties", "traits", "payload",
}

// eventRows makes the rows of events_raw. No row shares anything with another,
// so any part of them is an insert too.
func (b *block) eventRows(indexes []int, blocked blockedValues) [][]any {
	rows := make([][]any, len(indexes))
	contexts, properties, traits := newJSONColumn(len(rows)), newJSONColumn(len(rows)), newJSONColumn(len(rows))
	for n, i := range indexes {
		e := &b.events[i]
		context := mergeObjects(e.batch, e.context)
		contexts.add(context)
		properties.add(e.properties)
		own := e.traits
		if len(own) == 0 && e.kind == "identify" {
			own = member(context, "traits") // where RudderStack's SDKs put them
		}
		traits.add(own)
		var sentAt any
		if !e.times.sent.IsZero() {
			sentAt = e.times.sent
		}
		rows[n] = []any{
			e.messageID, e.source, e.kind, e.event.event, e.name, e.userID, e.anonymousID, e.groupID, blocked.eventProfile(e.userID, e.anonymousID),
			e.times.timestamp, e.times.original, e.stableTime(), sentAt, e.received,
			nil, nil, nil, e.payload,
		}
	}
	for column, values := range [][]any{contexts.values, properties.values, traits.values} {
		for n := range rows {
			rows[n][14+column] = values[n]
		}
	}
	return rows
}

var rejectedColumns = []string{"id", "source", "reason", "rule", "pointer", "message_id", "received_at", "payload"}

func (b *block) rejectedRows(indexes []int) [][]any {
	rows := make([][]any, len(indexes))
	for n, i := range indexes {
		e := &b.events[i]
		rows[n] = []any{e.id, e.source, e.reason, e.rule, e.pointer, e.messageID, e.received, e.payload}
	}
	return rows
}
