package hubspot

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tailrace/tailrace/connectors"
)

var versionPattern = regexp.MustCompile(`^(v[0-9]+|20[0-9]{2}-[0-9]{2})$`)

// Writer writes to one account. It is safe for concurrent use.
type Writer struct {
	base    string
	version string
	token   connectors.Secret
	zone    *time.Location
	env     connectors.Env
}

var (
	_ connectors.Writer  = (*Writer)(nil)
	_ connectors.Looker  = (*Writer)(nil)
	_ connectors.Tester  = (*Writer)(nil)
	_ connectors.Counter = (*Writer)(nil)
	_ connectors.Lister  = (*Writer)(nil)
	_ connectors.Sizer   = (*Writer)(nil)
)

func open(c *Config, env connectors.Env) (*Writer, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("loading the time zone: %w", err)
	}
	return &Writer{base: c.Address(), version: c.APIVersion, token: c.Credentials.AccessToken, zone: zone, env: env}, nil
}

// Write implements connectors.Writer.
func (w *Writer) Write(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	switch {
	case b.Object == List:
		return w.writeList(ctx, b)
	case b.Action == connectors.Delete && b.Erase:
		return w.erase(ctx, b)
	case b.Action == connectors.Delete:
		return w.archive(ctx, b)
	}
	return w.writeContacts(ctx, b)
}

// objects and lists give the paths in the shape of the API's version: v3 has
// its version first, the dated ones have it after the product.
func (w *Writer) objects(rest string) string {
	if strings.HasPrefix(w.version, "v") {
		return w.base + "/crm/" + w.version + "/objects/contacts/" + rest
	}
	return w.base + "/crm/objects/" + w.version + "/contacts/" + rest
}

func (w *Writer) lists(id, rest string) string {
	if strings.HasPrefix(w.version, "v") {
		return w.base + "/crm/" + w.version + "/lists/" + url.PathEscape(id) + rest
	}
	return w.base + "/crm/lists/" + w.version + "/" + url.PathEscape(id) + rest
}

// call sends one request; body nil for none.
func (w *Writer) call(ctx context.Context, method, address string, body any, reads bool) (*connectors.Reply, error) {
	r := connectors.Request{
		Method: method, URL: address, Reads: reads,
		Header: http.Header{
			"Accept":        {"application/json"},
			"Authorization": {"Bearer " + w.token.Reveal()},
		},
	}
	if body != nil {
		encoded, err := connectors.EncodeJSON(body)
		if err != nil {
			return nil, err
		}
		r.Body = encoded
		r.Header["Content-Type"] = []string{"application/json"}
	}
	reply, err := connectors.Call(ctx, w.env.HTTP, r)
	if err != nil {
		return nil, w.verdict(err)
	}
	return reply, nil
}

// FrameSize implements connectors.Sizer.
func (w *Writer) FrameSize(connectors.Batch) int { return 64 }

// RowSize implements connectors.Sizer.
func (w *Writer) RowSize(b connectors.Batch, r connectors.Row) int {
	if b.Object == List || b.Action == connectors.Delete {
		return 64 // a record id and its frame
	}
	encoded, err := connectors.EncodeJSON(contactInput(b.Action, r))
	if err != nil {
		return maxBody + 1
	}
	return len(encoded) + 1
}
