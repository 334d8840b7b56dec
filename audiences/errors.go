package audiences

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

var (
	// ErrNotFound says that there is no such trait, audience, materialization or profile.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the state doesn't allow what was asked.
	ErrConflict = errors.New("conflict")
	// ErrInvalid says that what was asked can't be read.
	ErrInvalid = errors.New("invalid")

	// errTakenOver ends a run whose materialization another worker goes on with.
	errTakenOver = errors.New("another worker took it over")
)

// failure is what a version fails with: a mistake in the file or its result,
// not in the machinery. Its text is for people, with file:line:column.
type failure struct{ diagnostics project.Diagnostics }

func (f *failure) Error() string {
	lines := make([]string, len(f.diagnostics))
	for i, d := range f.diagnostics {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// failAt is a failure at a place of a project file.
func failAt(path string, at project.Position, message, hint string) error {
	return &failure{project.Diagnostics{{
		Severity: project.SeverityError, Path: path, Line: at.Line, Column: at.Column, Message: message, Hint: hint,
	}}}
}

// failStart is a failure of a file's statement as a whole.
func failStart(f *project.SQLFile, message, hint string) error {
	return failAt(f.Path, statementStart(f), message, hint)
}

// statementStart is where the file's statement begins; its text is indented by
// what stands before it on its first line.
func statementStart(f *project.SQLFile) project.Position {
	return project.Position{Line: f.BodyLine, Column: 1 + len(f.SQL) - len(strings.TrimLeft(f.SQL, " "))}
}

// asFailure turns errors of the gate and of the engine into failures, and
// leaves those of the machinery as they are.
func asFailure(f *project.SQLFile, err error) error {
	at := statementStart(f)
	var gate *warehouse.GateError
	if errors.As(err, &gate) && gate.Line > 0 {
		at = f.At(gate.Line, gate.Column)
	}
	return asFailureAt(f, at, err)
}

// asFailureAt is asFailure for SQL that stands elsewhere than in the file's body.
func asFailureAt(f *project.SQLFile, at project.Position, err error) error {
	var gate *warehouse.GateError
	if errors.As(err, &gate) {
		return failAt(f.Path, at, gate.Message, gate.Hint)
	}
	var exception *clickhouse.Exception
	if errors.As(err, &exception) && !slices.Contains(machineCodes, exception.Code) {
		return failAt(f.Path, at, explain(exception), hintFor(exception.Code))
	}
	return err
}

// machineCodes are exceptions that say nothing about the SQL: the same
// statement may work later. 394 is a killed query, which a shutdown also is.
var machineCodes = []int32{3, 74, 75, 76, 198, 202, 203, 209, 210, 242, 243, 252, 279, 319, 394, 425, 439, 499, 999}

func explain(e *clickhouse.Exception) string {
	return fmt.Sprintf("the warehouse says: %s (code %d)", e.Message, e.Code)
}

// hintFor says what to do about the limits that users' SQL runs under.
func hintFor(code int32) string {
	switch code {
	case 159:
		return "it took too long: make it cheaper, or raise limits: { time: … }"
	case 241:
		return "it took too much memory: make it cheaper, or raise limits: { memory: … }"
	}
	return ""
}
