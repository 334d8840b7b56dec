package collector

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Limits of one event; reliability.md §4.5 has Segment's numbers.
const (
	maxEventBytes     = 32 * 1024
	maxEventDepth     = 32
	maxEventKeys      = 512
	maxBatchEvents    = 2500
	maxMessageIDBytes = 512
	maxContextBytes   = 8 * 1024 // of a batch's context, which every event inherits
	maxTextBytes      = 8 * 1024
)

// Reasons why an event is set aside, as they stand in events_rejected.reason.
const (
	reasonTooLarge      = "too_large"
	reasonTooDeep       = "too_deep"
	reasonTooManyKeys   = "too_many_keys"
	reasonBatchTooLong  = "batch_too_long"
	reasonInvalidBatch  = "invalid_batch"
	reasonInvalidEvent  = "invalid_event"
	reasonInvalidType   = "invalid_type"
	reasonUnknownType   = "unknown_type"
	reasonMissingField  = "missing_field"
	reasonUnloadable    = "refused_by_warehouse"
	reasonUnreadableLog = "unreadable_record"
)

// event is one accepted or set-aside event with every decision taken. The raw
// slices point into payload.
type event struct {
	rejected bool

	// of every event
	messageID string
	payload   []byte // exactly as received

	// of an accepted one
	generatedID                        bool
	ownTime                            bool   // times.original is what the client sent
	kind                               string // track, identify, page, screen, group, alias
	event, name                        string
	userID, anonymousID, groupID       string
	times                              eventTimes
	context, properties, traits        []byte // its own raw JSON objects, or empty
	id                                 uuid.UUID
	reason, rule, pointer              string // of one that is set aside
	originalRaw, timestampRaw, sentRaw []byte // while parsing
}

// batchFields is what a batch says once for all its events.
type batchFields struct {
	context           []byte // a raw object, or empty
	sentAt, timestamp []byte // raw values
}

// parser turns raw events into decided ones.
type parser struct {
	received    time.Time
	batch       batchFields
	anonymousID string // of the request's header, for events that name nobody
	newID       func() uuid.UUID
}

// parse decides about one event. kind is the endpoint's type, or empty on a
// batch, where each event names its own.
func (p *parser) parse(raw []byte, s shape, kind string) event {
	e := event{payload: raw, kind: kind}
	switch {
	case len(raw) > maxEventBytes:
		return p.reject(e, reasonTooLarge, fmt.Sprintf("an event is at most %d bytes; this one has %d", maxEventBytes, len(raw)), "")
	case !isObject(raw):
		return p.reject(e, reasonInvalidEvent, "an event is a JSON object", "")
	case len(p.batch.context) > maxContextBytes:
		return p.reject(e, reasonTooLarge, fmt.Sprintf("a batch's context is at most %d bytes; this one has %d", maxContextBytes, len(p.batch.context)), "")
	case s.depth > maxEventDepth:
		return p.reject(e, reasonTooDeep, fmt.Sprintf("an event nests at most %d levels; this one has %d", maxEventDepth, s.depth), "")
	case s.keys > maxEventKeys:
		return p.reject(e, reasonTooManyKeys, fmt.Sprintf("an event has at most %d keys; this one has %d", maxEventKeys, s.keys), "")
	}
	if bad := e.readFields(kind); bad != nil {
		return p.reject(e, bad.reason, bad.rule, bad.pointer)
	}
	if bad := e.checkFields(); bad != nil {
		return p.reject(e, bad.reason, bad.rule, bad.pointer)
	}
	if e.messageID == "" {
		e.messageID, e.generatedID = p.newID().String(), true
	}
	if e.userID == "" && e.anonymousID == "" {
		e.anonymousID = p.anonymousID
	}
	e.times = p.times(&e)
	return e
}

func (p *parser) times(e *event) eventTimes {
	original, hasOriginal := firstTime(e.originalRaw, e.timestampRaw, p.batch.timestamp)
	sent, hasSent := firstTime(e.sentRaw, p.batch.sentAt)
	e.ownTime = hasOriginal
	t := resolveTimes(original, sent, hasOriginal, hasSent, p.received)
	if _, both := parseTime(e.originalRaw); both {
		// RudderStack's SDKs send the time of the call, and beside it the time
		// that the caller named, which its server takes as it is.
		if named, ok := parseTime(e.timestampRaw); ok && inRange(named) {
			t.timestamp = named
		}
	}
	return t
}

func firstTime(candidates ...[]byte) (time.Time, bool) {
	for _, raw := range candidates {
		if t, ok := parseTime(raw); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

// reject turns an event into one that is set aside, with a row id of its own.
func (p *parser) reject(e event, reason, rule, pointer string) event {
	return event{rejected: true, id: p.newID(), messageID: e.messageID, payload: e.payload,
		reason: reason, rule: rule, pointer: pointer}
}

// flaw is why an event is set aside.
type flaw struct{ reason, rule, pointer string }

// readFields reads the top-level members; of a key that comes twice the last
// one counts, as in JavaScript.
func (e *event) readFields(kind string) *flaw {
	var bad *flaw
	text := func(dst *string, key string, raw []byte) {
		s, ok := scalarText(raw)
		switch {
		case !ok:
			bad = &flaw{reasonInvalidType, key + " is a string", "/" + key}
		case len(s) > maxTextBytes:
			bad = &flaw{reasonInvalidType, fmt.Sprintf("%s has at most %d bytes", key, maxTextBytes), "/" + key}
		default:
			*dst = s
		}
	}
	object := func(dst *[]byte, key string, raw []byte) {
		switch {
		case isNull(raw):
			*dst = nil
		case isObject(raw):
			*dst = raw
		default:
			bad = &flaw{reasonInvalidType, key + " is an object", "/" + key}
		}
	}
	eachMember(e.payload, func(key string, raw []byte) {
		switch key {
		case "messageId":
			e.messageID = messageIDText(raw)
		case "type":
			if kind == "" {
				text(&e.kind, key, raw)
			}
		case "event":
			text(&e.event, key, raw)
		case "name":
			text(&e.name, key, raw)
		case "userId":
			text(&e.userID, key, raw)
		case "anonymousId":
			text(&e.anonymousID, key, raw)
		case "groupId":
			text(&e.groupID, key, raw)
		case "context":
			object(&e.context, key, raw)
		case "properties":
			object(&e.properties, key, raw)
		case "traits":
			object(&e.traits, key, raw)
		case "originalTimestamp":
			e.originalRaw = raw
		case "timestamp":
			e.timestampRaw = raw
		case "sentAt":
			e.sentRaw = raw
		}
	})
	return bad
}

// checkFields applies Segment's rules of which fields a call must have.
func (e *event) checkFields() *flaw {
	switch e.kind {
	case "track":
		if e.event == "" {
			return &flaw{reasonMissingField, "a track call names its event", "/event"}
		}
	case "group":
		if e.groupID == "" {
			return &flaw{reasonMissingField, "a group call has a groupId", "/groupId"}
		}
	case "alias":
		if e.userID == "" {
			return &flaw{reasonMissingField, "an alias call has a userId", "/userId"}
		}
	case "identify", "page", "screen":
	case "":
		return &flaw{reasonMissingField, "an event has a type", "/type"}
	default:
		return &flaw{reasonUnknownType, "type is track, identify, page, screen, group or alias", "/type"}
	}
	return nil
}

// scalarText reads a string, or a number as it is written; null is empty.
func scalarText(raw []byte) (string, bool) {
	switch {
	case isNull(raw):
		return "", true
	case isString(raw):
		return unquote(raw), true
	case isNumber(raw):
		return string(raw), true
	}
	return "", false
}

// messageIDText reads a message id. One that is no text, is too long or isn't
// valid UTF-8 is replaced by its digest, which a retry has in common with it.
func messageIDText(raw []byte) string {
	s, ok := scalarText(raw)
	if ok && len(s) <= maxMessageIDBytes && !bytes.Contains([]byte(s), []byte("\uFFFD")) {
		return s
	}
	sum := sha256.Sum256(raw)
	return "sha256-" + hex.EncodeToString(sum[:16])
}
