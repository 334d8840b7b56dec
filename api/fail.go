package api

import (
	"context"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/warehouse"
)

// fail turns an error of the packages below into a problem document with the next step for a person. Unknown ones are
// internal and keep their words, which never hold secrets (house rule of every package).
func (s *Server) fail(err error) error {
	if err == nil {
		return nil
	}
	if p := known(err); p != nil {
		return p
	}
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		s.log.Error("warehouse refused a statement of ours", "code", exception.Code, "error", err)
		return problem(Internal, "This is a bug or a warehouse in trouble; the server's log has it.", "%s", err)
	}
	s.log.Error("request", "error", err)
	return problem(Internal, "The server's log has more.", "%s", err)
}

// known returns the problem document of an error that the caller can do something about, or nil.
func known(err error) *Problem {
	var (
		ours        *Problem
		open        *syncs.OpenRunError
		transition  *syncs.TransitionError
		digest      *syncs.DigestMismatchError
		stale       *syncs.StaleError
		restored    *syncs.RestoredError
		unadoptable *syncs.AdoptError
		untestable  *syncs.TestError
		gate        *warehouse.GateError
	)
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, audiences.ErrNotFound), errors.Is(err, syncs.ErrNotFound), errors.Is(err, warehouse.ErrNoRows):
		return problem(NotFound, "Check the name or id; the list of its kind has those that are there.", "%s", err)
	case errors.As(err, &open):
		return problem(Conflict, "Wait until it is over, or POST /api/v1/runs/"+open.Run.ID+"/cancel.", "%s", err)
	case errors.Is(err, syncs.ErrMoved):
		return problem(Conflict, "Somebody else decided at the same moment: look at the run, and try again if it is still to be decided.", "%s", err)
	case errors.Is(err, syncs.ErrPaused):
		return problem(Conflict, "Resume it with POST /api/v1/syncs/{name}/resume (or take paused: out of its file), or ask for a dry run.", "%s", err)
	case errors.As(err, &untestable):
		return problem(Invalid, "Give keys, or rows.", "%s", err)
	case errors.As(err, &unadoptable):
		return problem(Conflict, unadoptable.Next, "%s", err)
	case errors.As(err, &restored):
		return problem(Conflict, "Look at docs/operations.md, Restore; then `tailrace syncs release` (POST /api/v1/ledger/releases). Dry runs work meanwhile.", "%s", err)
	case errors.Is(err, syncs.ErrAppendOnce):
		return problem(Conflict, "Run it without full.", "%s", err)
	case errors.As(err, &transition):
		return problem(Conflict, "Read the run again: it moved on.", "%s", err)
	case errors.As(err, &digest):
		return problem(Conflict, "Review the plan that the run has now, and approve with its plan_digest.", "%s", err)
	case errors.As(err, &stale):
		return problem(Conflict, "Start a new run: POST /api/v1/syncs/{name}/runs.", "%s", err)
	case errors.Is(err, syncs.ErrCursor):
		return badCursor()
	case errors.Is(err, audiences.ErrConflict):
		return problem(Conflict, "Read it again: its state doesn't allow this.", "%s", err)
	case errors.Is(err, audiences.ErrInvalid):
		return problem(Invalid, "Mend the request; /openapi.json has its shape.", "%s", err)
	case errors.As(err, &gate):
		return sqlFlaw(gate)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return problem(Unavailable, "Try again, or ask for less.", "%s", err)
	}
	return nil
}
