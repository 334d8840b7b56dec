package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tailrace/tailrace/syncs"
)

// RunView is one run: where it is, both sums, what held it.
type RunView struct {
	syncs.Run
	Sync    string      `json:"sync" doc:"The sync's name"`
	Over    bool        `json:"over" doc:"Nothing follows any more"`
	Sums    SumsView    `json:"sums"`
	Guards  []GuardView `json:"guards,omitempty" doc:"The guards that hold a held run, or would hold a dry run"`
	Waiting string      `json:"waiting,omitempty" doc:"Of a run that goes on: why the destination put rows off. Of one that failed: which first result it was too early for"`
	History []RunStep   `json:"history,omitempty" doc:"Its transitions, oldest first; not in lists"`
}

// SumsView is both sums of a run, and whether they hold:
// selected = add + change + unchanged + left out, and
// planned = accepted + rejected + skipped + moved + unknown + suppressed + held + cancelled + open tickets + to go.
type SumsView struct {
	syncs.Sums
	LeftOutTotal uint64 `json:"left_out_total"`
	Balanced     bool   `json:"balanced"`
	Words        string `json:"words,omitempty" doc:"Which sum does not hold"`
}

// GuardView is one guard that holds a run.
type GuardView struct {
	Code  string `json:"code" example:"max_removed"`
	Words string `json:"words"`
}

// RunStep is one transition of a run.
type RunStep struct {
	State  syncs.State `json:"state"`
	At     time.Time   `json:"at"`
	Actor  string      `json:"actor,omitempty"`
	Reason string      `json:"reason,omitempty"`
	Error  string      `json:"error,omitempty"`
}

func viewRun(r syncs.Run, name string) RunView {
	r.At = r.At.UTC()
	sums := r.Sums()
	out := RunView{Run: r, Sync: name, Over: r.Over(), Sums: SumsView{Sums: sums, LeftOutTotal: sums.LeftOutTotal(), Balanced: true}}
	if err := sums.Check(); err != nil {
		out.Sums.Balanced, out.Sums.Words = false, err.Error()
	}
	if what := r.Waits(); what != "" {
		out.Waiting = "waits for the first materialization of " + what
	}
	_, foreseen, _ := strings.Cut(r.Reason, "would be held: ")
	if r.State == syncs.Held {
		foreseen = r.Reason
	}
	if r.State == syncs.Held || (r.DryRun && foreseen != "") {
		for _, trip := range strings.Split(foreseen, "; ") {
			code, words, _ := strings.Cut(trip, ": ")
			out.Guards = append(out.Guards, GuardView{Code: code, Words: words})
		}
	}
	return out
}

// runByID is the path of one run.
type runByID struct {
	ID string `path:"id"`
}

func (s *Server) registerRuns() {
	register(s, endpoint{id: "list-runs", method: http.MethodGet, path: "/api/v1/runs", summary: "Runs of all syncs, newest first", tag: "runs", role: Viewer},
		func(ctx context.Context, in *struct {
			Paging
			State syncs.State `query:"state" enum:"queued,planning,planned,held,delivering,finishing,succeeded,partial,failed,cancelled,discarded"`
		}) (*body[page[RunView]], error) {
			return s.runs(ctx, syncs.RunFilter{State: in.State, Cursor: in.Cursor, Limit: in.Limit})
		})
	register(s, endpoint{id: "get-run", method: http.MethodGet, path: "/api/v1/runs/{id}", summary: "One run: state, both sums, timings, guards", tag: "runs", role: Viewer},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		}) (*body[RunView], error) {
			out, err := s.run(ctx, in.ID)
			return &body[RunView]{out}, err
		})
	s.registerDecisions()
	s.registerRows()
	s.registerProgress()
}

// registerDecisions mounts what a person does about a run. The engine writes the audit log before it acts.
func (s *Server) registerDecisions() {
	register(s, endpoint{id: "approve-run", method: http.MethodPost, path: "/api/v1/runs/{id}/approve", summary: "Let a held run send exactly its plan", tag: "runs", role: Operator},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body *struct {
				Digest string `json:"digest,omitempty" doc:"plan_digest of the plan that was reviewed; must be the run's"`
			}
		}) (*body[RunView], error) {
			r, err := s.opts.Syncs.Run(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			digest := r.PlanDigest
			if (in.Body == nil || in.Body.Digest == "") && r.State == syncs.Held {
				return nil, problem(Invalid, "Review the changes, then approve with the digest of that plan: tailrace runs approve "+r.ID+" --digest "+r.PlanDigest,
					"name the plan that you approve: this run's plan_digest is %s", r.PlanDigest)
			}
			if in.Body != nil && in.Body.Digest != "" {
				digest = in.Body.Digest
			}
			_, err = s.opts.Syncs.Approve(ctx, in.ID, digest, who(ctx).actor())
			return s.decided(ctx, r, err)
		})
	register(s, endpoint{id: "discard-run", method: http.MethodPost, path: "/api/v1/runs/{id}/discard", summary: "End a run before anything is sent", tag: "runs", role: Operator},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body *struct {
				Reason string `json:"reason,omitempty" maxLength:"500"`
			}
		}) (*body[RunView], error) {
			r, err := s.opts.Syncs.Run(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			reason := ""
			if in.Body != nil {
				reason = in.Body.Reason
			}
			_, err = s.opts.Syncs.Discard(ctx, in.ID, who(ctx).actor(), reason)
			return s.decided(ctx, r, err)
		})
	register(s, endpoint{id: "cancel-run", method: http.MethodPost, path: "/api/v1/runs/{id}/cancel", summary: "Stop a run; what was accepted stays, and the next plan goes on from there", tag: "runs", role: Operator},
		func(ctx context.Context, in *runByID) (*body[RunView], error) {
			r, err := s.opts.Syncs.Run(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			_, err = s.opts.Syncs.Cancel(ctx, in.ID, who(ctx).actor())
			return s.decided(ctx, r, err)
		})
	register(s, endpoint{id: "retry-run", method: http.MethodPost, path: "/api/v1/runs/{id}/retry", summary: "Start a new run that takes up what was rejected or set aside", tag: "runs", role: Operator, status: http.StatusAccepted},
		func(ctx context.Context, in *runByID) (*body[RunView], error) {
			if _, err := s.opts.Syncs.Run(ctx, in.ID); err != nil {
				return nil, err
			}
			if err := s.audit(ctx, "retry_run", in.ID, ""); err != nil {
				return nil, err
			}
			next, err := s.opts.Syncs.Retry(ctx, in.ID, who(ctx).actor())
			if err != nil {
				return nil, err
			}
			out, err := s.run(ctx, next.ID)
			return &body[RunView]{out}, err
		})
}

// decided answers a decision about a run with what it is now. An error of the engine's about a run that is no longer
// where the caller saw it is a conflict: somebody was faster.
func (s *Server) decided(ctx context.Context, before syncs.Run, err error) (*body[RunView], error) {
	if err != nil && known(err) != nil {
		return nil, err
	}
	now, readErr := s.run(ctx, before.ID)
	if err != nil && readErr == nil && now.Seq != before.Seq {
		return nil, problem(Conflict, "Read the run again and decide anew.", "run %s moved on meanwhile: it is %s", before.ID, now.State)
	}
	if err == nil {
		err = readErr
	}
	return &body[RunView]{now}, err
}

// run reads one run with its history.
func (s *Server) run(ctx context.Context, id string) (RunView, error) {
	steps, err := s.opts.Syncs.Transitions(ctx, id)
	if err != nil {
		return RunView{}, err
	}
	names, err := s.syncNames(ctx)
	if err != nil {
		return RunView{}, err
	}
	newest := steps[len(steps)-1]
	out := viewRun(newest, names[newest.SyncID])
	waiting, err := s.opts.Syncs.Waiting(ctx, newest)
	if err != nil {
		return RunView{}, err
	}
	if waiting != "" {
		out.Waiting = waiting
	}
	for _, r := range steps {
		out.History = append(out.History, RunStep{State: r.State, At: r.At.UTC(), Actor: r.Actor, Reason: r.Reason, Error: r.Error})
	}
	if masked(ctx) {
		out.mask()
	}
	return out, nil
}

func (s *Server) runs(ctx context.Context, f syncs.RunFilter) (*body[page[RunView]], error) {
	found, next, err := s.opts.Syncs.Runs(ctx, f)
	if err != nil {
		return nil, err
	}
	names, err := s.syncNames(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]RunView, len(found))
	for i, r := range found {
		out[i] = viewRun(r, names[r.SyncID])
		if masked(ctx) {
			out[i].mask()
		}
	}
	return pageOf(s, out, next), nil
}

// syncNames maps the ledger's ids to names.
func (s *Server) syncNames(ctx context.Context) (map[string]string, error) {
	definitions, err := s.opts.Syncs.Definitions(ctx)
	if err != nil {
		return nil, fmt.Errorf("naming syncs: %w", err)
	}
	names := map[string]string{}
	for _, d := range definitions {
		names[d.SyncID] = d.Name
	}
	return names, nil
}
