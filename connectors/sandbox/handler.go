package sandbox

import (
	"fmt"
	"html"
	"net/http"
	"strings"
)

// Handler serves all stand-ins below one address, for the demo and for crash
// tests that need them in a process of their own: base_url is then
// http://127.0.0.1:PORT/hubspot, /mailchimp, /meta, /mixpanel or /webhook.
type Handler struct {
	HubSpot   *HubSpot
	Mailchimp *Mailchimp
	Meta      *Meta
	Mixpanel  *Mixpanel
	Webhook   *Webhook
	mux       *http.ServeMux
}

// NewHandler makes the stand-ins with the same options.
func NewHandler(o Options) *Handler {
	h := &Handler{HubSpot: NewHubSpot(o), Mailchimp: NewMailchimp(o), Meta: NewMeta(o), Mixpanel: NewMixpanel(o), Webhook: NewWebhook(o), mux: http.NewServeMux()}
	for name, s := range map[string]http.Handler{"hubspot": h.HubSpot, "mailchimp": h.Mailchimp, "meta": h.Meta, "mixpanel": h.Mixpanel, "webhook": h.Webhook} {
		h.mux.Handle("/"+name+"/", http.StripPrefix("/"+name, s))
		h.mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) {
			// A receiver's address has no path below it; pages need the slash.
			if r.Method == http.MethodGet {
				http.Redirect(w, r, "/"+name+"/", http.StatusFound)
				return
			}
			http.StripPrefix("/"+name, s).ServeHTTP(w, r)
		})
	}
	h.mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		var links strings.Builder
		for _, name := range []string{"hubspot", "mailchimp", "meta", "mixpanel", "webhook"} {
			_, _ = fmt.Fprintf(&links, `<li><a href="/%[1]s/">%[1]s</a>`, html.EscapeString(name)) // into memory
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>Stand-ins</title><h1>Stand-ins</h1>
<p>These are not the vendors: models in memory that Tailrace's demo and tests send to.</p><ul>%s</ul>`, links.String())
	})
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }
