package api

import (
	"context"
	"net/http"

	"github.com/tailrace/tailrace/syncs"
)

// LedgerView tells whether the ledger is known to be behind its destinations.
type LedgerView struct {
	Epochs []syncs.Epoch `json:"epochs" doc:"Each time that the ledger turned out to be older than what was sent, the newest first"`
	Held   []string      `json:"held" doc:"Syncs that send nothing until they are released"`
}

// registerLedger mounts what a person does about a ledger that was restored from a backup.
func (s *Server) registerLedger() {
	register(s, endpoint{id: "get-ledger", method: http.MethodGet, path: "/api/v1/ledger", summary: "Whether the ledger is behind its destinations", tag: "ledger", role: Viewer},
		func(ctx context.Context, _ *struct{}) (*body[LedgerView], error) { return s.ledger(ctx) })
	register(s, endpoint{id: "declare-restore", method: http.MethodPost, path: "/api/v1/ledger/restores", summary: "Say that the ledger was restored from a backup: all syncs are held", tag: "ledger", role: Operator},
		func(ctx context.Context, in *struct {
			Body *struct {
				Reason string `json:"reason,omitempty" maxLength:"500"`
			}
		}) (*body[LedgerView], error) {
			reason := ""
			if in.Body != nil {
				reason = in.Body.Reason
			}
			if err := s.opts.Syncs.DeclareRestore(ctx, who(ctx).actor(), reason); err != nil { // which audits
				return nil, err
			}
			return s.ledger(ctx)
		})
	register(s, endpoint{id: "release-syncs", method: http.MethodPost, path: "/api/v1/ledger/releases", summary: "Let syncs send again after a restore", tag: "ledger", role: Operator},
		func(ctx context.Context, in *struct {
			Body struct {
				Syncs  []string `json:"syncs,omitempty" doc:"Names"`
				All    bool     `json:"all,omitempty" doc:"All syncs"`
				Reason string   `json:"reason,omitempty" maxLength:"500" doc:"Why; kept in the audit log"`
			}
		}) (*body[LedgerView], error) {
			names := in.Body.Syncs
			if in.Body.All {
				names = []string{""}
			}
			if len(names) == 0 {
				return nil, problem(Invalid, "Give syncs, or all: true.", "no sync is named")
			}
			for _, name := range names {
				if _, err := s.opts.Syncs.Release(ctx, name, who(ctx).actor(), in.Body.Reason); err != nil { // which audits
					return nil, err
				}
			}
			return s.ledger(ctx)
		})
}

func (s *Server) ledger(ctx context.Context) (*body[LedgerView], error) {
	out := LedgerView{Epochs: []syncs.Epoch{}, Held: []string{}}
	epochs, err := s.opts.Syncs.Epochs(ctx)
	if err != nil {
		return nil, err
	}
	for _, epoch := range epochs {
		if masked(ctx) {
			epoch.Reason = maskWords(epoch.Reason)
		}
		out.Epochs = append(out.Epochs, epoch)
	}
	definitions, err := s.opts.Syncs.Definitions(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range definitions {
		why, err := s.opts.Syncs.Restored(ctx, d.SyncID)
		if err != nil {
			return nil, err
		}
		if why != "" && d.Status == "active" {
			out.Held = append(out.Held, d.Name)
		}
	}
	return &body[LedgerView]{out}, nil
}
