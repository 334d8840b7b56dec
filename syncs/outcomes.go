package syncs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// The statuses of an outcome. accepted, rejected, skipped, moved and suppressed
// are final; deferred never is; unknown is once it is parked.
const (
	statusAccepted   = "accepted"
	statusRejected   = "rejected"
	statusSkipped    = "skipped"
	statusMoved      = "moved"
	statusSuppressed = "suppressed"
	statusUnknown    = "unknown"
	statusDeferred   = "deferred"
)

// Who writes an outcome.
const (
	byPlan   = "plan"
	byAnswer = "answer"
	byCheck  = "check"  // of consent, before sending
	byLookup = "lookup" // asked, class C
	byPark   = "park"   // an unknown that nothing more is done about
	byRecall = "recover"
)

// outcome is what became of one row of one attempt.
type outcome struct {
	rowNo   uint64
	batchNo uint32
	part    string
	attempt uint32
	seq     uint64
	key     string
	status  string
	ref     string
	code    string
	field   string
	words   string
	by      string
	at      time.Time
}

// final reports whether nothing more is done about the row in this run.
func (o *outcome) final() bool {
	switch o.status {
	case statusDeferred:
		return false
	case statusUnknown:
		return o.by == byPark
	}
	return true
}

// finalSQL is the same condition.
const finalSQL = "(status NOT IN ('deferred', 'unknown') OR (status = 'unknown' AND by = 'park'))"

var outcomeColumns = []string{"sync_id", "run_no", "plan_id", "row_no", "batch_no", "part", "attempt", "seq", "key", "status",
	"ref", "code", "field", "words", "by", "at"}

func (o *outcome) row(j *job, planID string) []any {
	return []any{j.def.SyncID, j.run.No, planID, o.rowNo, o.batchNo, o.part, o.attempt, o.seq, o.key, o.status, o.ref, o.code, o.field, o.words, o.by, o.at}
}

// outcomeWriter appends many outcomes in chunks, for a single goroutine.
type outcomeWriter struct {
	engine *Engine
	job    *job
	planID string
	rows   [][]any
	total  uint64
	chunks int
}

const outcomeChunk = 10_000

func (w *outcomeWriter) add(o outcome) {
	w.total++
	w.rows = append(w.rows, o.row(w.job, w.planID))
}

func (w *outcomeWriter) flushFull(ctx context.Context) error {
	if len(w.rows) < outcomeChunk {
		return nil
	}
	return w.flush(ctx)
}

func (w *outcomeWriter) flush(ctx context.Context) error {
	if len(w.rows) == 0 {
		return nil
	}
	err := w.engine.insert(ctx, "sync_outcomes", outcomeColumns, w.rows, fmt.Sprintf("outcomes:%s:%s", w.planID, contentHash(w.rows)))
	if err != nil {
		return fmt.Errorf("recording outcomes: %w", err)
	}
	w.rows, w.chunks = nil, w.chunks+1
	return nil
}

// contentHash names the content of a block in its token.
func contentHash(rows [][]any) string {
	h := sha256.New()
	var line []byte
	for _, r := range rows {
		line = line[:0]
		for _, value := range r {
			switch v := value.(type) {
			case string:
				line = append(binary.AppendUvarint(line, uint64(len(v))), v...)
			case uint64:
				line = binary.AppendUvarint(line, v)
			case uint32:
				line = binary.AppendUvarint(line, uint64(v))
			case time.Time:
				line = binary.AppendVarint(line, v.UnixNano())
			default:
				line = fmt.Append(line, v)
			}
		}
		h.Write(append(line, '\n'))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
