package warehouse

import (
	"context"
	"math"
	"time"
)

// DefaultMaxTime bounds a user's statement where the options name no time.
const DefaultMaxTime = 5 * time.Minute

// Limits are the settings under which a checked statement is read: read-only,
// with the options' caps.
func (o GateOptions) Limits() Settings {
	limits := o.InsertLimits()
	limits["readonly"] = 1
	if o.MaxRows > 0 {
		limits["max_result_rows"] = o.MaxRows
		limits["result_overflow_mode"] = "throw"
	}
	return limits
}

// InsertLimits are the caps for a checked statement inside an INSERT … SELECT
// or a CREATE, which can't be read-only. MaxRows caps what a client is sent and
// has no meaning there: use Wrap.
func (o GateOptions) InsertLimits() Settings {
	limit := o.MaxTime
	if limit <= 0 {
		limit = DefaultMaxTime
	}
	limits := Settings{
		"max_execution_time":    math.Max(limit.Seconds(), 0.001),
		"timeout_overflow_mode": "throw",
		"session_timezone":      "UTC",
	}
	if o.MaxReadRows > 0 {
		limits["max_rows_to_read"] = o.MaxReadRows
		limits["read_overflow_mode"] = "throw"
	}
	if o.MaxMemory > 0 {
		limits["max_memory_usage"] = o.MaxMemory
	}
	return limits
}

// checkLimits bound the statements of the check itself, which answer with
// trees and columns instead of the result's rows.
func (o GateOptions) checkLimits() Settings {
	limits := o.InsertLimits()
	limits["readonly"] = 1
	return limits
}

// withoutDeadline hides a context's deadline from the driver, which would set
// max_execution_time to it, above the statement's own limit. The context still
// ends when it ends.
type withoutDeadline struct{ context.Context }

func (withoutDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }
