package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tailrace/tailrace/syncs"
)

// SyncTestView is a run of a few rows, and what became of the keys that were asked for.
type SyncTestView struct {
	Run  RunView         `json:"run"`
	Keys []syncs.TestKey `json:"keys,omitempty"`
}

// registerSyncTests mounts the sending of test rows.
func (s *Server) registerSyncTests() {
	register(s, endpoint{id: "test-sync", method: http.MethodPost, path: "/api/v1/syncs/{name}/tests", summary: "Send a few rows now, through the ledger; GET /api/v1/runs/{id}/exchanges has what was said", tag: "syncs", role: Operator, status: http.StatusAccepted},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Body struct {
				Keys []string `json:"keys,omitempty" maxItems:"10" doc:"Send the rows of these keys, changed or not"`
				Rows int      `json:"rows,omitempty" minimum:"0" maximum:"10" doc:"Or the first rows of the difference"`
			}
		}) (*body[SyncTestView], error) {
			if _, err := s.opts.Syncs.Sync(ctx, in.Name); err != nil {
				return nil, err
			}
			if err := s.audit(ctx, "test_sync", in.Name, fmt.Sprintf("%d keys, %d rows", len(in.Body.Keys), in.Body.Rows)); err != nil {
				return nil, err
			}
			r, keys, err := s.opts.Syncs.Test(ctx, in.Name, syncs.TestRows{Keys: in.Body.Keys, Rows: in.Body.Rows}, who(ctx).actor())
			if err != nil {
				return nil, err
			}
			return &body[SyncTestView]{SyncTestView{Run: viewRun(r, in.Name), Keys: keys}}, nil
		})
}
