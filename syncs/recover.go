package syncs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
)

// Unfinished names the next task of every run that isn't over, from the ledger
// alone. Held runs wait for a person and have none.
func (e *Engine) Unfinished(ctx context.Context) ([]jobs.Task, error) {
	var found []struct {
		ID    string `ch:"run_id"`
		State State  `ch:"newest"`
	}
	err := e.db.Select(ctx, &found, "SELECT run_id, argMax(state, seq) AS newest FROM "+e.table("sync_runs")+
		" GROUP BY run_id HAVING newest IN ('queued', 'planning', 'planned', 'delivering', 'finishing')"+
		" AND NOT (newest = 'planned' AND argMax(dry_run, seq)) ORDER BY newest, run_id LIMIT 1000")
	if err != nil {
		return nil, fmt.Errorf("looking for unfinished runs: %w", err)
	}
	tasks := make([]jobs.Task, len(found))
	for i, f := range found {
		tasks[i] = jobs.Task{Kind: taskOf(f.State), ID: f.ID}
	}
	return tasks, nil
}

func taskOf(s State) string {
	switch s {
	case Delivering:
		return TaskDeliver
	case Finishing:
		return TaskFinish
	}
	return TaskPlan
}

// Drive takes a run to its end, or to where a person is needed, in this
// process: for callers without a queue. It waits as *Later says.
func (e *Engine) Drive(ctx context.Context, runID string) (Run, error) {
	for {
		r, err := e.run(ctx, runID)
		if err != nil {
			return Run{}, err
		}
		if r.Over() || r.State == Held {
			return *r, nil
		}
		switch taskOf(r.State) {
		case TaskDeliver:
			err = e.Deliver(ctx, runID)
		case TaskFinish:
			err = e.Finish(ctx, runID)
		default:
			err = e.Plan(ctx, runID)
		}
		var later *Later
		if errors.As(err, &later) {
			if err := pause(ctx, later.At.Sub(e.o.Now())); err != nil {
				return *r, err
			}
			continue
		}
		if err != nil {
			return *r, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Due names the syncs with schedule on_change whose inputs differ from those of
// their last run, or that never ran, those that run after others which have a
// newer result, and paused ones of any schedule for which consent or
// suppressions changed: Start with the trigger change makes that a run of
// withdrawals. Syncs with an open run aren't named: that run, or the next one,
// takes all changes.
func (e *Engine) Due(ctx context.Context) ([]string, error) {
	p := e.o.Project()
	if p == nil {
		return nil, nil
	}
	definitions, err := e.Definitions(ctx)
	if err != nil {
		return nil, err
	}
	at, err := e.look(ctx)
	if err != nil {
		return nil, err
	}
	var due []string
	for _, d := range definitions {
		s := p.Sync(d.Name)
		if d.Status != statusActive || s == nil {
			continue
		}
		changed, err := e.changed(ctx, at, p, s, d, onlyWithdrawals(s, d))
		if err != nil {
			return due, err
		}
		if changed {
			due = append(due, d.Name)
		}
	}
	return due, nil
}

// onlyWithdrawals reports whether nothing but withdrawals of consent and suppressions makes a sync due by itself: it is
// paused, or runs by the clock or by hand.
func onlyWithdrawals(s *project.Sync, d Definition) bool {
	return d.Paused || s.Paused || s.Schedule.Kind != project.OnChange && s.Schedule.Kind != project.After
}

// withdrawalDue reports whether consents or suppressions have changed since a sync's last plan. A sync that never ran holds
// nobody.
func (e *Engine) withdrawalDue(ctx context.Context, at look, p *project.Project, s *project.Sync, syncID string) (bool, error) {
	newest, err := e.latest(ctx, at, syncID, "NOT dry_run AND trigger NOT IN ('test', 'adopt')")
	if err != nil || len(newest) == 0 {
		return false, err
	}
	switch r := newest[0]; {
	case !r.Over() && r.State != Held:
		return false, nil
	case r.State == Failed && r.PlanID == "" && e.now().Sub(r.At) < time.Minute:
		return false, nil // trying again at once would loop
	}
	planned, err := e.latest(ctx, at, syncID, "NOT dry_run AND trigger NOT IN ('erasure', 'test', 'adopt') AND notEmpty(input_versions)")
	if err != nil || len(planned) == 0 {
		return false, err
	}
	r := planned[0]
	if r.Trigger == TriggerWithdrawal && (r.State == Failed || r.State == Partial) && r.Counts["cancelled"] > 0 && e.now().Sub(r.At) > retryStopped {
		return true, nil // it stopped early
	}
	now := e.readings(ctx, at)
	if err := now.permissions(p.Purposes(s)); err != nil {
		return false, err
	}
	return r.InputVersions["consents"] != now.out["consents"] || r.InputVersions["suppressions"] != now.out["suppressions"], nil
}

// retryStopped is after how long a run that stopped early is followed by another.
const retryStopped = 5 * time.Minute

func (e *Engine) changed(ctx context.Context, at look, p *project.Project, s *project.Sync, d Definition, withdrawals bool) (bool, error) {
	if withdrawals {
		if s.Forwards() {
			return false, nil // what was sent stays sent
		}
		return e.withdrawalDue(ctx, at, p, s, d.SyncID)
	}
	// A withdrawal leaves all else to be done.
	last, err := e.latest(ctx, at, d.SyncID, "NOT dry_run AND trigger NOT IN "+asideTriggers)
	if err != nil {
		return false, err
	}
	if len(last) > 0 && !last[0].Over() {
		if last[0].State != Held {
			return false, nil
		}
	}
	if s.Forwards() {
		var newest *Run
		if len(last) > 0 {
			newest = &last[0]
		}
		return e.appendDue(ctx, at, p, s, d, newest)
	}
	now, err := e.inputVersions(ctx, at, p, s, d.SyncID)
	if err != nil {
		return false, err
	}
	if len(last) > 0 && (last[0].PlanID == "" || len(last[0].InputVersions) == 0) {
		// It failed before it had a plan. Trying again at once would loop.
		return e.now().Sub(last[0].At) > time.Minute, nil
	}
	if kind, name := s.Reads(); kind != project.KindModel && now["source"] == name+"@0" {
		return false, nil // nothing is published yet
	}
	if unpublishedExclusion(now) != "" {
		return false, nil // whom to leave out isn't known yet
	}
	if s.Schedule.Kind == project.After {
		ready := false
		maps.DeleteFunc(now, func(name, version string) bool {
			after := strings.HasPrefix(name, afterPrefix) && version != "0"
			ready = ready || after
			return !after && name != "consents" && name != "suppressions" // a withdrawal waits for nobody
		})
		if len(last) == 0 || !ready {
			return ready, nil
		}
	}
	if len(last) == 0 {
		return true, nil
	}
	r := last[0]
	if stopped := (r.State == Failed || r.State == Partial) && r.Counts["cancelled"] > 0; stopped && e.now().Sub(r.At) > retryStopped {
		return true, nil // it stopped early: the destination was down, or refused its credential
	}
	// What the run itself left unresolved is no change of its inputs.
	before := maps.Clone(r.InputVersions)
	if s.Schedule.Kind == project.After {
		maps.DeleteFunc(before, func(name, _ string) bool { return now[name] == "" })
	}
	delete(before, "held_back")
	delete(now, "held_back")
	if r.DefinitionHash != d.Hash || !maps.Equal(before, now) {
		return true, nil
	}
	return false, nil
}
