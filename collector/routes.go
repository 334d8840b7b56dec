package collector

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// endpoints are the tracking paths of Segment's HTTP API, of its browser SDK
// (the short ones), and of the SDKs that have their own.
var endpoints = map[string]endpoint{
	"/v1/track": {"track"}, "/v1/identify": {"identify"}, "/v1/page": {"page"},
	"/v1/screen": {"screen"}, "/v1/group": {"group"}, "/v1/alias": {"alias"},
	"/v1/t": {"track"}, "/v1/i": {"identify"}, "/v1/p": {"page"},
	"/v1/s": {"screen"}, "/v1/g": {"group"}, "/v1/a": {"alias"},
	"/v1/batch": {}, "/v1/import": {}, "/v1/b": {},
	"/beacon/v1/batch": {}, // RudderStack, when a page is left
	"/api/s/s2s/track": {"track"}, "/api/s/s2s/identify": {"identify"}, "/api/s/s2s/page": {"page"},
	"/api/s/s2s/screen": {"screen"}, "/api/s/s2s/group": {"group"}, "/api/s/s2s/alias": {"alias"}, // Jitsu, Node
	"/api/s/track": {"track"}, "/api/s/identify": {"identify"}, "/api/s/page": {"page"},
	"/api/s/screen": {"screen"}, "/api/s/group": {"group"}, "/api/s/alias": {"alias"}, // Jitsu, browser
}

// Where Segment's snippet and its SDK look for scripts.
const (
	snippetPath = "/analytics.js/v1/:key/analytics.min.js"
	bundlePath  = "/analytics-next/bundles/:file"
)

// Routes mounts the tracking endpoints and the settings documents that browser
// SDKs ask for. They need no authentication in front of them: each request
// brings its write key.
func (c *Collector) Routes(r gin.IRouter) {
	for path, ep := range endpoints {
		r.POST(path, func(g *gin.Context) { c.accept(g.Writer, g.Request, ep) })
		r.OPTIONS(path, func(g *gin.Context) { preflight(g.Writer, g.Request) })
	}
	for _, path := range []string{"/v1/m", "/sourceConfig", "/sourceConfig/", "/v1/projects/:key/settings", snippetPath, bundlePath} {
		r.OPTIONS(path, func(g *gin.Context) { preflight(g.Writer, g.Request) })
	}
	r.POST("/v1/m", func(g *gin.Context) { c.metricsSink(g.Writer, g.Request) })
	r.GET("/v1/projects/:key/settings", func(g *gin.Context) { c.segmentSettings(g.Writer, g.Request, g.Param("key")) })
	r.GET(snippetPath, func(g *gin.Context) { c.snippetScript(g.Writer, g.Request, g.Param("key")) })
	r.GET(bundlePath, func(g *gin.Context) { c.bundle(g.Writer, g.Request, g.Param("file")) })
	r.GET("/sourceConfig", func(g *gin.Context) { c.rudderSettings(g.Writer, g.Request) })
	r.GET("/sourceConfig/", func(g *gin.Context) { c.rudderSettings(g.Writer, g.Request) })
}

// Handler returns the endpoints of Routes as a handler of their own.
func (c *Collector) Handler() http.Handler {
	router := gin.New()
	router.RedirectTrailingSlash = false
	c.Routes(router)
	return router
}

// preflight answers a CORS preflight without any work: browsers send one per
// event in a burst, whatever Max-Age says. Whether a source takes the origin is
// decided on the request itself, which brings the key.
func preflight(w http.ResponseWriter, r *http.Request) {
	allowOrigin(w, r)
	h := w.Header()
	h["Access-Control-Allow-Methods"] = []string{"GET, POST, OPTIONS"}
	headers := r.Header.Get("Access-Control-Request-Headers")
	if headers == "" {
		headers = "Authorization, Content-Type"
	}
	h["Access-Control-Allow-Headers"] = []string{headers}
	h["Access-Control-Max-Age"] = []string{"86400"}
	w.WriteHeader(http.StatusNoContent)
}

// allowOrigin echoes the origin: credentials and * don't go together.
func allowOrigin(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header["Origin"]; len(origin) > 0 && origin[0] != "" {
		h := w.Header()
		h["Access-Control-Allow-Origin"] = origin[:1]
		h["Access-Control-Allow-Credentials"] = []string{"true"}
		h["Vary"] = []string{"Origin"}
	}
}

func withdrawOrigin(w http.ResponseWriter) {
	w.Header().Del("Access-Control-Allow-Origin")
	w.Header().Del("Access-Control-Allow-Credentials")
}
