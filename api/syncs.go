package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
)

// SyncView is a sync: its file, and how the ledger knows it.
type SyncView struct {
	SyncFileView
	SyncID       string    `json:"sync_id" doc:"What the ledger hangs on; renames leave it"`
	State        string    `json:"state" enum:"active,paused,held,restored,missing" doc:"How it stands; held: its newest run waits for a person; restored: the ledger is behind the destination and nothing is sent until a person releases it"`
	Restored     string    `json:"restored,omitempty" doc:"Why it is restored"`
	Status       string    `json:"status" enum:"active,missing" doc:"missing: its file went away, and nothing is sent until a person drains it"`
	PausedBy     string    `json:"paused_by,omitempty" enum:"file,api"`
	PausedReason string    `json:"paused_reason,omitempty" doc:"What was said when it was paused over the API"`
	Identity     string    `json:"identity" doc:"The account, object and target that the ledger belongs to"`
	Standin      bool      `json:"standin"`
	Holds        uint64    `json:"holds" doc:"Rows that the destination holds"`
	FirstSeenAt  time.Time `json:"first_seen_at"`
	LastRun      *RunView  `json:"last_run,omitempty"`
}

func (s *Server) registerSyncs() {
	register(s, endpoint{id: "list-syncs", method: http.MethodGet, path: "/api/v1/syncs", summary: "List syncs and how they stand", tag: "syncs", role: Viewer},
		func(ctx context.Context, _ *struct{}) (*body[page[SyncView]], error) {
			known, err := s.opts.Syncs.Syncs(ctx)
			if err != nil {
				return nil, err
			}
			out := []SyncView{}
			for _, k := range known {
				view, err := s.viewSync(ctx, k)
				if err != nil {
					return nil, err
				}
				out = append(out, view)
			}
			return pageOf(s, out, ""), nil
		})
	register(s, endpoint{id: "get-sync", method: http.MethodGet, path: "/api/v1/syncs/{name}", summary: "One sync", tag: "syncs", role: Viewer},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
		}) (*body[SyncView], error) {
			return s.sync(ctx, in.Name)
		})
	register(s, endpoint{id: "start-run", method: http.MethodPost, path: "/api/v1/syncs/{name}/runs", summary: "Start a run; a dry run plans and sends nothing", tag: "syncs", role: Operator, status: http.StatusAccepted},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Body *struct {
				DryRun bool `json:"dry_run,omitempty" doc:"Only plan"`
				Full   bool `json:"full,omitempty" doc:"Send everything again, on purpose"`
			}
		}) (*body[RunView], error) {
			if _, err := s.opts.Syncs.Sync(ctx, in.Name); err != nil {
				return nil, err
			}
			o := syncs.StartOptions{Trigger: who(ctx).trigger(), Actor: who(ctx).actor()}
			detail := ""
			if in.Body != nil {
				o.DryRun, o.Full = in.Body.DryRun, in.Body.Full
			}
			switch {
			case o.DryRun:
				detail = "dry run"
			case o.Full:
				detail = "full"
			}
			if err := s.audit(ctx, "start_run", in.Name, detail); err != nil {
				return nil, err
			}
			r, err := s.opts.Syncs.Start(ctx, in.Name, o)
			if err != nil {
				return nil, err
			}
			return &body[RunView]{viewRun(r, in.Name)}, nil
		})
	register(s, endpoint{id: "list-sync-runs", method: http.MethodGet, path: "/api/v1/syncs/{name}/runs", summary: "Runs of one sync, newest first", tag: "syncs", role: Viewer},
		func(ctx context.Context, in *struct {
			Paging
			Name  string      `path:"name"`
			State syncs.State `query:"state" enum:"queued,planning,planned,held,delivering,finishing,succeeded,partial,failed,cancelled,discarded"`
		}) (*body[page[RunView]], error) {
			if _, err := s.opts.Syncs.Sync(ctx, in.Name); err != nil {
				return nil, err
			}
			return s.runs(ctx, syncs.RunFilter{Sync: in.Name, State: in.State, Cursor: in.Cursor, Limit: in.Limit})
		})
	for _, d := range []struct {
		verb, summary string
		do            func(context.Context, string, string, string) error
	}{
		{"pause", "Start no more runs", s.opts.Syncs.Pause},
		{"resume", "Start runs again", s.opts.Syncs.Resume},
	} {
		register(s, endpoint{id: d.verb + "-sync", method: http.MethodPost, path: "/api/v1/syncs/{name}/" + d.verb, summary: d.summary, tag: "syncs", role: Operator},
			func(ctx context.Context, in *struct {
				Name string `path:"name"`
				Body *struct {
					Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why; kept in the audit log, and of a pause shown with the sync"`
				}
			}) (*body[SyncView], error) {
				reason := ""
				if in.Body != nil {
					reason = in.Body.Reason
				}
				if err := d.do(ctx, in.Name, who(ctx).actor(), reason); err != nil { // which audits
					return nil, err
				}
				return s.sync(ctx, in.Name)
			})
	}
	register(s, endpoint{id: "resolve-unknown", method: http.MethodPost, path: "/api/v1/syncs/{name}/resolve", summary: "Say what became of a row whose fate is unknown", tag: "syncs", role: Operator, status: http.StatusNoContent},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Body struct {
				Key     string `json:"key" minLength:"1"`
				Applied bool   `json:"applied" doc:"The destination has it"`
			}
		}) (*struct{}, error) {
			return &struct{}{}, s.opts.Syncs.ResolveUnknown(ctx, in.Name, in.Body.Key, who(ctx).actor(), in.Body.Applied) // which audits
		})
}

func (s *Server) sync(ctx context.Context, name string) (*body[SyncView], error) {
	known, err := s.opts.Syncs.Sync(ctx, name)
	if err != nil {
		return nil, err
	}
	view, err := s.viewSync(ctx, known)
	return &body[SyncView]{view}, err
}

func (s *Server) viewSync(ctx context.Context, k syncs.Sync) (SyncView, error) {
	out := viewSync(ctx, s.opts.Project(), k)
	var err error
	if out.Restored, err = s.opts.Syncs.Restored(ctx, k.SyncID); err != nil {
		return out, err
	}
	if masked(ctx) {
		out.Restored, out.PausedReason = maskWords(out.Restored), maskWords(out.PausedReason)
	}
	switch {
	case k.Status == "missing":
		out.State = "missing"
	case out.Restored != "":
		out.State = "restored"
	case k.Last != nil && k.Last.State == syncs.Held:
		out.State = "held"
	case out.Paused:
		out.State = "paused"
	default:
		out.State = "active"
	}
	return out, nil
}

func viewSync(ctx context.Context, p *project.Project, k syncs.Sync) SyncView {
	out := SyncView{SyncFileView: SyncFileView{FileView: FileView{Name: k.Name}, Destination: k.Destination}, SyncID: k.SyncID, Status: k.Status,
		Identity: k.Identity, Standin: k.Standin, Holds: k.Holds, FirstSeenAt: k.FirstSeenAt.UTC()}
	if f := p.Sync(k.Name); f != nil {
		out.SyncFileView = viewSyncFile(p, f)
	}
	switch {
	case out.Paused:
		out.PausedBy = "file"
	case k.Paused:
		out.Paused, out.PausedBy, out.PausedReason = true, "api", k.PausedReason
	}
	if k.Last != nil {
		r := viewRun(*k.Last, k.Name)
		if masked(ctx) {
			r.mask()
		}
		out.LastRun = &r
	}
	return out
}
