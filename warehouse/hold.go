package warehouse

import (
	"context"
	"errors"
	"fmt"
)

// Hold keeps an embedded DSN's engine running, without a DB, until release is
// called: booting it takes 0.3 s, and libchdb is not made to be started many
// times in one process.
func Hold(dsn string) (release func(), err error) {
	s, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	if s.embeddedPath == "" {
		return nil, errors.New("holding an engine: the DSN is not embedded://")
	}
	e, err := acquireEngine(s.embeddedPath)
	if err != nil {
		return nil, err
	}
	return e.release, nil
}

// Drop removes a database with everything in it; one that doesn't exist is no
// error.
func (db *DB) Drop(ctx context.Context, database string) error {
	if err := db.Exec(ctx, "DROP DATABASE IF EXISTS "+quoteIdentifier(database), laneAdmin); err != nil {
		return fmt.Errorf("dropping database %s: %w", database, err)
	}
	return nil
}
