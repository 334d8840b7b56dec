package collector

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

var segmentName = regexp.MustCompile(`^(\d{20})-([0-9a-f]{8})\.wal$`)

// openWAL opens the log in dir and recovers it: a torn tail of the newest
// segment (a write that was never answered) is cut off and counted. Appends go
// to a new segment, so that nothing is ever written behind a doubtful place.
// start is where the cursor stands.
func openWAL(dir string, segmentSize, maxBytes int64, start position, log *slog.Logger) (*wal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the log's folder: %w", err)
	}
	segments, err := listSegments(dir)
	if err != nil {
		return nil, fmt.Errorf("listing the log's segments: %w", err)
	}
	w := &wal{dir: dir, segmentSize: segmentSize, maxBytes: maxBytes, log: log, group: newGroup(),
		segments: segments, end: start, sync: func(f *os.File) error { return f.Sync() }}
	if n := len(segments); n > 0 {
		if err := w.cutTail(&segments[n-1]); err != nil {
			return nil, fmt.Errorf("recovering the log's newest segment: %w", err)
		}
		if segments[n-1].seq >= start.Segment {
			w.end = position{Segment: segments[n-1].seq, Offset: segments[n-1].size}
		}
	}
	for _, s := range segments {
		w.retained += s.size
	}
	return w, nil
}

func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var segments []segment
	for _, entry := range entries {
		m := segmentName.FindStringSubmatch(entry.Name())
		if m == nil {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		seq, err := strconv.ParseUint(m[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("reading the number of %s: %w", entry.Name(), err)
		}
		salt, err := strconv.ParseUint(m[2], 16, 32)
		if err != nil {
			return nil, fmt.Errorf("reading the salt of %s: %w", entry.Name(), err)
		}
		segments = append(segments, segment{seq: seq, salt: uint32(salt), size: info.Size()})
	}
	slices.SortFunc(segments, func(a, b segment) int { return int(int64(a.seq) - int64(b.seq)) })
	return segments, nil
}

// cutTail truncates a segment behind its last sound frame. Damage in front of
// a sound frame stays for the reader, which reports it and goes on behind it.
func (w *wal) cutTail(s *segment) error {
	path := filepath.Join(w.dir, s.name())
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	end := soundEnd(b, s.salt)
	torn := int64(len(b)) - end
	if torn == 0 {
		return nil
	}
	w.log.Warn("the log's newest segment has a torn tail, which was never acknowledged", "file", s.name(), "bytes", torn)
	w.tornBytes = torn
	s.size = end
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := f.Truncate(end); err != nil {
		return fmt.Errorf("truncating %s: %w (closing: %v)", s.name(), err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w (closing: %v)", s.name(), err, f.Close())
	}
	return f.Close()
}

// soundEnd returns the offset behind the last sound frame of a segment.
func soundEnd(b []byte, salt uint32) int64 {
	end := 0
	for at := 0; at < len(b); {
		if _, size, ok := frameAt(b[at:], salt); ok {
			at += size
			end = at
			continue
		}
		next := nextFrame(b[at:], salt)
		if next < 0 {
			break
		}
		at += next
	}
	return int64(end)
}
