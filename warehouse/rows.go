package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"reflect"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Rows is a result that streams. It must be closed; Next closes it at the end.
// A result that broke off ends with Err, never silently.
type Rows struct {
	rows   driver.Rows
	cancel context.CancelFunc
	finish func()
	err    error
	closed bool
}

// Next moves to the next row. At the end, or on an error, it is false and the
// Rows is closed.
func (r *Rows) Next() bool {
	if r.closed {
		return false
	}
	if r.rows.Next() {
		return true
	}
	if err := r.rows.Err(); err != nil {
		r.err = fmt.Errorf("reading rows: %w", err)
	}
	r.shut()
	return false
}

// Scan copies the row's columns. NULL needs a pointer to a pointer or sql.Null.
func (r *Rows) Scan(dest ...any) error {
	if err := r.rows.Scan(dest...); err != nil {
		return fmt.Errorf("scanning a row: %w", err)
	}
	return nil
}

// ScanStruct copies the row into a struct by its `ch` tags.
func (r *Rows) ScanStruct(dest any) error {
	if err := r.rows.ScanStruct(dest); err != nil {
		return fmt.Errorf("scanning a row: %w", err)
	}
	return nil
}

// Columns are the result's column names.
func (r *Rows) Columns() []string { return r.rows.Columns() }

// ColumnTypes are the result's columns with their ClickHouse types.
func (r *Rows) ColumnTypes() []driver.ColumnType { return r.rows.ColumnTypes() }

// Err is the error that ended the rows, if one did.
func (r *Rows) Err() error { return r.err }

// Close ends the statement, also one that still runs. It returns what Err does.
func (r *Rows) Close() error {
	if !r.closed {
		// Ends the statement; without it the driver reads the rest.
		r.cancel()
		if err := r.rows.Close(); err != nil && !errors.Is(err, context.Canceled) && r.err == nil {
			r.err = fmt.Errorf("closing rows: %w", err)
		}
		r.shut()
	}
	return r.err
}

func (r *Rows) shut() {
	r.closed = true
	r.cancel()
	r.finish()
}

// Select reads all rows into dest, a *[]T: T is a struct with `ch` tags, or what
// one column scans into. It is for results that are known to be small.
func (db *DB) Select(ctx context.Context, dest any, sql string, args ...any) error {
	slice := reflect.ValueOf(dest)
	if slice.Kind() != reflect.Pointer || slice.Elem().Kind() != reflect.Slice {
		return fmt.Errorf("selecting: dest is a %T, not a pointer to a slice", dest)
	}
	slice = slice.Elem()
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	elem := slice.Type().Elem()
	out := reflect.MakeSlice(slice.Type(), 0, 0)
	for rows.Next() {
		row := reflect.New(elem)
		if err := rows.scanOne(row.Interface()); err != nil {
			return err
		}
		out = reflect.Append(out, row.Elem())
	}
	if err := rows.Close(); err != nil {
		return err
	}
	slice.Set(out)
	return nil
}

// Get reads one row into dest, a *T as for Select. No row is ErrNoRows; further
// rows are ignored.
func (db *DB) Get(ctx context.Context, dest any, sql string, args ...any) error {
	if rv := reflect.ValueOf(dest); rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("getting: dest is a %T, not a pointer", dest)
	}
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	if err := rows.scanOne(dest); err != nil {
		return err
	}
	// Reaching the end is cheaper than ending a statement before it.
	if rows.Next() {
		return rows.Close()
	}
	return rows.Err()
}

// scanOne scans into a struct by its tags, or into the one value of a row.
func (r *Rows) scanOne(dest any) error {
	if isRecord(reflect.TypeOf(dest).Elem()) {
		return r.ScanStruct(dest)
	}
	return r.Scan(dest)
}

// isRecord reports whether a type is a struct to be filled by column, and not
// one that is a single value.
func isRecord(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t == timeGoType || t == reflect.TypeFor[big.Int]() {
		return false
	}
	return !reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]())
}
