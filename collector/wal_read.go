package collector

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

// readChunk is how much of a segment is read at once.
const readChunk = 4 << 20

// walReader reads the durable part of the log from a position on.
type walReader struct {
	wal     *wal
	pos     position // of the next frame
	segment segment
	file    *os.File
	buf     []byte // unread bytes from pos on, up to what was durable
	// onDamage is told of bytes that hold no sound frame.
	onDamage func(s segment, offset, bytes int64)
}

func (w *wal) reader(from position, onDamage func(segment, int64, int64)) *walReader {
	return &walReader{wal: w, pos: from, onDamage: onDamage}
}

// next returns the next frame's payload and its bounds. The payload is never
// written to again. ok is false at the end of what is durable. Damaged bytes are reported
// and passed over.
func (r *walReader) next() (payload []byte, from, to position, ok bool, err error) {
	for {
		if payload, size, sound := frameAt(r.buf, r.segment.salt); sound {
			from = r.pos
			r.buf = r.buf[size:]
			r.pos.Offset += int64(size)
			return payload, from, r.pos, true, nil
		}
		had := len(r.buf)
		if err := r.fill(readChunk); err != nil {
			return nil, from, to, false, fmt.Errorf("reading the log: %w", err)
		}
		switch {
		case len(r.buf) > had:
		case had > 0:
			if err := r.passDamage(); err != nil {
				return nil, from, to, false, fmt.Errorf("reading the log behind damage: %w", err)
			}
		case !r.advance():
			return nil, from, to, false, nil
		}
	}
}

// passDamage moves to the next sound frame of the segment, or to the end of
// what is durable in it. That end is the end of a frame, so that no sound frame
// can be cut by it.
func (r *walReader) passDamage() error {
	if err := r.fill(math.MaxInt); err != nil {
		return err
	}
	skip := nextFrame(r.buf, r.segment.salt)
	if skip < 0 {
		skip = len(r.buf)
	}
	if skip > 0 {
		r.onDamage(r.segment, r.pos.Offset, int64(skip))
	}
	r.buf = r.buf[skip:]
	r.pos.Offset += int64(skip)
	return nil
}

// fill reads more of the current segment, up to what is durable and until the
// buffer holds limit bytes.
func (r *walReader) fill(limit int) error {
	s, ok := r.wal.find(r.pos.Segment)
	if !ok {
		return nil
	}
	if r.file == nil || r.segment.seq != s.seq {
		if err := r.close(); err != nil {
			return err
		}
		f, err := os.Open(filepath.Join(r.wal.dir, s.name()))
		if err != nil {
			return err
		}
		r.file, r.buf = f, nil
	}
	r.segment = s
	at := r.pos.Offset + int64(len(r.buf))
	n := min(s.size-at, int64(limit-len(r.buf)))
	if n <= 0 {
		return nil
	}
	buf := make([]byte, len(r.buf)+int(n))
	copy(buf, r.buf)
	got, err := r.file.ReadAt(buf[len(r.buf):], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	r.buf = buf[:len(r.buf)+got]
	return nil
}

// advance moves to the next segment, if there is one and this one was read to
// its end. A segment with a successor grows no more.
func (r *walReader) advance() bool {
	r.wal.mu.Lock()
	defer r.wal.mu.Unlock()
	for _, s := range r.wal.segments {
		if s.seq == r.pos.Segment && s.size > r.pos.Offset {
			return true // it grew since it was last looked at
		}
		if s.seq > r.pos.Segment {
			r.pos, r.buf = position{Segment: s.seq}, nil
			return true
		}
	}
	return false
}

func (r *walReader) close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

func (w *wal) find(seq uint64) (segment, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.segments {
		if s.seq == seq {
			return s, true
		}
	}
	return segment{}, false
}
