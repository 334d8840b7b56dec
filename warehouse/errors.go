package warehouse

import (
	"errors"
	"fmt"
)

var (
	// ErrLocked says that another process holds the embedded warehouse's data
	// path. The caller should talk to that process instead.
	ErrLocked = errors.New("the data path is in use by another process")
	// ErrNoRows is what Get returns when the statement yields no row.
	ErrNoRows = errors.New("no rows")
	// ErrSchemaNewer says that the database was migrated by a newer release.
	ErrSchemaNewer = errors.New("the database has a newer schema than this release knows")
	// ErrSchemaChanged says that a migration's text differs from what was
	// applied under its number.
	ErrSchemaChanged = errors.New("a migration was edited after it was applied here")
	// ErrRowsMissing says that an insert was answered with success but wrote
	// fewer or more rows than were sent.
	ErrRowsMissing = errors.New("the warehouse wrote another number of rows than were sent")
)

// LibraryError says why libchdb can't be used, and what to do about it.
type LibraryError struct {
	Path   string // where it was found, or empty when it was found nowhere
	Reason string // one clause: "it is too old (…)"
	Err    error
}

func (e *LibraryError) Error() string {
	const remedy = "run `make libchdb`, or set TAILRACE_LIBCHDB to libchdb.so 26.7.3 or newer"
	where := "libchdb (ClickHouse in process)"
	if e.Path != "" {
		where += " at " + e.Path
	}
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v; %s", where, e.Reason, e.Err, remedy)
	}
	return fmt.Sprintf("%s: %s; %s", where, e.Reason, remedy)
}

func (e *LibraryError) Unwrap() error { return e.Err }
