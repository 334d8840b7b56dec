package jobs

import (
	"context"
	"fmt"
	"time"
)

// Item is one thing on a schedule.
type Item struct {
	// Name is unique among all items, and stays: "sync:<id>", "audience:<name>".
	Name string
	Spec Spec
	// CatchUp is what to do about missed slots. Default: the latest only.
	CatchUp CatchUp
	// LastSlot, if set, is a floor: slots up to it aren't due. Recorded slots are known without it. An item
	// with neither is due at once, for its newest past slot.
	LastSlot time.Time
	// Fire makes the slot's work exist in the warehouse under jobID. It is called again after a crash or an
	// error, and in rare moments twice at a time, so it must do nothing when jobID is known.
	Fire func(ctx context.Context, slot time.Time, jobID string) error
}

// Schedule fires due slots while this process leads, until ctx ends. What is due is computed from the
// warehouse, so slots that passed while nobody ran are caught up. items is asked at every turn; an item
// that fails is logged, tried again at the next turn, and holds up nobody else.
func (q *Queue) Schedule(ctx context.Context, items func(ctx context.Context) ([]Item, error)) error {
	return q.Lead(ctx, "scheduler", func(ctx context.Context) error {
		every := time.NewTicker(q.opt.ScheduleEvery)
		defer every.Stop()
		for {
			if err := q.fireDue(ctx, items); err != nil && ctx.Err() == nil {
				q.log.Warn("looking for due slots", "error", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-every.C:
			case <-q.tick:
			}
		}
	})
}

func (q *Queue) fireDue(ctx context.Context, items func(ctx context.Context) ([]Item, error)) error {
	list, err := items(ctx)
	if err != nil {
		return fmt.Errorf("listing scheduled items: %w", err)
	}
	if len(list) == 0 {
		return nil
	}
	recorded, err := LastSlots(ctx, q.opt.DB)
	if err != nil {
		return err
	}
	now := q.now()
	for _, item := range list {
		last := item.LastSlot
		if r := recorded[item.Name]; r.After(last) {
			last = r
		}
		if err := q.fireItem(ctx, item, last, now); err != nil && ctx.Err() == nil {
			q.log.Warn("firing a slot", "item", item.Name, "error", err)
		}
	}
	q.counts.ticks.Add(1)
	return nil
}

func (q *Queue) fireItem(ctx context.Context, item Item, last, now time.Time) error {
	slots, err := DueSlots(item.Spec, last, now, item.CatchUp)
	if err != nil {
		return err
	}
	for _, slot := range slots {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := item.Fire(ctx, slot, SlotID(item.Name, slot)); err != nil {
			return err
		}
		if _, _, err := TakeSlot(ctx, q.opt.DB, item.Name, slot); err != nil {
			return err
		}
		q.counts.fired.Add(1)
	}
	return nil
}
