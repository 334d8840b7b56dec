package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const (
	progressEvery = 500 * time.Millisecond // how often a watched run is looked at
	progressAlive = 15 * time.Second       // a comment keeps proxies from closing a quiet stream
)

func (s *Server) registerProgress() {
	register(s, endpoint{id: "watch-run", method: http.MethodGet, path: "/api/v1/runs/{id}/events", summary: "Follow a run as server-sent events until it is over; each is the run, its id the transition's number", tag: "runs", role: Viewer, streams: "text/event-stream"},
		func(ctx context.Context, in *runByID) (*huma.StreamResponse, error) {
			if _, err := s.opts.Syncs.Run(ctx, in.ID); err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(out huma.Context) {
				out.SetHeader("Content-Type", "text/event-stream")
				if err := s.follow(ctx, out, in.ID); err != nil && ctx.Err() == nil {
					s.log.Warn("following a run", "run", in.ID, "error", err)
				}
			}}, nil
		})
}

// follow writes the run whenever it took a step, until it is over or the client goes away.
func (s *Server) follow(ctx context.Context, out huma.Context, id string) error {
	w := out.BodyWriter()
	flush := func() {}
	if f, ok := w.(http.Flusher); ok {
		flush = f.Flush
	}
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	seen, quietSince := uint32(0), time.Now()
	for {
		r, err := s.run(ctx, id)
		if err != nil {
			return err
		}
		switch {
		case r.Seq != seen:
			raw, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("encoding a run: %w", err)
			}
			if _, err := fmt.Fprintf(w, "id: %d\nevent: run\ndata: %s\n\n", r.Seq, raw); err != nil {
				return err
			}
			seen, quietSince = r.Seq, time.Now()
			flush()
		case time.Since(quietSince) > progressAlive:
			if _, err := fmt.Fprint(w, ": still "+string(r.State)+"\n\n"); err != nil {
				return err
			}
			quietSince = time.Now()
			flush()
		}
		if r.Over {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
