package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	sq "github.com/Masterminds/squirrel"
	"github.com/google/uuid"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/syncs/erasure"
)

// ProfileView is everything that is known of one person.
type ProfileView struct {
	audiences.Profile
	Consents     []Consent     `json:"consents" doc:"By any of the person's identifiers"`
	Suppressions []Suppression `json:"suppressions" doc:"Any of them keeps the person from being sent anywhere"`
}

func (s *Server) registerProfiles() {
	register(s, endpoint{id: "get-profile", method: http.MethodGet, path: "/api/v1/profiles/{id}", summary: "One person by any identifier; masked for viewers", tag: "profiles", role: Viewer},
		func(ctx context.Context, in *struct {
			ID   string `path:"id" doc:"A profile id, user_id, anonymous_id or email; kind:value says which"`
			Kind string `query:"kind" enum:"profile_id,user_id,anonymous_id,email"`
		}) (*body[ProfileView], error) {
			if known := uuid.Validate(in.ID) == nil && (in.Kind == "" || in.Kind == "profile_id"); masked(ctx) && !known {
				return nil, problem(Forbidden, "Ask by profile id, or ask an operator.", "looking a person up by an identifier needs the role operator: it would tell who is known here")
			}
			identifier := in.ID
			if in.Kind != "" {
				identifier = in.Kind + ":" + in.ID
			}
			if err := s.auditRead(ctx, "read_profile", identifier); err != nil {
				return nil, err
			}
			found, err := s.opts.Audiences.Profile(ctx, identifier)
			if err != nil {
				return nil, err
			}
			out := ProfileView{Profile: found, Consents: []Consent{}, Suppressions: []Suppression{}}
			if err := s.readPrivacy(ctx, &out); err != nil {
				return nil, err
			}
			if masked(ctx) {
				out.mask(func(column string) bool { return calledPersonal(s.opts.Project(), column) })
			}
			return &body[ProfileView]{out}, nil
		})
}

// readPrivacy adds what the person agreed to and whether they are suppressed, by any of their identifiers.
func (s *Server) readPrivacy(ctx context.Context, p *ProfileView) error {
	ids := []Identifier{{Kind: "profile_id", Value: p.ProfileID}}
	for _, merged := range p.MergedFrom {
		ids = append(ids, Identifier{Kind: "profile_id", Value: merged})
	}
	for _, id := range p.Identifiers {
		ids = append(ids, Identifier{Kind: id.Kind, Value: id.Value})
	}
	var theirs sq.Or
	for _, id := range ids {
		theirs = append(theirs, sq.And{sq.Eq{"t.kind": id.Kind}, sq.Eq{"t.value": erasure.Identifier(id).Stored()}})
	}
	database := s.opts.DB.Database()
	for _, read := range []struct {
		dest  any
		query sq.SelectBuilder
	}{
		{&p.Consents, sq.Select("toString(t.kind) AS kind", "value", "toString(t.category) AS category", "toString(t.status) AS status", "toString(t.source) AS source", "at").
			From(database+".consents AS t FINAL").OrderBy("category", "at DESC")},
		{&p.Suppressions, sq.Select("toString(t.kind) AS kind", "value", "reason", "recorded_at").
			From(database+".suppressions AS t FINAL").Where("active").OrderBy("kind", "value")},
	} {
		text, args, err := read.query.Where(theirs).ToSql()
		if err != nil {
			return fmt.Errorf("building a profile's consents: %w", err)
		}
		if err := s.opts.DB.Select(ctx, read.dest, text, args...); err != nil {
			return fmt.Errorf("reading a profile's consents: %w", err)
		}
	}
	return nil
}

// mask hides every text value but the profile id, times and names of files and columns.
func (p *ProfileView) mask(personal func(column string) bool) {
	for i := range p.Identifiers {
		p.Identifiers[i].Value = maskText(p.Identifiers[i].Value)
	}
	for _, values := range []map[string]json.RawMessage{p.Fields, p.Traits} {
		for name, v := range values {
			if name != "profile_id" && !isTime(name) {
				values[name] = maskCell(v, personal(name))
			}
		}
	}
	for i := range p.Events {
		p.Events[i].Properties = maskRaw(p.Events[i].Properties)
		p.Events[i].MessageID = maskText(p.Events[i].MessageID)
	}
	for i := range p.Consents {
		p.Consents[i].Value = maskText(p.Consents[i].Value)
	}
	for i := range p.Suppressions {
		p.Suppressions[i].Value, p.Suppressions[i].Reason = maskText(p.Suppressions[i].Value), maskText(p.Suppressions[i].Reason)
	}
}

// isTime tells the view's own columns of time from traits.
func isTime(column string) bool { return strings.HasSuffix(column, "_seen_at") }
