package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/warehouse"
)

// Options are what the API stands on. Every field is required unless it says otherwise.
type Options struct {
	DB        *warehouse.DB
	Tokens    *Tokens
	Audiences *audiences.Engine
	Syncs     *syncs.Engine
	Project   func() *project.Project                             // the last good project
	Reload    func(context.Context) (ReloadResult, error)         // read the project's files now
	Test      func(ctx context.Context, name string) (any, error) // one harmless call to a destination
	Ready     func(context.Context) Readiness
	Metrics   prometheus.Gatherer
	Now       func() time.Time
	Log       *slog.Logger
	Version   string
}

// ReloadResult is what a reload of the project found.
type ReloadResult struct {
	Hash        string               `json:"hash" doc:"Content hash of the project in force"`
	Published   bool                 `json:"published" doc:"False when the files have errors: the last good project stays in force"`
	Diagnostics []project.Diagnostic `json:"diagnostics"`
}

// Readiness is the state of each part that /readyz asks.
type Readiness struct {
	Ready    bool              `json:"ready"`
	Parts    map[string]string `json:"parts" doc:"Each part, and ok or what is wrong with it"`
	Warnings []string          `json:"warnings,omitempty" doc:"What works but is unsafe, such as a Redis without AOF"`
}

// Server is the API.
type Server struct {
	opts Options
	log  *slog.Logger
	huma huma.API
}

// New mounts the API on a gin router, which may hold other routes (the collector's) already.
func New(router *gin.Engine, o Options) *Server {
	huma.NewError = newHumaError
	cfg := huma.DefaultConfig("Tailrace", o.Version)
	cfg.Info.Description = "Warehouse-first reverse ETL: audiences as SQL, syncs that send only the difference."
	cfg.OpenAPIPath = "/openapi"
	cfg.DocsPath = ""
	cfg.SchemasPath = ""
	cfg.CreateHooks = nil
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	s := &Server{opts: o, log: o.Log, huma: humagin.New(router, cfg)}
	s.huma.UseMiddleware(s.authorize)
	s.registerHealth(router)
	s.registerTokens()
	s.registerConsents()
	s.registerQuery()
	s.registerProject()
	s.registerAudiences()
	s.registerSyncs()
	s.registerRuns()
	s.registerDestinations()
	s.registerProfiles()
	return s
}

// OpenAPI returns the document that /openapi.json serves.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.huma.OpenAPI() }

// endpoint describes one operation; its id is also the name in generated clients.
type endpoint struct {
	id, method, path, summary, tag string
	role                           Role
	status                         int
	hidden                         bool
}

// register adds an endpoint. A missing role is a mistake of ours: it stops the program at start, not at the first call.
func register[I, O any](s *Server, e endpoint, handle func(context.Context, *I) (*O, error)) {
	if rank[e.role] == 0 {
		panic("api: endpoint " + e.id + " names no role")
	}
	huma.Register(s.huma, huma.Operation{
		OperationID: e.id, Method: e.method, Path: e.path, Summary: e.summary, Tags: []string{e.tag},
		DefaultStatus: e.status, Hidden: e.hidden, Metadata: map[string]any{"role": e.role},
		Description: "Needs the role " + string(e.role) + ".",
		Security:    []map[string][]string{{"token": {}}},
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity},
	}, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.fail(err)
		}
		return out, nil
	})
}

// body is the answer of an endpoint.
type body[T any] struct{ Body T }

// page is one page of a list.
type page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Pass as ?cursor= for the next page; absent on the last one"`
}

// paging is the query of every list.
type paging struct {
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}
