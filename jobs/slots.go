package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// SlotID is the job id of an item's slot: a hash of both, so that whoever fires it names the same work.
func SlotID(item string, slot time.Time) string {
	sum := sha256.Sum256([]byte(item + "\x00" + strconv.FormatInt(slot.UnixMilli(), 10)))
	return hex.EncodeToString(sum[:16])
}

// TakeSlot records that an item's slot is taken care of; taken is false when it was recorded before. Two at a
// time may both get true, with one job id, and the rows fold into one. Record a slot after its work exists
// in the warehouse under the job id: a slot that is recorded first is lost when the process dies between.
func TakeSlot(ctx context.Context, db *warehouse.DB, item string, slot time.Time) (jobID string, taken bool, err error) {
	jobID = SlotID(item, slot)
	known, err := slotTaken(ctx, db, item, slot)
	if err != nil || known {
		return jobID, false, err
	}
	err = insertOnce(ctx, db, "jobs_slots", []string{"item", "slot", "job_id"}, []any{item, slot.UTC(), jobID}, "slot:"+jobID)
	if err != nil {
		return jobID, false, fmt.Errorf("recording slot %s of %s: %w", slot.UTC().Format(time.RFC3339), item, err)
	}
	return jobID, true, nil
}

func slotTaken(ctx context.Context, db *warehouse.DB, item string, slot time.Time) (bool, error) {
	var rows uint64
	err := db.Get(ctx, &rows, "SELECT count() FROM "+table(db, "jobs_slots")+" WHERE item = ? AND slot = ?", item, slot.UTC())
	if err != nil {
		return false, fmt.Errorf("looking up slot %s of %s: %w", slot.UTC().Format(time.RFC3339), item, err)
	}
	return rows > 0, nil
}

// LastSlots returns the newest recorded slot of every item that has one.
func LastSlots(ctx context.Context, db *warehouse.DB) (map[string]time.Time, error) {
	var rows []struct {
		Item string    `ch:"item"`
		Last time.Time `ch:"last"`
	}
	if err := db.Select(ctx, &rows, "SELECT item, max(slot) AS last FROM "+table(db, "jobs_slots")+" GROUP BY item"); err != nil {
		return nil, fmt.Errorf("reading the last slots: %w", err)
	}
	last := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		last[r.Item] = r.Last.UTC()
	}
	return last, nil
}
