package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/danielgtaylor/huma/v2"
	"github.com/tailrace/tailrace/warehouse"
)

// Kind is what went wrong, in the few kinds that a caller decides on; each maps to one HTTP status.
type Kind string

// The kinds of errors.
const (
	Invalid      Kind = "invalid"
	NotFound     Kind = "not_found"
	Conflict     Kind = "conflict"
	Unauthorized Kind = "unauthorized"
	Forbidden    Kind = "forbidden"
	Unavailable  Kind = "unavailable"
	Internal     Kind = "internal"
)

var statusOf = map[Kind]int{
	Invalid: http.StatusUnprocessableEntity, NotFound: http.StatusNotFound, Conflict: http.StatusConflict,
	Unauthorized: http.StatusUnauthorized, Forbidden: http.StatusForbidden, Unavailable: http.StatusServiceUnavailable,
	Internal: http.StatusInternalServerError,
}

// Problem is an RFC 9457 problem document. Detail says what happened, Next what to do.
type Problem struct {
	Type   string `json:"type" doc:"A URI of the kind of problem" example:"https://tailrace.dev/problems/not_found"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Next   string `json:"next,omitempty" doc:"What to do about it"`
	Errors []Flaw `json:"errors,omitempty" doc:"Each flaw of the request, with its place"`
}

// Flaw is one fault of a request and where it is.
type Flaw struct {
	Location string `json:"location,omitempty"`
	Message  string `json:"message"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType makes huma answer with the media type of problem documents.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// problem makes a problem document of a kind.
func problem(kind Kind, next, format string, args ...any) *Problem {
	status := statusOf[kind]
	return &Problem{Type: "https://tailrace.dev/problems/" + string(kind), Title: http.StatusText(status), Status: status,
		Detail: fmt.Sprintf(format, args...), Next: next}
}

// fail turns an error of the packages below into a problem document; unknown ones are internal and keep their words,
// which never hold secrets (house rule of every package).
func (s *Server) fail(err error) error {
	var known *Problem
	var refused interface{ Kind() string }
	var next interface{ Next() string }
	var exception *clickhouse.Exception
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.As(err, &refused):
		p := problem(Kind(refused.Kind()), "", "%s", err)
		if p.Status == 0 {
			p = problem(Internal, "", "%s", err)
		}
		if errors.As(err, &next) {
			p.Next = next.Next()
		}
		return p
	case errors.Is(err, warehouse.ErrNoRows):
		return problem(NotFound, "", "%s", err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return problem(Unavailable, "Try again, or ask for less.", "%s", err)
	case errors.As(err, &exception):
		s.log.Error("warehouse refused a statement of ours", "code", exception.Code, "error", err)
		return problem(Internal, "This is a bug or a warehouse in trouble; the server's log has it.", "%s", err)
	default:
		s.log.Error("request", "error", err)
		return problem(Internal, "The server's log has more.", "%s", err)
	}
}

// newHumaError is huma's own faults (bad JSON, failed validation) as our problem documents.
func newHumaError(status int, message string, errs ...error) huma.StatusError {
	p := &Problem{Type: "https://tailrace.dev/problems/" + string(kindOf(status)), Title: http.StatusText(status), Status: status, Detail: message}
	for _, err := range errs {
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			p.Errors = append(p.Errors, Flaw{Location: detail.Location, Message: detail.Message})
		} else if err != nil {
			p.Errors = append(p.Errors, Flaw{Message: err.Error()})
		}
	}
	if len(p.Errors) > 0 {
		p.Next = "Mend the request as errors says; /openapi.json has its shape."
	}
	return p
}

func kindOf(status int) Kind {
	for kind, s := range statusOf {
		if s == status {
			return kind
		}
	}
	if status < 500 {
		return Invalid
	}
	return Internal
}
