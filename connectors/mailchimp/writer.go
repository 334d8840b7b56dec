package mailchimp

import (
	"context"
	"crypto/md5" //nolint:gosec // the vendor's address of a contact, not a protection
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/tailrace/tailrace/connectors"
)

// Writer writes to one audience. It is safe for concurrent use.
type Writer struct {
	c   *Config
	env connectors.Env
}

var (
	_ connectors.Writer    = (*Writer)(nil)
	_ connectors.Looker    = (*Writer)(nil)
	_ connectors.Tester    = (*Writer)(nil)
	_ connectors.Counter   = (*Writer)(nil)
	_ connectors.Lister    = (*Writer)(nil)
	_ connectors.Describer = (*Writer)(nil)
	_ connectors.Sizer     = (*Writer)(nil)
)

// Write implements connectors.Writer.
func (w *Writer) Write(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	switch {
	case b.Object == Segment:
		return w.writeSegment(ctx, b)
	case b.Object == Subscribers:
		return w.writeSubscribers(ctx, b)
	case len(b.Rows) != 1:
		return connectors.Answer{}, &connectors.EncodeError{Err: errOneRow}
	case b.Object == Tag:
		return w.writeTag(ctx, b)
	case b.Action == connectors.Delete:
		return w.archive(ctx, b)
	}
	return w.writeMember(ctx, b)
}

// list, member and segment give paths below the audience.
func (w *Writer) list(rest string) string {
	return w.c.Address() + "/3.0/lists/" + url.PathEscape(w.c.AudienceID) + rest
}

func (w *Writer) member(hash, rest string) string { return w.list("/members/" + hash + rest) }

func (w *Writer) segment(id, rest string) string {
	return w.list("/segments/" + url.PathEscape(id) + rest)
}

// hashOf is how the API addresses a contact: the MD5 of the address in lower case.
func hashOf(email string) string {
	sum := md5.Sum([]byte(strings.ToLower(email))) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

var hashPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

// hash addresses a row's contact: for a removal as it was acknowledged, since
// the profile's address may have changed.
func hash(a connectors.Action, r connectors.Row) string {
	if a.Removes() && hashPattern.MatchString(r.Ref) {
		return r.Ref
	}
	if e := r.Identity(a)["email"]; e != "" {
		return hashOf(e)
	}
	if hashPattern.MatchString(r.Ref) {
		return r.Ref
	}
	return ""
}

// call sends one request; body nil for none.
func (w *Writer) call(ctx context.Context, method, address string, body any, reads bool) (*connectors.Reply, error) {
	r := connectors.Request{
		Method: method, URL: address, Reads: reads,
		Header: http.Header{
			"Accept":       {"application/json"},
			"Content-Type": {"application/json"},
			// Any user will do. Nine bytes before the key, so that its Base64 is
			// a part of the whole's and is redacted where a vendor echoes it.
			"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("tailrace:"+w.c.Credentials.APIKey.Reveal()))},
		},
	}
	if body != nil {
		encoded, err := connectors.EncodeJSON(body)
		if err != nil {
			return nil, err
		}
		r.Body = encoded
	}
	reply, err := connectors.Call(ctx, w.env.HTTP, r)
	if err != nil {
		return nil, verdict(err)
	}
	return reply, nil
}

// FrameSize implements connectors.Sizer.
func (w *Writer) FrameSize(connectors.Batch) int { return 64 }

// RowSize implements connectors.Sizer.
func (w *Writer) RowSize(b connectors.Batch, r connectors.Row) int {
	var part any
	switch {
	case b.Object == Segment:
		part = r.Identity(b.Action)["email"]
	case b.Object == Tag, b.Action == connectors.Delete:
		part = b.Target
	case b.Object == Subscribers:
		part = subscription(b.Action, r)
	default:
		part = w.contact(b.Action, r)
	}
	encoded, err := connectors.EncodeJSON(part)
	if err != nil {
		return maxBody + 1
	}
	return len(encoded) + 1
}
