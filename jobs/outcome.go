package jobs

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/hibiken/asynq"
)

const (
	busyDelay    = time.Second
	placeDelay   = 500 * time.Millisecond
	unknownDelay = 2 * time.Second
	maxBackoff   = time.Minute
)

// retryIn is what RetryIn returns.
type retryIn struct {
	after time.Duration
	cause error
}

func (r *retryIn) Error() string {
	if r.cause == nil {
		return "not yet"
	}
	return r.cause.Error()
}

func (r *retryIn) Unwrap() error { return r.cause }

// RetryIn is what a handler returns to run again after d instead of after the queue's own backoff
// (1 s doubling to 1 min, with jitter). With a nil cause it is no failure: there was just nothing to do yet.
func RetryIn(d time.Duration, cause error) error { return &retryIn{after: d, cause: cause} }

// outcome is what asynq hears about a run that isn't over. asynq stores the text in Redis, so it is a code
// of ours and never the words of a handler or a vendor.
type outcome struct {
	code    string
	failure bool           // counts as a failed try
	after   *time.Duration // nil: backoff
}

func (o *outcome) Error() string { return o.code }

func again(code string, d time.Duration) error { return &outcome{code: code, after: &d} }

// toOutcome turns a handler's error into what asynq may know of it.
func toOutcome(err error, stopping bool) error {
	var later *retryIn
	switch {
	case errors.As(err, &later):
		return &outcome{code: "later", failure: later.cause != nil, after: &later.after}
	case stopping:
		return again("stopped", 0)
	default:
		return &outcome{code: "failed", failure: true}
	}
}

// isFailure keeps lost leases, shutdowns and "not yet" from counting as tries (asynq#1015).
func isFailure(err error) bool {
	var o *outcome
	if errors.As(err, &o) {
		return o.failure
	}
	return !errors.Is(err, asynq.ErrLeaseExpired) && !errors.Is(err, context.Canceled)
}

func retryDelay(tries int, err error, _ *asynq.Task) time.Duration {
	var o *outcome
	if errors.As(err, &o) && o.after != nil {
		return *o.after
	}
	if !isFailure(err) {
		return 0
	}
	d := maxBackoff
	if tries < 6 {
		d = time.Second << tries
	}
	return d/2 + rand.N(d/2+1)
}
