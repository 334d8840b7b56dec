package api

import (
	"context"
	"net/http"
	"time"

	sq "github.com/Masterminds/squirrel"
)

// RejectedEvent is one event that was refused, with the bytes as received.
type RejectedEvent struct {
	ID         string    `json:"id" ch:"id"`
	Source     string    `json:"source" ch:"source"`
	Reason     string    `json:"reason" ch:"reason"`
	Rule       string    `json:"rule,omitempty" ch:"rule"`
	Pointer    string    `json:"pointer,omitempty" ch:"pointer" doc:"JSON pointer to the value at fault"`
	MessageID  string    `json:"message_id,omitempty" ch:"message_id"`
	ReceivedAt time.Time `json:"received_at" ch:"received_at"`
	Payload    string    `json:"payload" ch:"payload" doc:"As received; texts and numbers masked for viewers"`
}

// RejectedCount is how many events were refused for one reason.
type RejectedCount struct {
	Source  string    `json:"source" ch:"source"`
	Reason  string    `json:"reason" ch:"reason"`
	Rule    string    `json:"rule,omitempty" ch:"rule"`
	Events  uint64    `json:"events" ch:"events"`
	FirstAt time.Time `json:"first_at" ch:"first_at"`
	LastAt  time.Time `json:"last_at" ch:"last_at"`
}

// rejectedFilter narrows lists of rejected events.
type rejectedFilter struct{ source, reason, since string }

func (f rejectedFilter) apply(q sq.SelectBuilder) (sq.SelectBuilder, error) {
	if f.source != "" {
		q = q.Where(sq.Eq{"source": f.source})
	}
	if f.reason != "" {
		q = q.Where(sq.Eq{"reason": f.reason})
	}
	if f.since != "" {
		at, err := time.Parse(time.RFC3339, f.since)
		if err != nil {
			return q, problem(Invalid, "Write since as 2026-01-31T00:00:00Z.", "since: %q is no time", f.since)
		}
		q = q.Where("received_at >= ?", at.UTC())
	}
	return q, nil
}

func (s *Server) registerRejected() {
	table := s.opts.DB.Database() + ".events_rejected"
	register(s, endpoint{id: "list-rejected-events", method: http.MethodGet, path: "/api/v1/events/rejected", summary: "Events that were refused, newest first", tag: "events", role: Viewer},
		func(ctx context.Context, in *struct {
			Paging
			Source string `query:"source"`
			Reason string `query:"reason" enum:"too_large,too_deep,too_many_keys,batch_too_long,invalid_batch,invalid_event,invalid_type,unknown_type,missing_field,refused_by_warehouse,unreadable_record"`
			Since  string `query:"since" doc:"RFC 3339"`
		}) (*body[page[RejectedEvent]], error) {
			q, err := rejectedFilter{in.Source, in.Reason, in.Since}.apply(
				sq.Select("toString(id) AS id", "toString(source) AS source", "toString(reason) AS reason", "rule", "pointer", "message_id", "received_at", "payload").
					From(table+" AS r").OrderBy("r.received_at DESC", "r.id DESC"))
			if err != nil {
				return nil, err
			}
			if err := s.auditRead(ctx, "read_rejected_events", in.Source); err != nil {
				return nil, err
			}
			out, err := list(ctx, s, q, in.Paging, "(r.received_at, r.id) < (parseDateTime64BestEffort(?, 3, 'UTC'), toUUID(?))", func(e RejectedEvent) []string {
				return []string{e.ReceivedAt.UTC().Format(time.RFC3339Nano), e.ID}
			})
			if err != nil {
				return nil, err
			}
			if masked(ctx) {
				for i := range out.Body.Items {
					e := &out.Body.Items[i]
					e.Payload, e.MessageID, e.Pointer = maskDocument(e.Payload), maskText(e.MessageID), maskWords(e.Pointer)
				}
			}
			return out, nil
		})
	register(s, endpoint{id: "count-rejected-events", method: http.MethodGet, path: "/api/v1/events/rejected/counts", summary: "How many events were refused, by source, reason and rule", tag: "events", role: Viewer},
		func(ctx context.Context, in *struct {
			Source string `query:"source"`
			Reason string `query:"reason" enum:"too_large,too_deep,too_many_keys,batch_too_long,invalid_batch,invalid_event,invalid_type,unknown_type,missing_field,refused_by_warehouse,unreadable_record"`
			Since  string `query:"since" doc:"RFC 3339"`
		}) (*body[page[RejectedCount]], error) {
			q, err := rejectedFilter{in.Source, in.Reason, in.Since}.apply(
				sq.Select("toString(r.source) AS source", "toString(r.reason) AS reason", "rule", "count() AS events", "min(received_at) AS first_at", "max(received_at) AS last_at").
					From(table+" AS r").GroupBy("r.source", "r.reason", "rule").OrderBy("events DESC", "source", "reason", "rule"))
			if err != nil {
				return nil, err
			}
			return list(ctx, s, q, Paging{Limit: 1000}, "", func(RejectedCount) []string { return nil })
		})
}
