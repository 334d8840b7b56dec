package collector

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"time"

	"github.com/google/uuid"
)

// maxBlockBytes bounds what a block holds in memory, payloads and the contexts
// that events inherit.
const maxBlockBytes = 16 << 20

// maxPartitions is how many partitions (months) one insert may touch. The
// engine's own limit is 100.
const maxPartitions = 50

// block is a stretch of the log that is loaded as one step.
type block struct {
	from, to position
	events   []blockEvent
	bytes    int
	first    time.Time // when its first record was read
}

// blockEvent is an event with what its record says once for all.
type blockEvent struct {
	event
	received time.Time
	source   string
	batch    []byte // the batch's context
}

func (b *block) empty() bool { return b.from == b.to }

// add takes in the record between two positions. A record that doesn't decode
// though its sum is right is set aside as it is.
func (b *block) add(payload []byte, from, to position, now time.Time) {
	if b.empty() {
		b.from, b.first = from, now
	}
	b.to = to
	r, err := decodeRecord(payload)
	if err != nil {
		id := uuid.NewSHA1(profileNamespace, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, from.Segment), uint64(from.Offset)))
		r = &record{received: now, events: []event{{rejected: true, id: id, payload: payload,
			reason: reasonUnreadableLog, rule: err.Error()}}}
	}
	for i := range r.events {
		e := blockEvent{event: r.events[i], received: r.received, source: r.source, batch: r.context}
		b.events = append(b.events, e)
		b.bytes += len(e.payload) + len(e.batch)
	}
}

// duplicates returns the indexes of events whose message id came before.
func (b *block) duplicates(recent *recentIDs) []int {
	var omit []int
	seen := make(map[idHash]struct{}, len(b.events))
	for i := range b.events {
		e := &b.events[i]
		if e.rejected {
			continue
		}
		h := recent.hash(e.messageID)
		if _, again := seen[h]; again || recent.has(h) {
			omit = append(omit, i)
			continue
		}
		seen[h] = struct{}{}
	}
	return omit
}

// insert is one INSERT of a block: rows of one table, with a token of their own.
type insert struct {
	rejected bool
	rows     []int // indexes into the block's events
	token    string
}

// inserts splits a block into its INSERTs, the same way each time.
func (b *block) inserts(ref blockRef) []insert {
	omitted := make(map[int]bool, len(ref.Omit))
	for _, i := range ref.Omit {
		omitted[i] = true
	}
	var accepted, rejected []int
	months := map[int]int{} // month → events
	for i := range b.events {
		switch e := &b.events[i]; {
		case omitted[i]:
		case e.rejected:
			rejected = append(rejected, i)
		default:
			accepted = append(accepted, i)
			months[e.month()]++
		}
	}
	var all []insert
	for _, rows := range b.byMonths(accepted, months) {
		all = append(all, insert{rows: rows, token: b.token(ref, "events", rows)})
	}
	if len(rejected) > 0 {
		all = append(all, insert{rejected: true, rows: rejected, token: b.token(ref, "rejected", rejected)})
	}
	return all
}

// byMonths splits rows so that no part touches too many partitions.
func (b *block) byMonths(rows []int, months map[int]int) [][]int {
	if len(rows) == 0 {
		return nil
	}
	if len(months) <= maxPartitions {
		return [][]int{rows}
	}
	order := make([]int, 0, len(months))
	for month := range months {
		order = append(order, month)
	}
	slices.Sort(order)
	part := make(map[int]int, len(order))
	for i, month := range order {
		part[month] = i / maxPartitions
	}
	parts := make([][]int, (len(order)+maxPartitions-1)/maxPartitions)
	for _, i := range rows {
		p := part[b.events[i].month()]
		parts[p] = append(parts[p], i)
	}
	return parts
}

// stableTime is what partition and sort key of events_raw derive from: what the
// client sent, inside the bounds, so that a retry meets its twin. An event
// without a message id of its own has no twin.
func (e *event) stableTime() time.Time {
	if t := e.times.original; (e.ownTime || e.generatedID) && inRange(t) {
		return t
	}
	return time.Unix(0, 0).UTC()
}

func (e *event) month() int {
	t := e.stableTime()
	return t.Year()*12 + int(t.Month())
}

// token names the content of an insert: the same rows of the same block have
// the same one, and other rows have another.
func (b *block) token(ref blockRef, table string, rows []int) string {
	sum := sha256.New()
	hashText(sum, ref.Token)
	hashText(sum, table)
	for _, i := range rows {
		hashText(sum, b.events[i].messageID)
		hashText(sum, b.events[i].payload)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func hashText[T ~string | ~[]byte](sum hash.Hash, s T) {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
	sum.Write(n[:])
	sum.Write([]byte(s))
}
