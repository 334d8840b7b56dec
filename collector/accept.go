package collector

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// endpoint says what a path takes: one event of a kind, or a batch.
type endpoint struct {
	kind string // empty on a batch
}

// accept answers one tracking request: 200 only when all its events are
// durable, set aside or not.
func (c *Collector) accept(w http.ResponseWriter, r *http.Request, ep endpoint) {
	status := c.serve(w, r, ep)
	c.opts.Metrics.requests.WithLabelValues(strconv.Itoa(status)).Inc()
}

func (c *Collector) serve(w http.ResponseWriter, r *http.Request, ep endpoint) int {
	received := c.opts.Now().UTC()
	allowOrigin(w, r)
	if status, detail := c.overloaded(); status != 0 {
		return busy(w, status, detail)
	}
	key := requestKey(r)
	source, known := Source{}, false
	if key != "" {
		if source, known = c.source(key); !known {
			return refuse(w, http.StatusUnauthorized, unknownKey)
		}
	}
	body, status, detail := readBody(r)
	if status != 0 {
		return refuse(w, status, detail)
	}
	defer body.free()
	end, s, ok := scanValue(body.b, 0)
	if !ok || skipSpace(body.b, end) != len(body.b) {
		return refuse(w, http.StatusBadRequest, "The body is not JSON: it breaks at byte "+strconv.Itoa(end)+".")
	}
	root := body.b[skipSpace(body.b, 0):end]
	if key == "" {
		if key = bodyKey(root); key == "" {
			return refuse(w, http.StatusUnauthorized, "There is no write key: send it as the Basic user, as X-Write-Key, or as writeKey in the body.")
		}
		if source, known = c.source(key); !known {
			return refuse(w, http.StatusUnauthorized, unknownKey)
		}
	}
	if !source.allows(r.Header.Get("Origin")) {
		withdrawOrigin(w)
		return refuse(w, http.StatusForbidden, foreignOrigin)
	}
	buf := eventBuffers.Get().(*[]event)
	rec := record{received: received, source: source.Name, events: (*buf)[:0]}
	defer func() {
		clear(rec.events) // or it would keep the body alive
		*buf = rec.events
		eventBuffers.Put(buf)
	}()
	p := parser{received: received, newID: c.newID, anonymousID: headerAnonymousID(r)}
	if ep.kind != "" {
		p.batch.sentAt = headerTime(r)
		rec.events = append(rec.events, p.parse(root, s, ep.kind))
	} else {
		p.parseBatch(&rec, root, headerTime(r))
	}
	return c.commit(w, &rec)
}

// commit makes a request's events durable and answers it.
func (c *Collector) commit(w http.ResponseWriter, rec *record) int {
	rejected := 0
	for i := range rec.events {
		if rec.events[i].rejected {
			rejected++
		}
	}
	if len(rec.events) > 0 {
		buf := recordBuffers.Get().(*[]byte)
		*buf = encodeRecord((*buf)[:0], rec)
		err := c.wal.append(*buf)
		recordBuffers.Put(buf)
		switch {
		case errors.Is(err, errLogFull):
			return busy(w, http.StatusServiceUnavailable, "The collector's log is full; nothing of this request was kept.")
		case errors.Is(err, errLogClosed):
			return busy(w, http.StatusServiceUnavailable, "The collector is shutting down; nothing of this request was kept.")
		case err != nil:
			c.opts.Log.Error("making events durable", "err", err)
			return busy(w, http.StatusServiceUnavailable, "The events could not be made durable; send them again.")
		}
	}
	m := c.opts.Metrics
	m.accepted.Add(float64(len(rec.events) - rejected))
	m.counts.accepted.Add(uint64(len(rec.events) - rejected))
	m.counts.setAside.Add(uint64(rejected))
	for i := range rec.events {
		if rec.events[i].rejected {
			m.setAside.WithLabelValues(rec.events[i].reason).Inc()
		}
	}
	return succeed(w, rec.events, rejected)
}

var (
	recordBuffers = sync.Pool{New: func() any { return new([]byte) }}
	eventBuffers  = sync.Pool{New: func() any { return new([]event) }}
)

// parseBatch decides about the events of a batch body: an object with a batch,
// or a bare array. What has no such shape is set aside as a whole.
func (p *parser) parseBatch(rec *record, root, sentAt []byte) {
	p.batch.sentAt = sentAt
	lists := [][]byte{root}
	if isObject(root) {
		lists = nil
		eachMember(root, func(key string, raw []byte) {
			switch key {
			case "batch":
				lists = append(lists, raw) // a second one is no reason to lose the first
			case "context":
				if isObject(raw) {
					p.batch.context = raw
				}
			case "sentAt":
				p.batch.sentAt = raw
			case "timestamp":
				p.batch.timestamp = raw
			}
		})
	}
	if len(lists) == 0 || slices.ContainsFunc(lists, func(list []byte) bool { return !isArray(list) }) {
		whole := event{payload: root}
		rec.events = append(rec.events, p.reject(whole, reasonInvalidBatch, "a batch has its events in an array named batch", "/batch"))
		return
	}
	for _, list := range lists {
		rec.events = p.parseList(rec.events, list)
	}
	if len(p.batch.context) <= maxContextBytes {
		rec.context = p.batch.context
	}
}

// parseList decides about the events of an array. Those beyond the limit are
// set aside as one, as they came but for the brackets.
func (p *parser) parseList(events []event, list []byte) []event {
	count := 0
	eachElement(list, func(raw []byte, s shape) bool {
		if count++; count <= maxBatchEvents {
			events = append(events, p.parse(raw, s, ""))
			return true
		}
		rest := list[cap(list)-cap(raw):]
		rest = bytes.TrimRight(rest[:len(rest)-1], " \t\r\n")
		events = append(events, p.reject(event{payload: rest}, reasonBatchTooLong,
			"a batch has at most "+strconv.Itoa(maxBatchEvents)+" events; these are the rest", "/batch"))
		return false
	})
	return events
}

// overloaded sheds load while the warehouse is away: from 80 % of the log's
// cap on a growing share of requests gets 429, at 100 % all get 503.
func (c *Collector) overloaded() (status int, detail string) {
	fill := c.wal.fill()
	if fill < 0.8 {
		return 0, ""
	}
	if fill >= 1 {
		return http.StatusServiceUnavailable, "The collector's log is full."
	}
	share := uint64((fill - 0.8) / 0.2 * 100)
	// 61 is coprime to 100: the refused are spread evenly over any hundred.
	if c.shed.Add(1)*61%100 < share {
		return http.StatusTooManyRequests, "The collector's log is filling up."
	}
	return 0, ""
}
