package project

import (
	"context"
	"time"
)

// A watcher looks this often, and takes files for settled after this much quiet.
const (
	lookEvery = 500 * time.Millisecond
	quiet     = 2 * time.Second
)

// Watcher notices that the files of a project have changed and have settled: it
// looks instead of listening, since folders may be on any file system, and waits
// for two seconds of quiet that begin and end with the same contents, so that
// half a `git pull` isn't read.
type Watcher struct {
	// Dir is the project's folder.
	Dir string
	// Loaded is the project as it was read last; nil is whatever is there when
	// Run begins.
	Loaded *Project
	// Now is the clock.
	Now func() time.Time
	// Ticks say when to look; nil is a ticker of half a second.
	Ticks <-chan time.Time

	known, candidate string
	since            time.Time
}

// Run calls changed, with nothing else going on, whenever the files have become
// other than those of Loaded, or than they were when it last called. What changed does about
// them, [Load] for instance, reads them anew. Run returns nil when ctx ends.
func (w *Watcher) Run(ctx context.Context, changed func(context.Context)) error {
	ticks := w.Ticks
	if ticks == nil {
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		ticks = ticker.C
	}
	w.begin()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
			if w.settled() {
				changed(ctx)
			}
		}
	}
}

func (w *Watcher) begin() {
	w.candidate, w.since = w.contents(), w.Now()
	w.known = w.candidate
	if w.Loaded != nil {
		w.known = fingerprint(w.Loaded.files, Diagnostics{})
	}
}

// settled looks once.
func (w *Watcher) settled() bool {
	contents := w.contents()
	if contents != w.candidate {
		w.candidate, w.since = contents, w.Now()
		return false
	}
	if contents == w.known || w.Now().Sub(w.since) < quiet {
		return false
	}
	w.known = contents
	return true
}

// contents is a hash of the files and of what kept them from being read.
func (w *Watcher) contents() string {
	files, problems := readFiles(w.Dir)
	return fingerprint(files, problems)
}
