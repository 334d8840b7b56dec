package audiences

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
)

// StartOptions say why a version is made.
type StartOptions struct {
	Trigger Trigger
	Actor   string
	// ID names the materialization; starting the same id again gives the one
	// that exists. Empty makes a new one.
	ID string
	// LogicalTime is what now() means; the clock's time if it is zero.
	LogicalTime time.Time
}

// Start records that a trait or audience is to be materialized and enqueues it.
// While one of that name is queued or running, it is that one: what came in
// since it began is noticed when it is over. Errors: ErrNotFound.
func (a *Audiences) Start(ctx context.Context, kind project.Kind, name string, o StartOptions) (Materialization, error) {
	p := a.project()
	if p == nil || findFile(p, kind, name) == nil {
		return Materialization{}, fmt.Errorf("%s %s: %w", kind, name, ErrNotFound)
	}
	if o.ID != "" {
		known, err := a.latest(ctx, o.ID)
		if err == nil {
			return known, a.enqueue(ctx, &known)
		}
		if !errors.Is(err, ErrNotFound) {
			return Materialization{}, err
		}
	}
	recent, err := a.newestVersions(ctx, kind, name)
	if err != nil {
		return Materialization{}, err
	}
	for _, m := range recent {
		if m.State.Running() && o.ID == "" {
			return m, a.enqueue(ctx, &m)
		}
	}
	m := Materialization{
		ID: o.ID, Kind: kind, Name: name, LogicalTime: o.LogicalTime.UTC().Truncate(time.Millisecond),
		Trigger: o.Trigger, Actor: o.Actor, ProjectHash: p.Hash,
	}
	if m.ID == "" {
		m.ID = uuid.NewString()
	}
	if o.LogicalTime.IsZero() {
		m.LogicalTime = a.clock()
	}
	if m.Version, err = a.claimVersion(ctx, kind, name); err != nil {
		return Materialization{}, err
	}
	if err := a.advance(ctx, &m, StateQueued); err != nil {
		return Materialization{}, err
	}
	return m, a.enqueue(ctx, &m)
}

// enqueue wakes a worker. That the queue is away is no error: Unfinished
// brings the materialization up again.
func (a *Audiences) enqueue(ctx context.Context, m *Materialization) error {
	if !m.State.Running() {
		return nil
	}
	if err := a.queue.Enqueue(ctx, TaskMaterialize, m.ID); err != nil {
		if ctx.Err() != nil {
			return err
		}
		a.log.WarnContext(ctx, "enqueueing a materialization", "id", m.ID, "error", err)
	}
	return nil
}

// claimVersion takes the next number of a name for good.
func (a *Audiences) claimVersion(ctx context.Context, kind project.Kind, name string) (uint64, error) {
	var highest uint64
	sql := "SELECT max(version) FROM " + a.table("materialization_log") + " WHERE kind = ? AND name = ?"
	if err := a.db.Get(ctx, &highest, sql, string(kind), name); err != nil {
		return 0, fmt.Errorf("reading the versions of %s %s: %w", kind, name, err)
	}
	return jobs.ClaimNext(ctx, a.db, "materialization:"+string(kind)+":"+name, highest+1, a.worker)
}

// newestVersions are the last few of a name, the newest first.
func (a *Audiences) newestVersions(ctx context.Context, kind project.Kind, name string) ([]Materialization, error) {
	return a.records(ctx, a.newestWhere("l.kind = ? AND l.name = ?")+" ORDER BY version DESC LIMIT 20", string(kind), name)
}

// findFile returns the trait or audience of that name, or nil.
func findFile(p *project.Project, kind project.Kind, name string) *project.SQLFile {
	switch kind {
	case project.KindTrait:
		return p.Trait(name)
	case project.KindAudience:
		return p.Audience(name)
	}
	return nil
}

// unfinishedFor bounds how far back the look for unfinished work goes.
const unfinishedFor = 40 * 24 * time.Hour

// Unfinished lists the tasks of materializations that a worker has to go on
// with, oldest first. It is a finder of [jobs.Queue].
func (a *Audiences) Unfinished(ctx context.Context) ([]jobs.Task, error) {
	var ids []string
	sql := "SELECT id FROM (SELECT id, argMax(state, (version, seq)) AS newest, min(at) AS since FROM " + a.table("materialization_log") +
		" WHERE logical_time > ? OR at > ? GROUP BY id)" +
		" WHERE newest IN ('queued', 'computing', 'computed', 'checked') ORDER BY since LIMIT 1000"
	since := a.clock().Add(-unfinishedFor)
	if err := a.db.Select(ctx, &ids, sql, since, since); err != nil {
		return nil, fmt.Errorf("looking for unfinished materializations: %w", err)
	}
	tasks := make([]jobs.Task, len(ids))
	for i, id := range ids {
		tasks[i] = jobs.Task{Kind: TaskMaterialize, ID: id}
	}
	return tasks, nil
}
