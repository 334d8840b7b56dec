package collector

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// A record is one request's events in the log, with every decision taken:
//
//	version u8 · received ms · source · batch context · count · count × event
//
// Numbers are varints, texts and payloads are length-prefixed. A part of the
// payload (context, properties, traits) is stored as its place in the payload,
// and the batch's context once for all its events.
const recordVersion = 1

// record is a decoded one.
type record struct {
	received time.Time
	source   string
	context  []byte // the batch's, a raw JSON object or empty
	events   []event
}

var errRecord = errors.New("the record doesn't decode")

const (
	flagRejected = 1 << iota
	flagGeneratedID
	flagSent
	flagOwnTime
)

func encodeRecord(dst []byte, r *record) []byte {
	dst = append(dst, recordVersion)
	dst = binary.AppendVarint(dst, r.received.UnixMilli())
	dst = appendBytes(dst, r.source)
	dst = appendBytes(dst, r.context)
	dst = binary.AppendUvarint(dst, uint64(len(r.events)))
	for i := range r.events {
		dst = encodeEvent(dst, &r.events[i])
	}
	return dst
}

func encodeEvent(dst []byte, e *event) []byte {
	var flags byte
	if e.rejected {
		flags |= flagRejected
	}
	if e.generatedID {
		flags |= flagGeneratedID
	}
	if e.ownTime {
		flags |= flagOwnTime
	}
	if !e.times.sent.IsZero() {
		flags |= flagSent
	}
	dst = append(dst, flags)
	dst = appendBytes(dst, e.messageID)
	dst = appendBytes(dst, e.payload)
	if e.rejected {
		dst = append(dst, e.id[:]...)
		dst = appendBytes(dst, e.reason)
		dst = appendBytes(dst, e.rule)
		return appendBytes(dst, e.pointer)
	}
	for _, s := range []string{e.kind, e.event, e.name, e.userID, e.anonymousID, e.groupID} {
		dst = appendBytes(dst, s)
	}
	dst = binary.AppendVarint(dst, e.times.timestamp.UnixMilli())
	dst = binary.AppendVarint(dst, e.times.original.UnixMilli())
	if flags&flagSent != 0 {
		dst = binary.AppendVarint(dst, e.times.sent.UnixMilli())
	}
	dst = appendPart(dst, e.payload, e.context)
	dst = appendPart(dst, e.payload, e.properties)
	return appendPart(dst, e.payload, e.traits)
}

// appendPart writes a slice of the payload as offset+1 and length; zero stands
// for none.
func appendPart(dst, payload, part []byte) []byte {
	if len(part) == 0 {
		return binary.AppendUvarint(dst, 0)
	}
	// Slices of one array end at the same address, so their capacities differ
	// by what lies between their starts.
	offset := cap(payload) - cap(part)
	dst = binary.AppendUvarint(dst, uint64(offset)+1)
	return binary.AppendUvarint(dst, uint64(len(part)))
}

func appendBytes[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// decodeRecord reads a record; the events' payloads are slices of b.
func decodeRecord(b []byte) (*record, error) {
	d := decoder{b: b}
	if v := d.byte(); v != recordVersion {
		return nil, fmt.Errorf("%w: version %d is unknown", errRecord, v)
	}
	r := &record{received: d.time(), source: string(d.bytes()), context: d.bytes()}
	count := d.uvarint()
	if count > uint64(len(b)) {
		return nil, fmt.Errorf("%w: it claims %d events in %d bytes", errRecord, count, len(b))
	}
	r.events = make([]event, 0, count)
	for range count {
		r.events = append(r.events, d.event())
		if d.failed {
			return nil, errRecord
		}
	}
	if d.failed || len(d.b) != 0 {
		return nil, errRecord
	}
	return r, nil
}

type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) event() event {
	flags := d.byte()
	e := event{rejected: flags&flagRejected != 0, generatedID: flags&flagGeneratedID != 0, ownTime: flags&flagOwnTime != 0}
	e.messageID = string(d.bytes())
	e.payload = d.bytes()
	if e.rejected {
		e.id = d.uuid()
		e.reason, e.rule, e.pointer = string(d.bytes()), string(d.bytes()), string(d.bytes())
		return e
	}
	for _, s := range []*string{&e.kind, &e.event, &e.name, &e.userID, &e.anonymousID, &e.groupID} {
		*s = string(d.bytes())
	}
	e.times.timestamp, e.times.original = d.time(), d.time()
	if flags&flagSent != 0 {
		e.times.sent = d.time()
	}
	e.context, e.properties, e.traits = d.part(e.payload), d.part(e.payload), d.part(e.payload)
	return e
}

func (d *decoder) part(payload []byte) []byte {
	offset := d.uvarint()
	if offset == 0 {
		return nil
	}
	n := d.uvarint()
	offset--
	if size := uint64(len(payload)); offset > size || n > size-offset {
		d.failed = true
		return nil
	}
	return payload[offset : offset+n]
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.failed = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.failed, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) time() time.Time {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.failed, d.b = true, nil
		return time.Time{}
	}
	d.b = d.b[n:]
	return time.UnixMilli(v).UTC()
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.failed, d.b = true, nil
		return nil
	}
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) uuid() uuid.UUID {
	if len(d.b) < 16 {
		d.failed, d.b = true, nil
		return uuid.Nil
	}
	id := uuid.UUID(d.b[:16])
	d.b = d.b[16:]
	return id
}
