package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	sq "github.com/Masterminds/squirrel"
	"github.com/danielgtaylor/huma/v2"

	"github.com/tailrace/tailrace/syncs/erasure"
)

// ErasureView is an erasure with its receipts and what was found afterwards.
type ErasureView struct {
	erasure.Erasure
	Receipts []erasure.RemovalReceipt `json:"receipts" doc:"One for each destination that was sent something of them"`
	Checks   []erasure.PlaceCheck     `json:"checks" doc:"The newest look at each place, those first where something was found"`
}

// PersonID names a person by one identifier; all that the person is known by is found from it.
type PersonID struct {
	Kind  string `json:"kind" enum:"profile_id,user_id,anonymous_id,email"`
	Value string `json:"value" minLength:"1" maxLength:"1024"`
}

// people are identifiers as the erasure engine takes them.
func people(in []PersonID) []erasure.Identifier {
	out := make([]erasure.Identifier, len(in))
	for i, id := range in {
		out[i] = erasure.Identifier{Kind: id.Kind, Value: id.Value}
	}
	return out
}

// erasureProblem says what is wrong with which identifier.
func erasureProblem(err error) error {
	var bad *erasure.IdentifierError
	switch {
	case errors.As(err, &bad):
		p := problem(Invalid, "Name one person by it: email:ada@example.com, user_id:42, anonymous_id:… or profile_id:….", "%s", bad)
		p.Errors = []Flaw{{Location: fmt.Sprintf("body.items[%d]", bad.Item), Message: bad.Reason}}
		return p
	case errors.Is(err, erasure.ErrNotFound):
		return problem(NotFound, "`tailrace erase list` lists the erasures.", "there is no such erasure")
	}
	return err
}

func (s *Server) erasureView(ctx context.Context, id string) (*body[ErasureView], error) {
	x, err := s.opts.Erasures.Get(ctx, id)
	if err != nil {
		return nil, erasureProblem(err)
	}
	out := ErasureView{Erasure: x}
	if out.Receipts, err = s.opts.Erasures.Receipts(ctx, id); err != nil {
		return nil, err
	}
	if out.Checks, err = s.opts.Erasures.Checks(ctx, id); err != nil {
		return nil, err
	}
	return &body[ErasureView]{out}, nil
}

func (s *Server) registerErasures() {
	register(s, endpoint{id: "create-erasure", method: http.MethodPost, path: "/api/v1/erasures", summary: "Erase people here and in every destination", tag: "privacy", role: Officer, status: http.StatusAccepted, maxBody: 10 << 20},
		func(ctx context.Context, in *struct {
			Body struct {
				Items  []PersonID `json:"items" minItems:"1" maxItems:"10000" doc:"Each names one person, and all that the person is known by goes"`
				Reason string     `json:"reason,omitempty" maxLength:"200" doc:"For the record, such as a ticket's number; it must name nobody" example:"request 4711"`
			}
		}) (*body[ErasureView], error) {
			if err := s.auditPeople(ctx, "erase", fmt.Sprintf("%d people", len(in.Body.Items)), people(in.Body.Items)); err != nil {
				return nil, err
			}
			x, err := s.opts.Erasures.Request(ctx, people(in.Body.Items), who(ctx).actor(), in.Body.Reason)
			if err != nil {
				return nil, erasureProblem(err)
			}
			return s.erasureView(ctx, x.ID)
		})
	register(s, endpoint{id: "list-erasures", method: http.MethodGet, path: "/api/v1/erasures", summary: "List erasures, newest first", tag: "privacy", role: Officer},
		func(ctx context.Context, in *struct{ Paging }) (*body[page[erasure.Erasure]], error) {
			q := sq.Select("e.erasure_id AS erasure_id", "max(e.seq) AS seq", "argMax(toString(e.state), e.seq) AS state", "max(e.at) AS at", "argMax(e.actor, e.seq) AS actor",
				"argMax(e.reason, e.seq) AS reason", "max(e.people) AS people", "argMax(e.counts, e.seq) AS counts", "argMax(e.error, e.seq) AS error").
				From(s.opts.DB.Database() + ".erasures AS e").GroupBy("erasure_id").OrderBy("erasure_id DESC")
			return list(ctx, s, q, in.Paging, "e.erasure_id < ?", func(x erasure.Erasure) []string { return []string{x.ID} })
		})
	register(s, endpoint{id: "get-erasure", method: http.MethodGet, path: "/api/v1/erasures/{id}", summary: "One erasure with its receipts and checks", tag: "privacy", role: Officer},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		}) (*body[ErasureView], error) {
			return s.erasureView(ctx, in.ID)
		})
	register(s, endpoint{id: "verify-erasure", method: http.MethodPost, path: "/api/v1/erasures/{id}/verify", summary: "Look again for erased people in every table and file", tag: "privacy", role: Officer, maxBody: 10 << 20},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body struct {
				Items []PersonID `json:"items" minItems:"1" maxItems:"10000" doc:"Each names one person, by any identifier"`
			}
		}) (*body[ErasureView], error) {
			if err := s.auditPeople(ctx, "verify_erasure", in.ID, people(in.Body.Items)); err != nil {
				return nil, err
			}
			if _, err := s.opts.Erasures.Verify(ctx, in.ID, people(in.Body.Items)); err != nil {
				return nil, erasureProblem(err)
			}
			return s.erasureView(ctx, in.ID)
		})
	register(s, endpoint{id: "export-person", method: http.MethodPost, path: "/api/v1/exports", summary: "Everything that is known of people, one JSON object a line", tag: "privacy", role: Officer, streams: "application/x-ndjson"},
		func(ctx context.Context, in *struct {
			Body struct {
				Items []PersonID `json:"items" minItems:"1" maxItems:"10000" doc:"Each names one person, by any identifier"`
			}
		}) (*huma.StreamResponse, error) {
			if err := s.auditPeople(ctx, "export_person", fmt.Sprintf("%d people", len(in.Body.Items)), people(in.Body.Items)); err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(out huma.Context) {
				w := &countingWriter{w: out.BodyWriter()}
				out.SetHeader("Content-Type", formatType("JSONEachRow"))
				if err := s.opts.Erasures.Export(ctx, w, people(in.Body.Items)); err != nil {
					s.streamFailed(out, w, erasureProblem(err))
				}
			}}, nil
		})
}
