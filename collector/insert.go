package collector

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/tailrace/tailrace/warehouse"
)

const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 15 * time.Second
	// grace is how long an insert may go on when the process is to end.
	grace = 8 * time.Second
	// patience is how often an insert is repeated on an error that is neither
	// known to be about the rows nor known to pass, before its rows are looked at.
	patience = 6
)

// insertSettings keep text from becoming dates by its looks: the same member
// would have another type from one event to the next.
var insertSettings = warehouse.Settings{
	"input_format_try_infer_dates": 0, "input_format_try_infer_datetimes": 0,
}

// insert writes one insert of a block, however long the warehouse is away, and
// returns how many events it wrote to events_raw. Rows that the warehouse
// refuses are set aside.
func (l *loader) insert(ctx context.Context, b *block, in insert) (int, error) {
	if in.rejected {
		rows := b.rejectedRows(in.rows)
		return 0, l.retry(ctx, func(ctx context.Context) error {
			return l.opts.Warehouse.Insert(ctx, "events_rejected", rejectedColumns, rows,
				warehouse.InsertOptions{Token: in.token, Lane: warehouse.LaneIngest})
		})
	}
	s := sieve{loader: l, block: b, indexes: in.rows, rows: b.eventRows(in.rows, *l.blocked.Load())}
	refused, err := s.insert(ctx, 0, len(s.rows), in.token)
	if err != nil {
		return 0, err
	}
	return len(in.rows) - refused, nil
}

// sieve inserts rows and, where they are refused, halves of them, until only
// the culprits are left.
type sieve struct {
	loader  *loader
	block   *block
	indexes []int
	rows    [][]any
}

// insert writes rows[from:to] and returns how many of them were set aside. The
// halves' tokens follow from the whole's, so that a restart repeats the same.
func (s *sieve) insert(ctx context.Context, from, to int, token string) (refused int, err error) {
	if from == to {
		return 0, nil
	}
	cause := s.attempt(ctx, from, to, token)
	var rows *rowsError
	switch {
	case cause == nil:
		return 0, nil
	case !errors.As(cause, &rows):
		return 0, cause
	case to-from == 1:
		return 1, s.setAside(ctx, from, token, rows.cause)
	}
	middle := from + (to-from)/2
	var rowError *warehouse.RowError
	if errors.As(cause, &rowError) && rowError.Row > 0 && rowError.Row < to-from {
		middle = from + rowError.Row // the rows before it are good
	}
	for i, half := range [][2]int{{from, middle}, {middle, to}} {
		n, err := s.insert(ctx, half[0], half[1], token+"."+strconv.Itoa(i))
		if err != nil {
			return refused, err
		}
		refused += n
	}
	return refused, nil
}

// rowsError says that the rows, not the circumstances, are why an insert fails.
type rowsError struct{ cause error }

func (e *rowsError) Error() string { return "the rows are refused: " + e.cause.Error() }
func (e *rowsError) Unwrap() error { return e.cause }

func (s *sieve) attempt(ctx context.Context, from, to int, token string) error {
	doubtful := 0
	return s.loader.retry(ctx, func(ctx context.Context) error {
		err := s.loader.opts.Warehouse.Insert(ctx, "events_raw", eventColumns, s.rows[from:to],
			warehouse.InsertOptions{Token: token, Settings: insertSettings, Lane: warehouse.LaneIngest})
		switch classify(err) {
		case aboutRows:
			return &rowsError{err}
		case doubtfulCause:
			if doubtful++; doubtful >= patience && to-from < len(s.rows) || doubtful >= 2*patience {
				return &rowsError{err}
			}
		}
		return err
	})
}

// setAside moves one row to events_rejected, with the engine's words as rule.
func (s *sieve) setAside(ctx context.Context, row int, token string, cause error) error {
	e := &s.block.events[s.indexes[row]]
	s.loader.opts.Log.Warn("the warehouse refuses an event; it is set aside in events_rejected", "source", e.source, "reason", reasonUnloadable)
	s.loader.opts.Metrics.setAside.WithLabelValues(reasonUnloadable).Inc()
	values := []any{uuid.NewSHA1(profileNamespace, []byte(token)), e.source, reasonUnloadable, cause.Error(), "", e.messageID, e.received, e.payload}
	return s.loader.retry(ctx, func(ctx context.Context) error {
		return s.loader.opts.Warehouse.Insert(ctx, "events_rejected", rejectedColumns, [][]any{values},
			warehouse.InsertOptions{Token: token, Lane: warehouse.LaneIngest})
	})
}

// retry repeats a step of loading until it succeeds, the rows are to blame, or
// ctx ends: a full disk passes, as does a warehouse that is away.
// A step that runs when ctx ends may go on for a while.
func (l *loader) retry(ctx context.Context, step func(context.Context) error) error {
	wait := firstBackoff
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := l.graceful(ctx, step)
		var rows *rowsError
		if err == nil || errors.As(err, &rows) {
			l.noteError(nil)
			return err
		}
		l.noteError(err)
		l.opts.Metrics.failures.Inc()
		l.opts.Log.Warn("events can't be loaded now; they wait in the log", "err", err, "again_in", wait)
		timer := time.NewTimer(wait/2 + rand.N(wait/2))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		wait = min(2*wait, lastBackoff)
	}
}

func (l *loader) graceful(ctx context.Context, step func(context.Context) error) error {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(inner, func() { timer.Stop() })
	})
	defer stop()
	return step(inner)
}

type cause int

const (
	passing       cause = iota // the warehouse is away, busy or full
	aboutRows                  // these rows can't be inserted, ever
	doubtfulCause              // it may be either
)

// classify tells what an insert's error is about.
func classify(err error) cause {
	if err == nil {
		return passing
	}
	var rowError *warehouse.RowError
	if errors.As(err, &rowError) {
		return aboutRows
	}
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) {
		return passing
	}
	switch exception.Code {
	case 6, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 128, 131, 190, 306, 349, 469:
		// CANNOT_PARSE_*, TYPE_MISMATCH, ARGUMENT_OUT_OF_BOUND, CANNOT_CONVERT_TYPE,
		// INCORRECT_DATA, TOO_LARGE_*, SIZES_OF_ARRAYS_…, TOO_DEEP_RECURSION,
		// CANNOT_INSERT_NULL_…, VIOLATED_CONSTRAINT
		return aboutRows
	case 159, 160, 202, 203, 209, 210, 241, 242, 243, 252, 319, 394, 425, 439, 516, 999, 16, 60, 81:
		// timeouts, limits, memory, read-only, disk space, too many parts, unknown
		// status, cancelled, system, threads, authentication, Keeper; a missing
		// column, table or database is for a migration to mend, not for the rows
		return passing
	}
	return doubtfulCause
}
