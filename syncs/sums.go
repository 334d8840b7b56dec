package syncs

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/warehouse"
)

// Sums are the two sums of a run, from its counts. An inequality is a bug.
//
//	selected = add + change + unchanged + left out
//	planned  = accepted + rejected + skipped + moved + unknown + suppressed + held + cancelled + open tickets + to go
type Sums struct {
	Selected  uint64            `json:"selected"`
	Add       uint64            `json:"add"`
	Change    uint64            `json:"change"`
	Unchanged uint64            `json:"unchanged"`
	LeftOut   map[string]uint64 `json:"left_out"`

	Planned     uint64 `json:"planned"`
	Remove      uint64 `json:"remove"`
	Accepted    uint64 `json:"accepted"`
	Rejected    uint64 `json:"rejected"`
	Skipped     uint64 `json:"skipped"`
	Moved       uint64 `json:"moved"`
	Unknown     uint64 `json:"unknown"`
	Suppressed  uint64 `json:"suppressed"`
	Held        uint64 `json:"held"`
	Cancelled   uint64 `json:"cancelled"`
	OpenTickets uint64 `json:"open_tickets"`
	ToGo        uint64 `json:"to_go"`
}

func sumsOf(c map[string]uint64) Sums {
	s := Sums{Selected: c["selected"], Add: c["add"], Change: c["change"], Unchanged: c["unchanged"], LeftOut: map[string]uint64{},
		Planned: c["planned"], Remove: c["remove"], Accepted: c["accepted"], Rejected: c["rejected"], Skipped: c["skipped"], Moved: c["moved"],
		Unknown: c["unknown"], Suppressed: c["suppressed"], Held: c["held"], Cancelled: c["cancelled"], OpenTickets: c["open_tickets"], ToGo: c["to_go"]}
	for name, n := range c {
		if reason, ok := strings.CutPrefix(name, "left_out."); ok {
			s.LeftOut[reason] = n
		}
	}
	return s
}

// Sums gives both sums as the run's newest transition counts them.
func (r Run) Sums() Sums {
	s := sumsOf(r.Counts)
	done := s.Accepted + s.Rejected + s.Skipped + s.Moved + s.Unknown + s.Suppressed + s.Cancelled
	switch {
	case r.State == Held:
		s.Held = s.Planned - min(done, s.Planned)
	case !r.State.Over():
		s.ToGo = s.Planned - min(done, s.Planned)
	case r.State == Discarded:
		s.Cancelled = s.Planned
	}
	return s
}

// LeftOutTotal is how many rows of the selection were left out.
func (s Sums) LeftOutTotal() uint64 {
	n := uint64(0)
	for _, rows := range s.LeftOut {
		n += rows
	}
	return n
}

// Check compares both sides of both sums.
func (s Sums) Check() error {
	if right := s.Add + s.Change + s.Unchanged + s.LeftOutTotal(); s.Selected != right {
		return fmt.Errorf("selected %d rows, but add %d + change %d + unchanged %d + left out %d = %d",
			s.Selected, s.Add, s.Change, s.Unchanged, s.LeftOutTotal(), right)
	}
	right := s.Accepted + s.Rejected + s.Skipped + s.Moved + s.Unknown + s.Suppressed + s.Held + s.Cancelled + s.OpenTickets + s.ToGo
	if s.Planned != right {
		return fmt.Errorf("planned %d rows, but accepted %d + rejected %d + skipped %d + moved %d + unknown %d + suppressed %d + held %d + cancelled %d + open tickets %d + to go %d = %d",
			s.Planned, s.Accepted, s.Rejected, s.Skipped, s.Moved, s.Unknown, s.Suppressed, s.Held, s.Cancelled, s.OpenTickets, s.ToGo, right)
	}
	return nil
}

// count computes all of a run's counts from the ledger, the plan's own too,
// so that the sums prove something.
func (e *Engine) count(ctx context.Context, r *Run) (map[string]uint64, error) {
	out := map[string]uint64{"add": 0, "change": 0, "remove": 0, "planned": 0, "selected": 0, "in": 0}
	if r.PlanID == "" {
		return out, nil
	}
	params, rows, err := e.rowParams(ctx, r)
	if err != nil {
		return nil, err
	}
	var classes []classCount
	params["version"] = r.Counts["snapshot"]
	if err := e.db.Select(ctx, &classes, e.statement("snapshot_summary", nil), params); err != nil {
		return nil, fmt.Errorf("counting the selection: %w", err)
	}
	for _, c := range classes {
		out["selected"] += c.Rows
		if c.Reason == "" {
			out["in"] = c.Rows
		} else {
			out["left_out."+c.Reason] = c.Rows
		}
	}
	if out["selected"] < r.Counts["selected"] {
		// Rows of people who were erased since the plan are gone from the snapshot: its numbers are those of the plan then.
		var erasures uint64
		err := e.db.Get(ctx, &erasures, "SELECT count() FROM "+e.table("erasures")+" WHERE state = 'verifying' AND at >= (SELECT min(at) FROM "+
			e.table("sync_runs")+" WHERE sync_id = ? AND run_no = ?)", r.SyncID, r.No)
		if err != nil {
			return nil, fmt.Errorf("looking for erasures since the plan: %w", err)
		}
		for name, n := range r.Counts {
			if erasures > 0 && (name == "selected" || name == "in" || strings.HasPrefix(name, "left_out.")) {
				out[name] = n
			}
		}
	}
	counted := e.rowSQL("counts")
	for first := uint64(1); first <= rows; first += foldRange {
		params["first"], params["last"] = first, min(first+foldRange-1, rows)
		if err := e.countRange(ctx, counted, params, out); err != nil {
			return nil, err
		}
	}
	var requests uint64
	err = e.db.Get(ctx, &requests, "SELECT count() FROM "+e.table("sync_intents")+" WHERE sync_id = ? AND run_no = ? AND plan_id = ?", r.SyncID, r.No, r.PlanID)
	out["requests"] = requests
	return out, err
}

func (e *Engine) countRange(ctx context.Context, sql string, params warehouse.P, out map[string]uint64) error {
	var found []struct {
		Status string `ch:"final"`
		Op     string `ch:"op"`
		Rows   uint64 `ch:"rows"`
	}
	if err := e.db.Select(ctx, &found, sql, params); err != nil {
		return fmt.Errorf("counting outcomes: %w", err)
	}
	for _, f := range found {
		out[f.Op] += f.Rows
		out["planned"] += f.Rows
		if f.Status == "" {
			f.Status = "cancelled" // the run is over, and it was never sent
		}
		out[f.Status] += f.Rows
	}
	return nil
}
