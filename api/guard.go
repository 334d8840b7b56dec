package api

import (
	"encoding/json"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
)

// guard sets what holds for every request to the router from here on: headers, panics, unknown paths and methods.
// Bearer tokens are the only credentials, so a browser sends none by itself and cross-site requests need no check.
func (s *Server) guard(router *gin.Engine) {
	if err := router.SetTrustedProxies(nil); err != nil {
		s.log.Error("trusting no proxy", "error", err)
	}
	router.HandleMethodNotAllowed = true
	router.UseRawPath = true // an identifier in a path may hold an escaped slash
	router.Use(s.safely)
	router.NoRoute(func(c *gin.Context) {
		writeProblem(c.Writer, problem(NotFound, "/openapi.json lists the paths that there are.", "there is nothing at %s", c.Request.URL.Path))
	})
	router.NoMethod(func(c *gin.Context) {
		p := problem(Invalid, "Use one of the methods in the Allow header.", "%s isn't possible at %s", c.Request.Method, c.Request.URL.Path)
		p.Status, p.Title = http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed)
		writeProblem(c.Writer, p)
	})
}

// safely answers a panic with a problem document, or breaks the connection off where an answer has begun.
func (s *Server) safely(c *gin.Context) {
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "no-store")
	// A caller's trace goes on in ours, where tracing is configured.
	c.Request = c.Request.WithContext(otel.GetTextMapPropagator().Extract(c.Request.Context(), propagation.HeaderCarrier(c.Request.Header)))
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler || c.Writer.Written() {
			panic(http.ErrAbortHandler)
		}
		s.log.Error("panic in a request", "method", c.Request.Method, "path", c.FullPath(), "panic", cause, "stack", string(debug.Stack()))
		writeProblem(c.Writer, problem(Internal, "This is a bug; the server's log has it.", "the request could not be answered"))
		c.Abort()
	}()
	c.Next()
}

// writeProblem answers outside of huma.
func writeProblem(w http.ResponseWriter, p *Problem) {
	raw, err := json.Marshal(p)
	if err != nil {
		raw = []byte("{}")
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_, _ = w.Write(raw) // the client went away: nobody is left to be told
}
