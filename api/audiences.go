package api

import (
	"context"
	"net/http"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

// kinds are what is materialized, with the plural that its paths begin with.
var kinds = []struct {
	kind   project.Kind
	plural string
}{{project.KindAudience, "audiences"}, {project.KindTrait, "traits"}}

func (s *Server) registerAudiences() {
	for _, k := range kinds {
		s.registerDefinitions(k.kind, k.plural)
		s.registerMembers(k.kind, k.plural)
		s.registerVerification(k.kind, k.plural)
	}
	s.registerHistory()
	s.registerMaterializations()
}

// registerDefinitions mounts what is known of traits or audiences, and their versions.
func (s *Server) registerDefinitions(kind project.Kind, plural string) {
	one := string(kind)
	register(s, endpoint{id: "list-" + plural, method: http.MethodGet, path: "/api/v1/" + plural, summary: "List " + plural + " and how they stand", tag: plural, role: Viewer},
		func(ctx context.Context, _ *struct{}) (*body[page[audiences.Definition]], error) {
			all, err := s.opts.Audiences.Definitions(ctx, kind)
			for i := range all {
				maskDefinition(ctx, &all[i])
			}
			return pageOf(s, all, ""), err
		})
	register(s, endpoint{id: "get-" + one, method: http.MethodGet, path: "/api/v1/" + plural + "/{name}", summary: "One " + one + ", with its SQL", tag: plural, role: Viewer},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
		}) (*body[audiences.Definition], error) {
			d, err := s.opts.Audiences.Definition(ctx, kind, in.Name)
			maskDefinition(ctx, &d)
			return &body[audiences.Definition]{d}, err
		})
	register(s, endpoint{id: "list-" + one + "-versions", method: http.MethodGet, path: "/api/v1/" + plural + "/{name}/versions", summary: "Versions of one " + one + ", newest first", tag: plural, role: Viewer},
		func(ctx context.Context, in *struct {
			Paging
			Name  string            `path:"name"`
			State []audiences.State `query:"state" enum:"queued,computing,computed,checked,held,published,unchanged,discarded,failed,superseded" doc:"Only versions in one of these states"`
		}) (*body[page[audiences.Materialization]], error) {
			if _, err := s.opts.Audiences.Definition(ctx, kind, in.Name); err != nil {
				return nil, err
			}
			found, err := s.opts.Audiences.Versions(ctx, kind, in.Name, audiences.VersionsOptions{States: in.State, Cursor: in.Cursor, Limit: in.Limit})
			if masked(ctx) {
				for i := range found.Items {
					maskStates(&found.Items[i])
				}
			}
			return pageOf(s, found.Items, found.Next), err
		})
	register(s, endpoint{id: "materialize-" + one, method: http.MethodPost, path: "/api/v1/" + plural + "/{name}/materializations", summary: "Compute a new version now", tag: plural, role: Operator, status: http.StatusAccepted},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
		}) (*body[audiences.Materialization], error) {
			if _, err := s.opts.Audiences.Definition(ctx, kind, in.Name); err != nil {
				return nil, err
			}
			if err := s.audit(ctx, "materialize", one+"/"+in.Name, ""); err != nil {
				return nil, err
			}
			m, err := s.opts.Audiences.Start(ctx, kind, in.Name, audiences.StartOptions{Trigger: audiences.Trigger(who(ctx).trigger()), Actor: who(ctx).actor()})
			return &body[audiences.Materialization]{m}, err
		})
}

// registerVerification mounts the proof that incremental versions are what full ones would be.
func (s *Server) registerVerification(kind project.Kind, plural string) {
	one := string(kind)
	register(s, endpoint{id: "verify-" + one, method: http.MethodPost, path: "/api/v1/" + plural + "/{name}/verify", summary: "Compute an incremental " + one + " in full too, and compare; publishes nothing", tag: plural, role: Operator},
		func(ctx context.Context, in *struct {
			Name string `path:"name"`
		}) (*body[audiences.Verification], error) {
			if _, err := s.opts.Audiences.Definition(ctx, kind, in.Name); err != nil {
				return nil, err
			}
			// The answer holds rows of people.
			if err := s.audit(ctx, "verify", one+"/"+in.Name, ""); err != nil {
				return nil, err
			}
			v, err := s.opts.Audiences.Verify(ctx, kind, in.Name)
			return &body[audiences.Verification]{v}, err
		})
}

// registerMaterializations mounts one version by its id, and what a person decides about a held one.
func (s *Server) registerMaterializations() {
	type byID struct {
		ID string `path:"id"`
	}
	register(s, endpoint{id: "get-materialization", method: http.MethodGet, path: "/api/v1/materializations/{id}", summary: "One version of a trait or audience", tag: "materializations", role: Viewer},
		func(ctx context.Context, in *byID) (*body[audiences.Materialization], error) {
			m, err := s.opts.Audiences.Materialization(ctx, in.ID)
			if masked(ctx) {
				maskStates(&m)
			}
			return &body[audiences.Materialization]{m}, err
		})
	for _, d := range []struct {
		verb, summary string
		do            func(context.Context, string, string) (audiences.Materialization, error)
	}{
		{"approve", "Publish a held version", s.opts.Audiences.Approve},
		{"discard", "Discard a held version", s.opts.Audiences.Discard},
	} {
		register(s, endpoint{id: d.verb + "-materialization", method: http.MethodPost, path: "/api/v1/materializations/{id}/" + d.verb, summary: d.summary, tag: "materializations", role: Operator},
			func(ctx context.Context, in *byID) (*body[audiences.Materialization], error) {
				if _, err := s.opts.Audiences.Materialization(ctx, in.ID); err != nil {
					return nil, err
				}
				if err := s.audit(ctx, d.verb+"_materialization", in.ID, ""); err != nil {
					return nil, err
				}
				m, err := d.do(ctx, in.ID, who(ctx).actor())
				return &body[audiences.Materialization]{m}, err
			})
	}
}

// maskDefinition hides from viewers what may name a person in why it is stale.
func maskDefinition(ctx context.Context, d *audiences.Definition) {
	if masked(ctx) {
		d.StaleCause = maskWords(d.StaleCause)
		maskStates(d.Published, d.Last)
	}
}
