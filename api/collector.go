package api

import (
	"context"
	"net/http"
	"time"
)

// CollectorStats is where accepted events are. pending_bytes is 0 when all of them are in the warehouse.
type CollectorStats struct {
	Accepted     uint64     `json:"accepted" doc:"Events answered with 200 since this process started"`
	Rejected     uint64     `json:"rejected" doc:"Events set aside in events_rejected since then"`
	Loaded       uint64     `json:"loaded" doc:"Events written to events_raw since then"`
	Duplicates   uint64     `json:"duplicates" doc:"Events whose message id was there already"`
	LogBytes     int64      `json:"log_bytes" doc:"Size of the log on disk"`
	PendingBytes int64      `json:"pending_bytes" doc:"Bytes of the log that are not in the warehouse yet"`
	LogFill      float64    `json:"log_fill" doc:"Share of the log's cap that is used, 0 to 1"`
	LastLoad     *time.Time `json:"last_load,omitempty"`
	LastError    string     `json:"last_error,omitempty" doc:"What keeps events from being loaded; they are safe in the log"`
}

func (s *Server) registerCollector() {
	register(s, endpoint{id: "get-collector", method: http.MethodGet, path: "/api/v1/collector", summary: "Where accepted events are", tag: "events", role: Viewer},
		func(context.Context, *struct{}) (*body[CollectorStats], error) {
			if s.opts.Collector == nil {
				return nil, problem(Unavailable, "Ask a process that runs the role collector.", "this process collects no events")
			}
			st := s.opts.Collector()
			out := CollectorStats{Accepted: st.Accepted, Rejected: st.Rejected, Loaded: st.Loaded, Duplicates: st.Duplicates,
				LogBytes: st.LogBytes, PendingBytes: st.PendingBytes, LogFill: st.LogFill, LastError: st.LastError}
			if !st.LastLoad.IsZero() {
				at := st.LastLoad.UTC()
				out.LastLoad = &at
			}
			return &body[CollectorStats]{out}, nil
		})
}
