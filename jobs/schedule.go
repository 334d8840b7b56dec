package jobs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known on machines without a zone database

	"github.com/robfig/cron/v3"
)

// CatchUp says what to do about slots that were missed.
type CatchUp string

const (
	// CatchUpLatest fires the newest missed slot only; it is the default.
	CatchUpLatest CatchUp = "latest"
	// CatchUpAll fires every missed slot, oldest first.
	CatchUpAll CatchUp = "all"
)

// maxSlots bounds one answer of DueSlots; the rest follows at the next turn.
const maxSlots = 1000

// Spec is a schedule: either Every or Cron.
type Spec struct {
	// Every gives slots at whole multiples since the Unix epoch, so that all processes agree on them.
	Every time.Duration
	// Cron is a line of five fields, or a descriptor such as @daily.
	Cron string
	// Zone is the IANA name of the zone that Cron is read in. Default: UTC.
	Zone string
}

var cronParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// starBit marks a field that was written as * in the parser's bit sets.
const starBit = 1 << 63

// Validate returns what is wrong with the schedule, in one sentence.
func (s Spec) Validate() error {
	_, err := s.compile()
	return err
}

// compiled is a schedule ready for use; exactly one of every and cron is set.
type compiled struct {
	every time.Duration
	cron  *cron.SpecSchedule
	zone  *time.Location
}

func (s Spec) compile() (compiled, error) {
	switch {
	case s.Every != 0 && s.Cron != "":
		return compiled{}, errors.New("a schedule is either every or cron, not both")
	case s.Every != 0:
		if s.Every < time.Second {
			return compiled{}, fmt.Errorf("every %s: the shortest interval is one second", s.Every)
		}
		return compiled{every: s.Every}, nil
	case s.Cron == "":
		return compiled{}, errors.New("a schedule needs every or cron")
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return compiled{}, fmt.Errorf("unknown time zone %q; use an IANA name such as Europe/Berlin", s.Zone)
	}
	if strings.HasPrefix(s.Cron, "@every") || strings.Contains(s.Cron, "TZ=") {
		return compiled{}, fmt.Errorf("cron %q: write the interval as every, and the zone beside the line", s.Cron)
	}
	parsed, err := cronParser.Parse(s.Cron)
	if err != nil {
		return compiled{}, fmt.Errorf("cron %q: %w", s.Cron, err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return compiled{}, fmt.Errorf("cron %q: not a calendar schedule", s.Cron)
	}
	spec.Location = zone
	return compiled{cron: spec, zone: zone}, nil
}

// DueSlots returns the slots in (last, now], oldest first, in UTC: the newest only, or all of them (the
// oldest 1,000). With a zero last, which means never, the newest past slot is due whatever catchup says.
//
// A cron line with a fixed hour means a time on the wall: where clocks jump over it, it is due at the jump;
// where they show it twice, the first time. A line with * for the hour goes by elapsed time.
func DueSlots(spec Spec, last, now time.Time, catchup CatchUp) ([]time.Time, error) {
	c, err := spec.compile()
	if err != nil {
		return nil, err
	}
	if !last.IsZero() && !last.Before(now) {
		return nil, nil
	}
	if catchup == CatchUpAll && !last.IsZero() {
		return c.between(last, now, maxSlots), nil
	}
	return c.newest(last, now), nil
}

// newest looks back in growing steps, so that a frequent schedule isn't walked through from far away.
func (c compiled) newest(last, now time.Time) []time.Time {
	if c.every > 0 {
		slot := time.Unix(0, now.UnixNano()-mod(now.UnixNano(), int64(c.every))).UTC()
		if slot.After(last) {
			return []time.Time{slot}
		}
		return nil
	}
	const day = 24 * time.Hour
	for _, back := range []time.Duration{2 * time.Hour, 2 * day, 40 * day, 400 * day, 9 * 366 * day} {
		from := now.Add(-back)
		if from.Before(last) {
			from = last
		}
		if slots := c.between(from, now, 0); len(slots) > 0 {
			return slots[len(slots)-1:]
		}
		if from.Equal(last) {
			return nil
		}
	}
	return nil
}

// between returns the slots in (from, to], the oldest limit ones when limit isn't zero.
func (c compiled) between(from, to time.Time, limit int) []time.Time {
	var slots []time.Time
	full := func() bool { return limit > 0 && len(slots) >= limit }
	if c.every > 0 {
		t := from.UnixNano() - mod(from.UnixNano(), int64(c.every)) + int64(c.every)
		for ; t <= to.UnixNano() && !full(); t += int64(c.every) {
			slots = append(slots, time.Unix(0, t).UTC())
		}
		return slots
	}
	if c.cron.Hour&starBit != 0 {
		for t := c.cron.Next(from); !t.IsZero() && !t.After(to) && !full(); t = c.cron.Next(t) {
			slots = append(slots, t.UTC())
		}
		return slots
	}
	wall := *c.cron
	wall.Location = time.UTC
	// Walls are read as if they were UTC. A day's margin covers every jump of a clock.
	end := onWall(to, c.zone).Add(24 * time.Hour)
	for w := wall.Next(onWall(from, c.zone).Add(-24 * time.Hour)); !w.IsZero() && w.Before(end); w = wall.Next(w) {
		t := instant(w, c.zone)
		if t.After(to) || full() {
			break
		}
		if t.After(from) && (len(slots) == 0 || t.After(slots[len(slots)-1])) {
			slots = append(slots, t)
		}
	}
	return slots
}

func mod(a, b int64) int64 { return ((a % b) + b) % b }

// onWall returns what clocks in the zone show at t, as a time in UTC.
func onWall(t time.Time, zone *time.Location) time.Time {
	l := t.In(zone)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), l.Nanosecond(), time.UTC)
}

// instant returns the first moment at which clocks in the zone show w, or the moment at which they jump over it.
func instant(w time.Time, zone *time.Location) time.Time {
	// Every offset that holds around w gives one candidate.
	var fits []time.Time
	near := time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, zone)
	for _, probe := range []time.Time{near.Add(-24 * time.Hour), near, near.Add(24 * time.Hour)} {
		_, offset := probe.Zone()
		if t := w.Add(-time.Duration(offset) * time.Second); onWall(t, zone).Equal(w) {
			fits = append(fits, t)
		}
	}
	if len(fits) > 0 {
		return slices.MinFunc(fits, time.Time.Compare).UTC()
	}
	start, end := near.ZoneBounds()
	if onWall(near, zone).Before(w) {
		return end.UTC()
	}
	return start.UTC()
}
