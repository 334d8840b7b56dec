package syncs

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// The input versions of a run that appends what happened. The cursor is when
// the newest thing was loaded that the run could see; oldest is from when on
// what the run took was loaded, carried-over things included.
const (
	inputCursor = "cursor"
	inputOldest = "oldest"
	inputSince  = "since"
	inputEvents = "events"
)

// settleAppend is the least time between two runs of an append sync that
// follows changes: events arrive all the time, and a request takes many.
const settleAppend = 3 * time.Second

// window is which events, or enters and exits, one run looks at: those loaded
// from a moment on, and those that an earlier run left unsettled. Receipts tell
// which of them were sent already.
type window struct {
	from     time.Time // what was loaded from then on
	oldest   time.Time // nothing carried over was loaded before
	cursor   time.Time // the newest that can be seen now, where the next run goes on, less the overlap
	carry    *Run      // the run whose unsettled rows are taken again, if it has any
	released bool      // there are rows that a person released
	backfill bool      // it looks at the past: the first run, or another since than before
}

// lastAppended is the newest run that counts: its outcomes are folded.
func (e *Engine) lastAppended(ctx context.Context, syncID string) (*Run, error) {
	runs, err := e.newestRuns(ctx, syncID, "NOT dry_run AND plan_id != '' AND trigger NOT IN ('withdrawal', 'erasure', 'test') AND mapContains(counts, 'folded')", 1)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	return &runs[0], nil
}

// windowOf says where a run begins to look. It follows from the ledger alone: a
// run whose outcomes aren't folded, or that was discarded, moves nothing.
func (e *Engine) windowOf(ctx context.Context, j *job) (*window, error) {
	last, err := e.lastAppended(ctx, j.def.SyncID)
	if err != nil {
		return nil, err
	}
	start := j.def.FirstSeenAt
	if !j.sync.Since.IsZero() {
		start = time.Unix(0, 0).UTC()
	}
	w := &window{from: start}
	switch {
	case last == nil:
		w.backfill = true
	case last.InputVersions[inputCursor] == "": // it was a sync of another mode until now
		w.from, w.backfill = last.At, true
		if !j.sync.Since.IsZero() {
			w.from = start
		}
	case last.InputVersions[inputSince] != j.sync.Since.String():
		w.backfill = true
	default:
		cursor, err := parseInstant(last.InputVersions[inputCursor])
		if err != nil {
			return nil, err
		}
		if w.from = cursor.Add(-j.sync.Overlap.Std()); w.from.Before(start) {
			w.from = start
		}
	}
	w.oldest, w.cursor = w.from, w.from
	if last != nil && last.InputVersions[inputCursor] != "" {
		if w.cursor, err = parseInstant(last.InputVersions[inputCursor]); err != nil {
			return nil, err
		}
		if last.Counts["accepted"] < last.Counts["planned"] {
			w.carry = last
			before, err := parseInstant(last.InputVersions[inputOldest])
			if err != nil {
				return nil, err
			}
			if before.Before(w.oldest) {
				w.oldest = before
			}
		}
	}
	newest, err := e.newestLoaded(ctx, j.sync, w.from)
	if err != nil {
		return nil, err
	}
	if newest.After(w.cursor) {
		w.cursor = newest
	}
	err = e.db.Get(ctx, &w.released, "SELECT count() > 0 FROM "+e.table("sync_dead")+" FINAL WHERE sync_id = ? AND released", j.def.SyncID)
	if err != nil {
		return nil, fmt.Errorf("looking for released rows: %w", err)
	}
	if w.released {
		// They may be of any age, and whom they are about is looked up from this moment on, again before each request.
		w.oldest = time.Unix(0, 0).UTC()
	}
	return w, nil
}

// inputs are the window's part of the run's input versions.
func (w *window) inputs(s *project.Sync) map[string]string {
	return map[string]string{inputCursor: instantText(w.cursor), inputOldest: instantText(w.oldest), inputSince: s.Since.String()}
}

// params are what the statements over a window take.
func (w *window) params(j *job) warehouse.P {
	p := warehouse.P{"sync_id": j.def.SyncID, "from": w.from, "oldest": w.oldest, "since": time.Unix(0, 0).UTC(), "carry_run": uint64(0), "carry_plan": ""}
	if !j.sync.Since.At.IsZero() {
		p["since"] = j.sync.Since.At
	}
	if w.carry != nil {
		p["carry_run"], p["carry_plan"] = w.carry.No, w.carry.PlanID
	}
	return p
}

// newestLoaded is when the newest thing was loaded that a sync appends, 1970 if
// nothing was since a moment. What is older costs nothing: parts and ranges of
// rows are passed over by what they were loaded between.
func (e *Engine) newestLoaded(ctx context.Context, s *project.Sync, from time.Time) (time.Time, error) {
	var newest time.Time
	sql := "SELECT max(loaded_at) FROM " + e.table("events_raw") + " WHERE " + eventsCondition(s) + " AND loaded_at >= {from:DateTime64(3, 'UTC')}"
	if s.Audience != "" {
		sql = "SELECT max(at) FROM " + e.table("materialization_log") + " WHERE kind = 'audience' AND name = " + quote(s.Audience) +
			" AND state = 'published' AND at >= {from:DateTime64(3, 'UTC')}"
	}
	if err := e.db.Get(ctx, &newest, sql, warehouse.P{"from": from}); err != nil {
		return newest, fmt.Errorf("looking for the newest of what is appended: %w", err)
	}
	return newest.UTC(), nil
}

// eventsCondition is which events a sync names.
func eventsCondition(s *project.Sync) string {
	if s.Events.All() {
		return "type = 'track'"
	}
	names := ""
	for i, name := range s.Events {
		if i > 0 {
			names += ", "
		}
		names += quote(name)
	}
	return "type = 'track' AND event IN (" + names + ")"
}

// appendInputs says in what state everything is that decides what an append
// sync sends. Of events only those count that the next run's window has, so
// that asking costs what is new, not what is there.
func (e *Engine) appendInputs(ctx context.Context, at look, p *project.Project, s *project.Sync, cursor time.Time) (map[string]string, error) {
	r := e.readings(ctx, at)
	err := r.permissions(p.Purposes(s))
	if err != nil {
		return nil, err
	}
	if s.Audience != "" {
		err = r.read("source", []string{"materialization_log"}, "SELECT concat(?, '@', toString(max(version))) FROM "+e.table("materialization_log")+
			" WHERE kind = 'audience' AND name = ? AND state = 'published'", s.Audience, s.Audience)
	} else {
		err = r.read(inputEvents, []string{"events_raw"}, "SELECT toString((uniqExact(message_id), max(loaded_at))) FROM "+e.table("events_raw")+
			" WHERE "+eventsCondition(s)+" AND loaded_at >= {from:DateTime64(3, 'UTC')}", warehouse.P{"from": cursor.Add(-s.Overlap.Std())})
	}
	if err != nil {
		return nil, err
	}
	if err := r.excluded(p, s); err != nil {
		return nil, err
	}
	return r.out, r.after(p, s)
}

// appendDue reports whether an append sync has something to do. A held plan
// stays until a person decides: events go on arriving, and each would make
// another plan in its place.
func (e *Engine) appendDue(ctx context.Context, at look, p *project.Project, s *project.Sync, d Definition, last *Run) (bool, error) {
	if last == nil {
		return true, nil
	}
	age := e.now().Sub(last.At)
	switch {
	case last.State == Held || age < settleAppend:
		return false, nil
	case last.PlanID == "" || len(last.InputVersions) == 0:
		return age > time.Minute, nil // it failed before it had a plan
	case last.InputVersions[inputCursor] == "" || last.DefinitionHash != d.Hash:
		return true, nil
	case (last.State == Failed || last.State == Partial) && last.Counts["cancelled"] > 0 && age > retryStopped:
		return true, nil
	}
	cursor, err := parseInstant(last.InputVersions[inputCursor])
	if err != nil {
		return false, err
	}
	now, err := e.appendInputs(ctx, at, p, s, cursor)
	if err != nil || unpublishedExclusion(now) != "" {
		return false, err // whom to leave out isn't known yet
	}
	before := maps.Clone(last.InputVersions)
	ready := s.Schedule.Kind != project.After
	maps.DeleteFunc(now, func(name, version string) bool {
		return s.Schedule.Kind == project.After && !strings.HasPrefix(name, afterPrefix)
	})
	for name, version := range now {
		ready = ready || (strings.HasPrefix(name, afterPrefix) && version != "0")
	}
	maps.DeleteFunc(before, func(name, _ string) bool { return now[name] == "" })
	return ready && !maps.Equal(before, now), nil
}

// instantText writes a moment as input versions hold it.
func instantText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func parseInstant(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("reading a moment of the ledger: %w", err)
	}
	return t.UTC(), nil
}
