package syncs

import (
	"context"
	"fmt"
	"strconv"
	"time"

	sq "github.com/Masterminds/squirrel"
)

// ExchangeView is one request and its answer, secrets hidden, bodies capped.
type ExchangeView struct {
	BatchNo         uint32            `ch:"batch_no" json:"batch_no"`
	Part            string            `ch:"part" json:"part,omitempty"`
	Attempt         uint32            `ch:"attempt" json:"attempt"`
	FirstRow        uint64            `ch:"first_row" json:"first_row"`
	LastRow         uint64            `ch:"last_row" json:"last_row"`
	Method          string            `ch:"method" json:"method"`
	Path            string            `ch:"path" json:"path"`
	RequestHeaders  map[string]string `ch:"request_headers" json:"request_headers"`
	RequestBody     string            `ch:"request_body" json:"request_body"`
	Status          uint16            `ch:"status" json:"status"`
	ResponseHeaders map[string]string `ch:"response_headers" json:"response_headers"`
	ResponseBody    string            `ch:"response_body" json:"response_body"`
	Error           string            `ch:"error" json:"error,omitempty"`
	DurationMs      uint32            `ch:"duration_ms" json:"duration_ms"`
	Standin         bool              `ch:"standin" json:"standin"`
	At              time.Time         `ch:"at" json:"at"`
}

// Exchanges lists what went over the wire for a run, or, if batchNo isn't zero,
// for one of its batches; the cursor of the next page is "" at the end.
func (e *Engine) Exchanges(ctx context.Context, runID string, batchNo uint32, cursor string, limit int) ([]ExchangeView, string, error) {
	r, err := e.run(ctx, runID)
	if err != nil {
		return nil, "", err
	}
	limit = page(limit)
	offset := uint64(0)
	if cursor != "" {
		if offset, err = strconv.ParseUint(cursor, 10, 64); err != nil {
			return nil, "", ErrCursor
		}
	}
	q := sq.Select("batch_no", "part", "attempt", "first_row", "last_row", "method", "path", "request_headers", "request_body", "status",
		"response_headers", "response_body", "error", "duration_ms", "standin", "at").From(e.table("sync_exchanges")).
		Where(sq.Eq{"sync_id": r.SyncID, "run_no": r.No}).OrderBy("batch_no", "attempt", "at").Limit(uint64(limit) + 1).Offset(offset)
	if batchNo > 0 {
		q = q.Where(sq.Eq{"batch_no": batchNo})
	}
	sql, args, err := q.ToSql()
	if err != nil {
		return nil, "", fmt.Errorf("listing exchanges: %w", err)
	}
	out := []ExchangeView{}
	if err := e.db.Select(ctx, &out, sql, args...); err != nil {
		return nil, "", fmt.Errorf("listing exchanges: %w", err)
	}
	if len(out) <= limit {
		return out, "", nil
	}
	return out[:limit], strconv.FormatUint(offset+uint64(limit), 10), nil
}
