package collector

import (
	"io/fs"
	"net/http"
	"os"
	"regexp"
)

const (
	// standalone is the build of Segment's browser SDK that the snippet loads,
	// as its npm package names it.
	standalone = "standalone.js"
	maxScript  = 4 << 20

	noScript = "Segment's snippet loads its SDK from here, and none is installed: install @segment/analytics-next from npm and " +
		"start the server with TAILRACE_ANALYTICS_JS set to its dist/umd, or bundle the package with the page."
)

// bundleName is what the SDK asks for when it needs a further part of itself.
var bundleName = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.js$`)

// snippetScript serves Segment's browser SDK from the configured folder, under
// the path that the snippet asks for, to pages with a known key.
func (c *Collector) snippetScript(w http.ResponseWriter, r *http.Request, key string) {
	if _, ok := c.settingsSource(w, r, key, http.StatusNotFound); ok {
		c.script(w, standalone, "public, max-age=300")
	}
}

// bundle serves a further part of the SDK; its name holds the hash of what is
// in it, so it may be kept.
func (c *Collector) bundle(w http.ResponseWriter, r *http.Request, name string) {
	allowOrigin(w, r)
	if !bundleName.MatchString(name) {
		refuse(w, http.StatusNotFound, "The SDK has no such part.")
		return
	}
	c.script(w, name, "public, max-age=31536000, immutable")
}

func (c *Collector) script(w http.ResponseWriter, name, cache string) {
	if c.opts.AnalyticsJS == "" {
		refuse(w, http.StatusNotFound, noScript)
		return
	}
	text, err := readScript(c.opts.AnalyticsJS, name)
	if err != nil {
		c.opts.Log.Warn("serving Segment's browser SDK", "file", name, "err", err)
		refuse(w, http.StatusNotFound, noScript)
		return
	}
	h := w.Header()
	h["Content-Type"] = []string{"text/javascript; charset=utf-8"}
	h["Cache-Control"] = []string{cache}
	write(w, http.StatusOK, text)
}

// readScript reads a file of a folder, and never one outside of it.
func readScript(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	text, err := readSmall(root.FS(), name)
	if closing := root.Close(); err == nil {
		err = closing
	}
	return text, err
}

func readSmall(files fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(files, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxScript {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	return fs.ReadFile(files, name)
}
