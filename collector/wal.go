package collector

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
)

var (
	// errLogFull says that the log has reached its byte cap.
	errLogFull = errors.New("the log is full")
	// errLogClosed says that the log accepts nothing any more.
	errLogClosed = errors.New("the log is closed")
)

// position is a place in the log: a byte offset in the segment of that number.
type position struct {
	Segment uint64 `json:"segment"`
	Offset  int64  `json:"offset"`
}

func (p position) before(q position) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}

// wal is the write-ahead log: numbered segments in one folder, of which the
// newest is appended to. Appends that arrive while another is being made
// durable share the next write and fsync (group commit): the first of them
// leads, so that the log needs no goroutine of its own.
type wal struct {
	dir         string
	segmentSize int64
	maxBytes    int64
	log         *slog.Logger
	committed   signal // something new is durable

	mu       sync.Mutex
	group    *group // collects appends
	leading  bool   // somebody is writing a group
	closed   bool
	segments []segment // oldest first; the last one is open
	retained int64     // bytes in all segments
	file     *os.File
	end      position // everything before it is durable
	tornBytes,
	groups int64
	// sync makes a file's content durable; tests replace it by one that fails.
	sync func(*os.File) error
}

// segment is one file of the log. Its name holds its number and the salt of
// its frames' sums.
type segment struct {
	seq  uint64
	salt uint32
	size int64
}

func (s segment) name() string { return fmt.Sprintf("%020d-%08x.wal", s.seq, s.salt) }

// group is what one write and one fsync make durable.
type group struct {
	frames [][]byte // payloads
	size   int64
	lead   chan struct{} // one of its waiters is told to write it
	done   chan struct{}
	err    error
}

func newGroup() *group {
	return &group{lead: make(chan struct{}, 1), done: make(chan struct{})}
}

// append makes a record durable. It returns when the record is on disk, or with
// an error when it isn't known to be; payload is not kept.
func (w *wal) append(payload []byte) error {
	w.mu.Lock()
	switch {
	case w.closed:
		w.mu.Unlock()
		return errLogClosed
	case w.retained+w.group.size+int64(len(payload)+frameHeader) > w.maxBytes:
		w.mu.Unlock()
		return errLogFull
	}
	g := w.group
	g.frames = append(g.frames, payload)
	g.size += int64(len(payload) + frameHeader)
	if w.leading {
		w.mu.Unlock()
		select {
		case <-g.done:
			return g.err
		case <-g.lead:
		}
		w.mu.Lock()
	}
	w.leading = true
	w.group = newGroup()
	w.mu.Unlock()

	g.err = w.write(g)
	close(g.done)

	w.mu.Lock()
	if len(w.group.frames) > 0 {
		w.group.lead <- struct{}{} // one of its waiters goes on
	} else {
		w.leading = false
	}
	w.mu.Unlock()
	w.committed.notify()
	return g.err
}

// write makes a group durable. Only one runs at a time.
func (w *wal) write(g *group) error {
	if w.end.Offset >= w.segmentSize || w.file == nil {
		if err := w.rotate(); err != nil {
			return fmt.Errorf("opening a segment of the log: %w", err)
		}
	}
	salt := w.open().salt
	buf := make([]byte, 0, g.size)
	for _, payload := range g.frames {
		buf = appendFrame(buf, payload, salt)
	}
	_, err := w.file.WriteAt(buf, w.end.Offset)
	if err == nil {
		err = w.sync(w.file)
	}
	if err != nil {
		w.abandon()
		return fmt.Errorf("writing the log: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups++
	w.end.Offset += int64(len(buf))
	w.retained += int64(len(buf))
	w.segments[len(w.segments)-1].size = w.end.Offset
	return nil
}

// abandon gives up the open segment after a failed write or fsync, behind its
// durable part: what the file holds after that is unknown, also to the kernel.
func (w *wal) abandon() {
	if err := w.file.Truncate(w.end.Offset); err != nil {
		w.log.Error("truncating a segment behind a failed write", "segment", w.open().name(), "err", err)
	}
	if err := w.file.Close(); err != nil {
		w.log.Error("closing a segment behind a failed write", "segment", w.open().name(), "err", err)
	}
	w.file = nil
	if w.end.Offset > 0 {
		return
	}
	// An empty segment is worth nothing; a full disk would leave one a request.
	if err := os.Remove(filepath.Join(w.dir, w.open().name())); err != nil {
		w.log.Error("removing an empty segment", "segment", w.open().name(), "err", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.segments = w.segments[:len(w.segments)-1]
}

// rotate starts the next segment. The folder is synced, or a crash could lose
// the file's name with everything in it.
func (w *wal) rotate() error {
	if w.file != nil {
		if err := w.file.Close(); err != nil {
			return err
		}
		w.file = nil
	}
	next := segment{seq: w.end.Segment + 1, salt: rand.Uint32()}
	file, err := os.OpenFile(filepath.Join(w.dir, next.name()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := syncDir(w.dir); err != nil {
		return errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.file = file
	w.segments = append(w.segments, next)
	w.end = position{Segment: next.seq}
	return nil
}

func (w *wal) open() segment {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.segments[len(w.segments)-1]
}

// close refuses what comes after and waits for those who are appending.
func (w *wal) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	for {
		w.mu.Lock()
		if !w.leading {
			break
		}
		wait := w.committed.wait()
		w.mu.Unlock()
		<-wait
	}
	defer w.mu.Unlock()
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	w.file = nil
	return err
}

// fill is how much of the byte cap is used, from 0 to 1.
func (w *wal) fill() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return float64(w.retained+w.group.size) / float64(w.maxBytes)
}

// durable returns the end of what is durable.
func (w *wal) durable() position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end
}

// retainedBytes returns the size of all segments.
func (w *wal) retainedBytes() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.retained
}

// pending returns how many durable bytes lie behind a position.
func (w *wal) pending(from position) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var n int64
	for _, s := range w.segments {
		switch {
		case s.seq > from.Segment:
			n += s.size
		case s.seq == from.Segment:
			n += max(0, s.size-from.Offset)
		}
	}
	return n
}
