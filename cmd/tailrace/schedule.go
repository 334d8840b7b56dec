package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/jobs"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
)

// scheduled lists what runs by the clock: every trait, audience and sync with `every` or a cron line.
func (a *app) scheduled(ctx context.Context) ([]jobs.Item, error) {
	items, err := a.audiences.Items(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range a.keeper.project().Syncs {
		if spec, ok := clockSpec(s.Schedule); ok && !s.Paused {
			items = append(items, jobs.Item{Name: "sync:" + s.Name, Spec: spec, Fire: func(ctx context.Context, _ time.Time, id string) error {
				_, err := a.syncs.Start(ctx, s.Name, syncs.StartOptions{Trigger: "schedule", Actor: "schedule", RunID: id})
				return ignoreBusy(err)
			}})
		}
	}
	return items, nil
}

// clockSpec is a project's schedule as the queue's clock reads it; ok is false for those that no clock drives.
func clockSpec(s project.Schedule) (jobs.Spec, bool) {
	switch s.Kind {
	case project.Every:
		return jobs.Spec{Every: s.Interval}, true
	case project.Cron:
		return jobs.Spec{Cron: s.Line, Zone: s.Zone}, true
	default:
		return jobs.Spec{}, false
	}
}

// ignoreBusy: a sync that is paused, held since the ledger was restored, or whose run isn't over, takes all changes with its next run.
func ignoreBusy(err error) error {
	var open *syncs.OpenRunError
	var restored *syncs.RestoredError
	if errors.Is(err, syncs.ErrPaused) || errors.As(err, &open) || errors.As(err, &restored) {
		return nil
	}
	return err
}

// watchChanges starts what is due because something it reads has changed, while this process leads.
func (a *app) watchChanges(ctx context.Context) error {
	gate := &changeGate{db: a.db, atLeast: 5 * time.Second, tables: []string{"events_raw", "identities", "identity_merges", "materialization_log",
		"consents", "suppressions", "sync_definitions", "sync_runs", "sync_state", "sync_dead", "external_builds"}}
	hash := ""
	return every(ctx, time.Second, func() {
		worth, err := gate.open(ctx)
		if now := a.keeper.project().Hash; err == nil && (worth || now != hash) {
			hash = now
			err = a.startDue(ctx)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Warn("looking for what is due", "error", err)
		}
	})
}

func (a *app) startDue(ctx context.Context) error {
	if _, err := a.audiences.StartDue(ctx); err != nil {
		return err
	}
	due, err := a.syncs.Due(ctx)
	if err != nil {
		return err
	}
	for _, name := range due {
		if _, err := a.syncs.Start(ctx, name, syncs.StartOptions{Trigger: "change", Actor: "schedule"}); ignoreBusy(err) != nil {
			return fmt.Errorf("starting sync %s: %w", name, err)
		}
	}
	return nil
}

// tidy drops what nobody can reach any more: superseded versions and snapshots.
func (a *app) tidy(ctx context.Context) error {
	return every(ctx, time.Minute, func() {
		if _, err := a.audiences.Clean(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("dropping superseded versions", "error", err)
		}
		if err := a.erasures.Sweep(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("forgetting who was looked for", "error", err)
		}
		if err := a.syncs.Clean(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("dropping what killed planners left", "error", err)
		}
	})
}
