package api

import (
	"context"
	"net/http"
	"time"

	sq "github.com/Masterminds/squirrel"
)

// Alert is something that needed a person, and whether the address in tailrace.yml took it.
type Alert struct {
	ID     string    `json:"id" ch:"alert_id"`
	Type   string    `json:"type" ch:"type" enum:"run.failed,run.partial,run.held,version.failed,version.held,ledger.restored"`
	Name   string    `json:"name" ch:"name" doc:"The sync, audience or trait"`
	Object string    `json:"object" ch:"object" doc:"The run or the version"`
	Text   string    `json:"text" ch:"text"`
	Next   string    `json:"next" ch:"next" doc:"What to do about it"`
	At     time.Time `json:"at" ch:"at"`
	State  string    `json:"state" ch:"state" enum:"pending,sent,given_up"`
	Tries  uint32    `json:"tries" ch:"tries"`
}

func (s *Server) registerAlerts() {
	register(s, endpoint{id: "list-alerts", method: http.MethodGet, path: "/api/v1/alerts", summary: "What needed a person, newest first", tag: "runs", role: Viewer},
		func(ctx context.Context, in *struct{ Paging }) (*body[page[Alert]], error) {
			q := sq.Select("alert_id", "toString(type) AS type", "name", "object", "text", "next", "at", "toString(state) AS state", "tries").
				From(s.opts.DB.Database()+".alerts FINAL").OrderBy("at DESC", "alert_id DESC")
			out, err := list(ctx, s, q, in.Paging, "(at, alert_id) < (parseDateTime64BestEffort(?, 3, 'UTC'), ?)", func(a Alert) []string {
				return []string{a.At.UTC().Format(time.RFC3339Nano), a.ID}
			})
			if err == nil && masked(ctx) {
				for i := range out.Body.Items {
					a := &out.Body.Items[i]
					a.Text, a.Next = maskWords(a.Text), maskWords(a.Next)
				}
			}
			return out, err
		})
}
