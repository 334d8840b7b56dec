package api

//go:generate go test -count=1 -run ^TestOpenAPI$ . -update

import (
	"context"
	"crypto/cipher"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/collector"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/syncs/audit"
	"github.com/tailrace/tailrace/syncs/erasure"
	"github.com/tailrace/tailrace/warehouse"
)

// Options are what the API stands on. Every field is required unless it says otherwise.
type Options struct {
	DB        *warehouse.DB
	Tokens    *Tokens
	Audiences *audiences.Audiences
	Syncs     *syncs.Engine
	Erasures  *erasure.Engine
	Project   func() *project.Project                     // the last good project
	Reload    func(context.Context) (ReloadResult, error) // read the project's files now
	// Test makes one harmless call to a destination and returns its connectors.Account; connectors.ErrUnsupported where
	// its connector knows none.
	Test    func(ctx context.Context, name string) (any, error)
	Ready   func(context.Context) Readiness
	Metrics prometheus.Gatherer
	Now     func() time.Time
	Log     *slog.Logger
	Version string

	// Collector tells the collector's numbers; nil where this process has none.
	Collector func() collector.Stats
	// LastReload tells what the last reload found; nil, or an answer of nil, where there was none.
	LastReload func() *ReloadResult
	// Validate checks a bundle (project.Project.Bundle) without bringing it into force; nil where that isn't offered.
	Validate func(ctx context.Context, bundle []byte) (project.Diagnostics, error)
}

// ReloadResult is what a reload of the project found.
type ReloadResult struct {
	Hash        string              `json:"hash" doc:"Content hash of the project in force"`
	Published   bool                `json:"published" doc:"False when the files have errors: the last good project stays in force"`
	Diagnostics project.Diagnostics `json:"diagnostics"`
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
	seal cipher.AEAD // of viewers' cursors

	auditLog  *audit.Log
	strangers *strangers // who brings wrong tokens
}

// setLibrary gives huma our form of errors, and lists that are never null, once a process: they are its variables.
var setLibrary sync.Once

// New mounts the API on a gin router, which may hold other routes (the collector's) already.
func New(router *gin.Engine, o Options) *Server {
	setLibrary.Do(func() { huma.NewError, huma.DefaultArrayNullable = newHumaError, false })
	cfg := huma.DefaultConfig("Tailrace", o.Version)
	cfg.Info.Description = "Warehouse-first reverse ETL: audiences as SQL, syncs that send only the difference."
	cfg.OpenAPIPath = "/openapi"
	// curl -d says form data where JSON is meant; with bearer tokens nothing is at stake in believing the bytes.
	cfg.Formats = maps.Clone(cfg.Formats)
	cfg.Formats["application/x-www-form-urlencoded"] = huma.DefaultJSONFormat
	cfg.DocsPath = ""
	cfg.SchemasPath = ""
	cfg.CreateHooks = nil
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	seal, err := newSeal()
	if err != nil {
		panic(err) // the system has no randomness
	}
	s := &Server{opts: o, log: o.Log, seal: seal, auditLog: audit.NewLog(o.DB, o.Now), strangers: newStrangers(o.Now)}
	s.guard(router)
	s.huma = humagin.New(router, cfg)
	s.huma.UseMiddleware(s.authorize)
	s.registerHealth(router)
	s.registerTokens()
	s.registerConsents()
	s.registerErasures()
	s.registerQuery()
	s.registerCatalog()
	s.registerProject()
	s.registerExternal()
	s.registerHooks()
	s.registerAudiences()
	s.registerSyncs()
	s.registerLedger()
	s.registerSyncTests()
	s.registerAdoptions()
	s.registerRuns()
	s.registerProfiles()
	s.registerDestinations()
	s.registerCollector()
	s.registerRejected()
	s.registerAudit()
	s.registerAlerts()
	return s
}

// OpenAPI returns the document that /openapi.json serves.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.huma.OpenAPI() }

// endpoint describes one operation; its id is also the name in generated clients.
type endpoint struct {
	id, method, path, summary, tag string
	role                           Role
	status                         int
	maxBody                        int64  // bytes; zero means 1 MB
	streams                        string // media type of an answer that streams
}

// register adds an endpoint. A missing role is a mistake of ours: it stops the program at start, not at the first call.
func register[I, O any](s *Server, e endpoint, handle func(context.Context, *I) (*O, error)) {
	if rank[e.role] == 0 {
		panic("api: endpoint " + e.id + " names no role")
	}
	op := huma.Operation{
		OperationID: e.id, Method: e.method, Path: e.path, Summary: e.summary, Tags: []string{e.tag},
		DefaultStatus: e.status, MaxBodyBytes: e.maxBody, Metadata: map[string]any{"role": e.role},
		Extensions:  map[string]any{"x-role": e.role},
		Description: "Needs the role " + string(e.role) + ".",
		Security:    []map[string][]string{{"token": {}}},
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity},
	}
	if e.streams != "" {
		op.Responses = map[string]*huma.Response{"200": {Description: "The answer, as it streams",
			Content: map[string]*huma.MediaType{e.streams: {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	}
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		ctx, span := otel.Tracer("tailrace/api").Start(ctx, e.id, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		out, err := handle(ctx, in)
		if err != nil {
			span.SetStatus(codes.Error, "")
			return nil, s.fail(err)
		}
		return out, nil
	})
}

// body is the answer of an endpoint.
type body[T any] struct{ Body T }

// page is one page of a list.
type page[T any] struct {
	Items      []T       `json:"items"`
	NextCursor string    `json:"next_cursor,omitempty" doc:"Pass as ?cursor= for the next page; absent on the last one"`
	AsOf       time.Time `json:"as_of" doc:"When this was read"`
}

// pageOf makes a page that is never null.
func pageOf[T any](s *Server, items []T, next string) *body[page[T]] {
	if items == nil {
		items = []T{}
	}
	return &body[page[T]]{page[T]{Items: items, NextCursor: next, AsOf: s.opts.Now().UTC()}}
}

// Paging is the query of every list.
type Paging struct {
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}
