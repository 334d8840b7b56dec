package connectortest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
)

// seed is one connector broken on purpose and the check that must catch it.
type seed struct {
	name   string
	caught func(testing.TB, Harness) []string
	// unnamed catches it where the vendor names no rows; nil: it can't happen there.
	unnamed func(testing.TB, Harness) []string
	write   func(ctx context.Context, w connectors.Writer, b connectors.Batch, cfg any) (connectors.Answer, error)
	doer    func(connectors.Doer) connectors.Doer
}

var seeds = []seed{
	{name: "assume success", caught: noLieUnderFault, unnamed: noLieUnderFault,
		write: func(ctx context.Context, w connectors.Writer, b connectors.Batch, _ any) (connectors.Answer, error) {
			a, err := w.Write(ctx, b)
			var broken *connectors.AnswerError
			if errors.As(err, &broken) {
				return accepted(b), nil
			}
			return a, err
		}},
	{name: "ignore index", caught: partialNamed,
		write: func(ctx context.Context, w connectors.Writer, b connectors.Batch, _ any) (connectors.Answer, error) {
			a, err := w.Write(ctx, b)
			slices.Reverse(a.Results)
			return a, err
		}},
	{name: "follow redirect", caught: redirectNotFollowed, unnamed: redirectNotFollowed,
		doer: func(d connectors.Doer) connectors.Doer { return following{d} }},
	{name: "retry early", caught: noEarlyRetry, unnamed: noEarlyRetry,
		write: func(ctx context.Context, w connectors.Writer, b connectors.Batch, _ any) (connectors.Answer, error) {
			a, err := w.Write(ctx, b)
			if err != nil {
				return w.Write(ctx, b)
			}
			return a, err
		}},
	{name: "leak token", caught: secretsNeverLeave, unnamed: secretsNeverLeave,
		write: func(ctx context.Context, w connectors.Writer, b connectors.Batch, cfg any) (connectors.Answer, error) {
			a, err := w.Write(ctx, b)
			for i := range a.Results {
				a.Results[i].Ref = strings.Join(revealed(cfg), " ")
			}
			return a, err
		}},
	{name: "trust count", caught: partialNamed, unnamed: partialUnnamed,
		write: func(ctx context.Context, w connectors.Writer, b connectors.Batch, _ any) (connectors.Answer, error) {
			a, err := w.Write(ctx, b)
			if err == nil && len(a.Results) == len(b.Rows) {
				return accepted(b), nil
			}
			return a, err
		}},
}

func accepted(b connectors.Batch) connectors.Answer {
	return connectors.Answer{Results: slices.Repeat([]connectors.Result{{Status: connectors.Accepted}}, len(b.Rows))}
}

// following follows one redirect, as http.Client would.
type following struct{ connectors.Doer }

func (f following) Do(r *http.Request) (*http.Response, error) {
	resp, err := f.Doer.Do(r)
	if err != nil || resp.StatusCode < 300 || resp.StatusCode > 399 {
		return resp, err
	}
	_ = resp.Body.Close() // the answer is dropped, as this bug does
	next, err := http.NewRequestWithContext(r.Context(), r.Method, resp.Header.Get("Location"), nil)
	if err != nil {
		return nil, err
	}
	return f.Doer.Do(next)
}

// broken is a Writer with a bug, and the capabilities of the real one.
type broken struct {
	connectors.Writer
	cfg   any
	write func(ctx context.Context, w connectors.Writer, b connectors.Batch, cfg any) (connectors.Answer, error)
}

func (x broken) Write(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	if x.write == nil {
		return x.Writer.Write(ctx, b)
	}
	return x.write(ctx, x.Writer, b, x.cfg)
}

// Look keeps the Looker of the real Writer, so that recovery isn't what fails.
func (x broken) Look(ctx context.Context, b connectors.Batch) ([]connectors.Found, error) {
	l, ok := x.Writer.(connectors.Looker)
	if !ok {
		return nil, connectors.ErrUnsupported
	}
	return l.Look(ctx, b)
}

// harnessCatches runs the check that each seeded bug must fail.
func harnessCatches(t *testing.T, h Harness) {
	for _, s := range seeds {
		bugged := h
		open := h.Connector.Open
		bugged.Connector.Open = func(cfg any, env connectors.Env) (connectors.Writer, error) {
			if s.doer != nil {
				env.HTTP = s.doer(env.HTTP)
			}
			w, err := open(cfg, env)
			return broken{w, cfg, s.write}, err
		}
		// One case is enough to catch a bug, and prepares by the real connector.
		bugged.Cases = h.Cases[:1]
		catch := s.caught
		if bugged.Cases[0].Unnamed {
			catch = s.unnamed
		}
		if catch == nil {
			continue
		}
		require.NotEmpty(t, catch(t, bugged), "the kit doesn't catch a connector that would %s", s.name)
	}
}
