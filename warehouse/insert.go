package warehouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"github.com/google/uuid"
)

// InsertOptions go with one block of rows.
type InsertOptions struct {
	// Token is the insert_deduplication_token: a block with a token that the
	// table remembers is not written again. It must name the content: the same
	// token with other rows drops them silently. Empty switches deduplication
	// off, since ClickHouse would drop a block that merely looks like one of
	// the last.
	Token    string
	Settings Settings
	QueryID  string
	Lane     Lane
}

// RowError says which value of which row can't be sent. Nothing was sent: the
// caller may leave the row out and insert the rest.
type RowError struct {
	Row    int    // index into the rows given
	Column string // empty when the engine's driver doesn't say
	Err    error
}

func (e *RowError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("row %d: %v", e.Row, e.Err)
	}
	return fmt.Sprintf("row %d, column %s: %v", e.Row, e.Column, e.Err)
}

func (e *RowError) Unwrap() error { return e.Err }

// Insert sends rows as one block and returns when they are in the table. table
// is a name in the data database, or "database.table". No rows is no statement.
//
// Errors: *RowError before anything was sent. After any other error the outcome
// is unknown; repeat the same rows with the same token.
func (db *DB) Insert(ctx context.Context, table string, columns []string, rows [][]any, o InsertOptions) error {
	if len(rows) == 0 {
		return nil
	}
	ctx, ended := db.span(ctx, "INSERT", table)
	err := db.insert(ctx, table, columns, rows, o)
	ended(err)
	if err != nil {
		return fmt.Errorf("inserting %d rows into %s: %w", len(rows), table, err)
	}
	return nil
}

func (db *DB) insert(ctx context.Context, table string, columns []string, rows [][]any, o InsertOptions) error {
	call, err := db.insertCall(o)
	if err != nil {
		return err
	}
	if !strings.Contains(table, ".") {
		table = db.database + "." + table
	}
	types, err := db.columns.types(ctx, db, table, columns)
	if err != nil {
		return err
	}
	finish := db.watch(ctx, call)
	defer finish()
	var written atomic.Uint64
	ctx = context.WithValue(call.context(ctx), writtenKey{}, &written)
	ctx = clickhouse.Context(ctx,
		clickhouse.WithColumnNamesAndTypes(types),
		clickhouse.WithProgress(func(p *clickhouse.Progress) { written.Add(p.WroteRows) }))

	quoted := make([]string, len(columns))
	for i, column := range columns {
		quoted[i] = quoteIdentifier(column)
	}
	batch, err := db.lanes[call.lane].PrepareBatch(ctx, "INSERT INTO "+quoteTable(table)+" ("+strings.Join(quoted, ", ")+")")
	if err != nil {
		db.columns.forget(table)
		return callError(ctx, err)
	}
	// Gives the connection back if the block is never sent.
	defer batch.Close()
	for i, row := range rows {
		if err := checkRow(i, columns, row); err != nil {
			return err
		}
		if err := batch.Append(row...); err != nil {
			return appendError(i, err)
		}
	}
	if batch.Rows() != len(rows) {
		return fmt.Errorf("%w: the block holds %d", ErrRowsMissing, batch.Rows())
	}
	if err := batch.Send(); err != nil {
		db.columns.forget(table)
		return callError(ctx, err)
	}
	// Success is not enough: an encoding error inside the driver has sent
	// nothing and reported success.
	if n := written.Load(); n != uint64(len(rows)) && (o.Token == "" || n != 0) {
		return fmt.Errorf("%w: it says %d", ErrRowsMissing, n)
	}
	return nil
}

func (db *DB) insertCall(o InsertOptions) (*statementCall, error) {
	call := &statementCall{settings: clickhouse.Settings{}, queryID: o.QueryID, lane: o.Lane}
	if err := call.set(o.Settings); err != nil {
		return nil, err
	}
	call.settings["async_insert"] = "0"
	if call.queryID == "" {
		call.queryID = uuid.NewString()
	}
	// A token of its own is what keeps a block apart from an identical one:
	// insert_deduplicate=0 is not honoured by tables that are not replicated.
	call.settings["insert_deduplicate"] = "1"
	call.settings["insert_deduplication_token"] = cmp.Or(o.Token, uuid.NewString())
	return call, nil
}

// appendError names the column that the driver couldn't encode.
func appendError(i int, err error) error {
	var block *proto.BlockError
	if errors.As(err, &block) && block.Err != nil {
		return &RowError{Row: i, Column: block.ColumnName, Err: block.Err}
	}
	return &RowError{Row: i, Err: err}
}

// checkRow finds what the driver would store as something else.
func checkRow(i int, columns []string, row []any) error {
	if len(row) != len(columns) {
		return &RowError{Row: i, Err: fmt.Errorf("it has %d values for %d columns", len(row), len(columns))}
	}
	for j, value := range row {
		var t time.Time
		switch v := value.(type) {
		case time.Time:
			t = v
		case *time.Time:
			if v == nil {
				continue
			}
			t = *v
		default:
			continue
		}
		if err := checkTime(t); err != nil {
			return &RowError{Row: i, Column: columns[j], Err: err}
		}
	}
	return nil
}
