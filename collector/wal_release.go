package collector

import (
	"errors"
	"os"
	"path/filepath"
)

// release deletes the segments that lie wholly before a position, which must
// be durable in the cursor file. A damaged one is moved aside instead.
func (w *wal) release(before position, damaged func(uint64) bool) error {
	w.mu.Lock()
	var old []segment
	for len(w.segments) > 1 && w.segments[0].seq < before.Segment {
		old = append(old, w.segments[0])
		w.retained -= w.segments[0].size
		w.segments = w.segments[1:]
	}
	// The open segment goes too when it has its full size and was all read, or
	// a log with a small cap would stay full.
	if n := len(w.segments); n == 1 && !w.leading && before == w.end && w.segments[0].size >= w.segmentSize {
		old = append(old, w.segments[0])
		w.retained, w.segments = 0, nil
		if w.file != nil {
			if err := w.file.Close(); err != nil {
				w.log.Error("closing a segment of the log", "err", err)
			}
			w.file = nil
		}
	}
	w.mu.Unlock()
	var errs []error
	for _, s := range old {
		path := filepath.Join(w.dir, s.name())
		if damaged(s.seq) {
			errs = append(errs, w.quarantine(s))
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// quarantine moves a damaged segment aside, for a person to look at.
func (w *wal) quarantine(s segment) error {
	dir := filepath.Join(w.dir, "quarantine")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	w.log.Error("a damaged segment of the log is kept aside", "file", filepath.Join(dir, s.name()))
	if err := os.Rename(filepath.Join(w.dir, s.name()), filepath.Join(dir, s.name())); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(w.dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
