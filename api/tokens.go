package api

import (
	"context"
	"net/http"
)

func (s *Server) registerTokens() {
	register(s, endpoint{id: "list-tokens", method: http.MethodGet, path: "/api/v1/tokens", summary: "List API tokens", tag: "tokens", role: Admin},
		func(ctx context.Context, _ *struct{}) (*body[page[Token]], error) {
			all, err := s.opts.Tokens.List(ctx)
			return pageOf(s, all, ""), err
		})
	register(s, endpoint{id: "create-token", method: http.MethodPost, path: "/api/v1/tokens", summary: "Create an API token; its secret is in this answer only", tag: "tokens", role: Admin, status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			Body struct {
				Name string `json:"name" minLength:"1" maxLength:"200"`
				Role Role   `json:"role" enum:"viewer,operator,officer,admin"`
			}
		}) (*body[NewToken], error) {
			if err := s.audit(ctx, "create_token", in.Body.Name, string(in.Body.Role)); err != nil {
				return nil, err
			}
			tok, secret, err := s.opts.Tokens.Create(ctx, in.Body.Name, in.Body.Role, who(ctx).actor())
			return &body[NewToken]{NewToken{Token: tok, Secret: secret}}, err
		})
	register(s, endpoint{id: "revoke-token", method: http.MethodDelete, path: "/api/v1/tokens/{id}", summary: "Revoke an API token", tag: "tokens", role: Admin, status: http.StatusNoContent},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		}) (*struct{}, error) {
			if err := s.audit(ctx, "revoke_token", in.ID, ""); err != nil {
				return nil, err
			}
			return &struct{}{}, s.opts.Tokens.Revoke(ctx, in.ID)
		})
	register(s, endpoint{id: "whoami", method: http.MethodGet, path: "/api/v1/whoami", summary: "Who the token is", tag: "tokens", role: Viewer},
		func(ctx context.Context, _ *struct{}) (*body[Identity], error) {
			return &body[Identity]{who(ctx)}, nil
		})
}

// NewToken is a token with its secret, as it is shown once.
type NewToken struct {
	Token
	Secret string `json:"secret" doc:"Send it as Authorization: Bearer <secret>"`
}
