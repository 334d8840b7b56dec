package warehouse

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Exec runs one statement that yields no rows. args are values for `?`, and P,
// Settings, QueryID, Lane.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) error {
	call, err := newCall(sql, args)
	if err != nil {
		return fmt.Errorf("executing: %w", err)
	}
	db.prepare(call)
	defer db.columns.changed(sql)
	ctx, ended := db.span(ctx, firstWord(call.sql), "")
	finish := db.watch(ctx, call)
	defer finish()
	err = db.lanes[call.lane].Exec(call.context(ctx), call.sql)
	ended(err)
	if err != nil {
		return fmt.Errorf("executing: %w", callError(ctx, err))
	}
	return nil
}

// Query runs one statement and streams its rows. args are as for Exec. The
// Rows must be closed.
func (db *DB) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	call, err := newCall(sql, args)
	if err != nil {
		return nil, fmt.Errorf("querying: %w", err)
	}
	ctx, ended := db.span(ctx, firstWord(call.sql), "")
	ctx, cancel := context.WithCancel(ctx)
	unwatch := db.watch(ctx, call)
	finish := func() { unwatch(); ended(nil) }
	rows, err := db.lanes[call.lane].Query(call.context(ctx), call.sql)
	if err != nil {
		ended(err)
		err = callError(ctx, err)
		finish()
		cancel()
		return nil, fmt.Errorf("querying: %w", err)
	}
	return &Rows{rows: rows, cancel: cancel, finish: finish}, nil
}

// Kill ends the statement that was started with the query id; one that isn't
// running is no error.
func (db *DB) Kill(ctx context.Context, queryID string) error {
	if db.engine != nil {
		db.engine.killQuery(ctx, queryID)
		return ctx.Err()
	}
	call, err := newCall("KILL QUERY WHERE query_id = "+quoteString(queryID)+" ASYNC", nil)
	if err != nil {
		return err
	}
	if err := db.lanes[laneAdmin].Exec(call.context(ctx), call.sql); err != nil {
		return fmt.Errorf("killing query %s: %w", queryID, err)
	}
	return nil
}

// watch kills the statement on a server over HTTP when its context ends first:
// a server only notices the closed connection later, if at all. The other
// engines do so themselves. The returned function ends the watch.
func (db *DB) watch(ctx context.Context, call *statementCall) (finish func()) {
	if db.http == nil || db.engine != nil {
		return func() {}
	}
	if call.queryID == "" {
		call.queryID = uuid.NewString()
	}
	db.work.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer db.work.Done()
		killCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTimeout)
		defer cancel()
		if err := db.Kill(killCtx, call.queryID); err != nil {
			db.log.Warn("a cancelled query may still run", "query_id", call.queryID, "error", err)
		}
	})
	return func() {
		if stop() {
			db.work.Done()
		}
	}
}

// callError is a failed call's error as callers get it. A call whose context
// ended says so, whatever the engine answered; and the request's address is
// dropped, since it holds the values of parameters.
func callError(ctx context.Context, err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// firstWord is a statement's first keyword, in upper case.
func firstWord(sql string) string {
	word := ""
	scan(sql, func(at int, code bool) {
		if word == "" && code && isLetter(sql[at]) {
			end := at
			for end < len(sql) && isLetter(sql[end]) {
				end++
			}
			word = strings.ToUpper(sql[at:end])
		}
	})
	return word
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// killTimeout is how long a cancelled statement's KILL may take.
const killTimeout = 10 * time.Second
