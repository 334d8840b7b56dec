package connectors

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Do says what the engine does about a call that failed as a whole. The zero
// value is FindOut: nobody knows whether it was applied.
type Do uint8

// What to do.
const (
	FindOut Do = iota // resolve by class
	Stop              // don't send more to this Scope until a person acts
	Wait              // not applied; again after Wait
	Split             // not applied; smaller batches
)

// String names it.
func (d Do) String() string { return [...]string{"find_out", "stop", "wait", "split"}[d] }

// Scope says how far a failure reaches.
type Scope uint8

// The scopes, from near to far.
const (
	ScopeBatch Scope = iota
	ScopeTarget
	ScopeCredential
	ScopeAccount
	ScopeVendor
)

// String names it.
func (s Scope) String() string {
	return [...]string{"batch", "target", "credential", "account", "vendor"}[s]
}

// CallError is a call that failed as a whole, in the engine's terms.
type CallError struct {
	Do    Do
	Wait  time.Duration // before anything is sent again within Scope
	Scope Scope
	Code  string // the vendor's code, or ours in snake case
	Words string // the vendor's words, capped and redacted
	// MaybeApplied says that the request may have had its effect although Do is
	// not FindOut (a redirect: stop, but nobody knows what the server did).
	MaybeApplied bool
	// Rows are the indexes that a refusal named; Split takes them out exactly.
	Rows []int
	Err  error
}

// Error says what happened and what the engine does about it.
func (e *CallError) Error() string {
	s := e.Do.String() + " (" + e.Scope.String() + ")"
	if e.Code != "" {
		s += ": " + e.Code
	}
	if e.Words != "" {
		s += ": " + e.Words
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *CallError) Unwrap() error { return e.Err }

// RowStatus is the status of rows that the error leaves without a result.
func (e *CallError) RowStatus() Status {
	if e.Do == FindOut || e.MaybeApplied {
		return Unknown
	}
	return Deferred
}

// HTTPError is an answer whose status is not a success. A Writer returns it
// where the vendor's own table has nothing to say.
type HTTPError struct {
	Status int
	Header http.Header
	Body   []byte // capped
	Reads  bool   // the request was a read: it changed nothing, whatever the answer
}

// Error names the status only; the body may hold personal data.
func (e *HTTPError) Error() string {
	return fmt.Sprintf("answered %d %s", e.Status, http.StatusText(e.Status))
}

// AnswerError is a 2xx whose content can't be understood: HTML, garbage,
// truncated, too large.
type AnswerError struct {
	Reason string
	Reads  bool
	Err    error
}

// Error gives the reason.
func (e *AnswerError) Error() string {
	if e.Err != nil {
		return e.Reason + ": " + e.Err.Error()
	}
	return e.Reason
}

// Unwrap gives the cause.
func (e *AnswerError) Unwrap() error { return e.Err }

// TransportError is a request that got no answer.
type TransportError struct {
	Wrote bool // at least one byte of the request may have left
	Reads bool
	Err   error // redacted
	cause error // for errors.Is and errors.As; may quote an address
}

// Error gives the cause; addresses and secrets are redacted by the transport.
func (e *TransportError) Error() string { return e.Err.Error() }

// Unwrap gives the cause, for classification; its text isn't redacted, so only
// the error's own is printed.
func (e *TransportError) Unwrap() error {
	if e.cause != nil {
		return e.cause
	}
	return e.Err
}

// EncodeError is a batch that couldn't be turned into a request.
type EncodeError struct{ Err error }

// Error gives the cause.
func (e *EncodeError) Error() string { return "encoding the request: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *EncodeError) Unwrap() error { return e.Err }

// ErrUnsupported is returned by a Destination for a capability that its
// connector doesn't have.
var ErrUnsupported = errors.New("the connector can't do this")
