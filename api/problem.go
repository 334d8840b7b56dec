package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
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
	TooMany      Kind = "too_many"
	Unavailable  Kind = "unavailable"
	Internal     Kind = "internal"
)

var statusOf = map[Kind]int{
	Invalid: http.StatusUnprocessableEntity, NotFound: http.StatusNotFound, Conflict: http.StatusConflict,
	Unauthorized: http.StatusUnauthorized, Forbidden: http.StatusForbidden, Unavailable: http.StatusServiceUnavailable, TooMany: http.StatusTooManyRequests,
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

// newHumaError is huma's own faults (bad JSON, failed validation) as our problem documents. A problem of ours stays
// what it is.
func newHumaError(status int, message string, errs ...error) huma.StatusError {
	for _, err := range errs {
		var ours *Problem
		if errors.As(err, &ours) {
			return ours
		}
	}
	p := &Problem{Type: "https://tailrace.dev/problems/" + string(kindOf(status)), Title: http.StatusText(status), Status: status, Detail: message}
	for _, err := range errs {
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			p.Errors = append(p.Errors, Flaw{Location: detail.Location, Message: detail.Message})
		} else if err != nil {
			p.Errors = append(p.Errors, Flaw{Message: err.Error()})
		}
	}
	switch {
	case status == http.StatusRequestEntityTooLarge:
		p.Next = "Send less at once, in several requests."
	case len(p.Errors) > 0:
		p.Next = "Mend the request as errors says; /openapi.json has its shape."
	case status < http.StatusInternalServerError:
		p.Next = "Mend the request; /openapi.json has its shape."
	default:
		p.Next = "The server's log has more."
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
