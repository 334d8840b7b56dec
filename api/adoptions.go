package api

import (
	"context"
	"net/http"

	"github.com/tailrace/tailrace/syncs"
)

// registerAdoptions mounts the taking over of what a destination holds already.
func (s *Server) registerAdoptions() {
	register(s, endpoint{id: "adopt-members", method: http.MethodPost, path: "/api/v1/syncs/{name}/adoptions", summary: "Take what the destination holds already as sent by this sync; nothing is sent", tag: "syncs", role: Operator, maxBody: 10 << 20},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
			Body struct {
				Adoption string                `json:"adoption,omitempty" doc:"Of the part before"`
				Members  []syncs.AdoptedMember `json:"members,omitempty" maxItems:"10000"`
				More     bool                  `json:"more,omitempty" doc:"Another part follows; only keep this one"`
				List     bool                  `json:"list,omitempty" doc:"Ask the destination instead, where it can list"`
				Replace  bool                  `json:"replace,omitempty" doc:"Of a sync that has run: what isn't a member isn't held any more"`
				DryRun   bool                  `json:"dry_run,omitempty" doc:"Only count"`
			}
		}) (*body[syncs.Adoption], error) {
			out, err := s.opts.Syncs.Adopt(ctx, in.Name, syncs.Adopting{Adoption: in.Body.Adoption, Members: in.Body.Members, More: in.Body.More, List: in.Body.List,
				Replace: in.Body.Replace, DryRun: in.Body.DryRun, Actor: who(ctx).actor()}) // which audits
			if err != nil {
				return nil, err
			}
			return &body[syncs.Adoption]{out}, nil
		})
}
