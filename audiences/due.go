package audiences

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
)

// DueItem is a trait or audience that should be materialized now, and why.
type DueItem struct {
	Kind    project.Kind `json:"kind"`
	Name    string       `json:"name"`
	Trigger Trigger      `json:"trigger"`
	Reason  string       `json:"reason"` // what has changed
}

// Due lists what has become due by itself: files on_change whose inputs or text
// differ from what their last attempt was made of, and files that run after
// others which were published since. What runs by the clock comes from
// [Audiences.Items]. A file waits while something that it reads is due, running
// or without a result.
func (a *Audiences) Due(ctx context.Context) ([]DueItem, error) {
	p := a.project()
	if p == nil {
		return nil, nil
	}
	now, err := a.look(ctx, p)
	if err != nil {
		return nil, err
	}
	var due []DueItem
	busy := map[project.Node]bool{}
	unsettled := a.unsettled(p, now)
	for _, n := range p.Graph().Nodes() {
		f := findFile(p, n.Kind, n.Name)
		if f == nil {
			continue
		}
		last := now.last[n]
		if last != nil && last.State.Running() {
			busy[n] = true
			continue
		}
		trigger, reason := a.changed(p, f, last, now.marks)
		if reason == "" {
			continue
		}
		busy[n] = true
		edited := last != nil && last.RowFingerprint != f.RowFingerprint()
		if a.mustWait(p, n, busy, now.marks) || a.mustSettle(p, n, unsettled) || (last != nil && !edited && a.now().Sub(last.UpdatedAt) < a.rest(last)) {
			continue
		}
		due = append(due, DueItem{Kind: f.Kind, Name: f.Name, Trigger: trigger, Reason: reason})
	}
	return due, nil
}

// rest is how long a file rests after an attempt, while its inputs go on
// changing: in proportion to what the attempt took; longer after a failure,
// which the next event won't mend; and a person who looks at a held version is
// given time to decide.
func (a *Audiences) rest(last *Materialization) time.Duration {
	const share, afterFailure, whileHeld = 5, time.Minute, 15 * time.Minute
	pause := max(a.limits.Pause, share*last.UpdatedAt.Sub(last.QueuedAt))
	switch last.State {
	case StateFailed:
		return max(pause, afterFailure)
	case StateHeld:
		return max(pause, whileHeld)
	}
	return pause
}

// StartDue starts everything that is due, and returns what it started.
func (a *Audiences) StartDue(ctx context.Context) ([]Materialization, error) {
	due, err := a.Due(ctx)
	if err != nil {
		return nil, err
	}
	var started []Materialization
	for _, d := range due {
		m, err := a.Start(ctx, d.Kind, d.Name, StartOptions{Trigger: d.Trigger})
		if err != nil {
			return started, fmt.Errorf("starting %s %s: %w", d.Kind, d.Name, err)
		}
		started = append(started, m)
	}
	return started, nil
}

// changed tells whether a file is due, and what has changed; "" when it isn't.
func (a *Audiences) changed(p *project.Project, f *project.SQLFile, last *Materialization, marks *watermarks) (Trigger, string) {
	schedule := f.Header.Schedule
	if schedule.Kind == project.Manual {
		return "", ""
	}
	if last == nil {
		return TriggerChange, "it has no result yet"
	}
	if last.RowFingerprint != "" && last.RowFingerprint != f.RowFingerprint() {
		return TriggerChange, "its file has changed"
	}
	in := marks.of(p, project.Node{Kind: f.Kind, Name: f.Name})
	switch schedule.Kind {
	case project.Every, project.Cron:
		return "", ""
	case project.After:
		for _, name := range schedule.After {
			key, version := marks.afterVersion(p, name)
			if before := last.InputVersions[key]; key != "" && before != version && version != "0" {
				return TriggerAfter, name + " was published"
			}
		}
		return "", ""
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(in.versions)) {
		if in.versions[name] != last.InputVersions[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 && a.fullPassDue(f, last) {
		return TriggerSchedule, "its nightly full pass"
	}
	if len(names) == 0 {
		return "", ""
	}
	return TriggerChange, "changed: " + strings.Join(names, ", ")
}

// afterPrefix marks, in input_versions, what a file runs after.
const afterPrefix = "after "

func (w *watermarks) afterVersion(p *project.Project, name string) (key, version string) {
	for _, kind := range []project.Kind{project.KindTrait, project.KindAudience} {
		if findFile(p, kind, name) != nil {
			return afterPrefix + name, versionText(w.results[project.Node{Kind: kind, Name: name}])
		}
	}
	return "", ""
}

// mustWait tells whether something upstream has to be done first.
func (a *Audiences) mustWait(p *project.Project, n project.Node, busy map[project.Node]bool, marks *watermarks) bool {
	for _, up := range p.Graph().Upstream(n) {
		if findFile(p, up.Kind, up.Name) == nil {
			continue
		}
		if busy[up] || marks.results[up] == nil {
			return true
		}
	}
	return false
}

// situation is what Due and the lists look at: watermarks and last attempts.
type situation struct {
	marks *watermarks
	last  map[project.Node]*Materialization
}

func (a *Audiences) look(ctx context.Context, p *project.Project) (*situation, error) {
	marks, err := a.watermarks(ctx, p)
	if err != nil {
		return nil, err
	}
	last, err := a.records(ctx, a.newestWhere("(l.kind, l.name, l.version) IN (SELECT kind, name, max(version) FROM "+
		a.table("materialization_log")+" GROUP BY kind, name)"))
	if err != nil {
		return nil, err
	}
	s := &situation{marks: marks, last: map[project.Node]*Materialization{}}
	for _, m := range last {
		s.last[project.Node{Kind: m.Kind, Name: m.Name}] = &m
	}
	return s, nil
}

// Items are the files that run by the clock, for [jobs.Queue.Schedule].
func (a *Audiences) Items(context.Context) ([]jobs.Item, error) {
	p := a.project()
	if p == nil {
		return nil, nil
	}
	var items []jobs.Item
	for _, f := range slices.Concat(p.Traits, p.Audiences) {
		var spec jobs.Spec
		switch s := f.Header.Schedule; s.Kind {
		case project.Every:
			spec.Every = s.Interval
		case project.Cron:
			spec.Cron, spec.Zone = s.Line, s.Zone
		default:
			continue
		}
		kind, name := f.Kind, f.Name
		items = append(items, jobs.Item{
			Name: string(kind) + ":" + name, Spec: spec,
			Fire: func(ctx context.Context, slot time.Time, jobID string) error {
				_, err := a.Start(ctx, kind, name, StartOptions{Trigger: TriggerSchedule, ID: jobID, LogicalTime: slot})
				return err
			},
		})
	}
	return items, nil
}
