package mailchimp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/connectors"
)

// pageSize is the most that one page holds.
const pageSize = 1000

// every keeps contacts of all statuses in a segment's pages.
var every = url.Values{"include_cleaned": {"true"}, "include_transactional": {"true"}, "include_unsubscribed": {"true"}}

// Test implements connectors.Tester: the audience is what a destination is, so
// another audience is a first sync, and another key of the same is not.
func (w *Writer) Test(ctx context.Context) (connectors.Account, error) {
	reply, err := w.call(ctx, http.MethodGet, w.list("?fields=id,name"), nil, true)
	if err != nil {
		return connectors.Account{}, err
	}
	var a struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if err := reply.JSON(&a); err != nil {
		return connectors.Account{}, err
	}
	if a.ID == "" {
		return connectors.Account{}, &connectors.AnswerError{Reason: "the answer names no audience", Reads: true}
	}
	return connectors.Account{Fingerprint: "mailchimp:" + a.ID, Name: "audience " + a.Name}, nil
}

// place is where an object's contacts are listed, and by which query.
func (w *Writer) place(object, target string) (string, url.Values, error) {
	switch object {
	case Members:
		return w.list("/members"), url.Values{}, nil
	case Subscribers:
		return w.list("/members"), url.Values{"status": {"subscribed"}}, nil
	case Segment:
		return w.segment(target, "/members"), every, nil
	}
	return "", nil, connectors.ErrUnsupported
}

type page struct {
	Members *[]member `json:"members"`
	Total   *int64    `json:"total_items"`
}

func (w *Writer) page(ctx context.Context, address string, query url.Values, offset, count int, fields string) (page, error) {
	q := url.Values{"count": {strconv.Itoa(count)}, "offset": {strconv.Itoa(offset)}, "fields": {fields}}
	for k, v := range query {
		q[k] = v
	}
	var p page
	reply, err := w.call(ctx, http.MethodGet, address+"?"+q.Encode(), nil, true)
	if err != nil {
		return p, err
	}
	return p, reply.JSON(&p)
}

// Count implements connectors.Counter. Mailchimp's counts may lag.
func (w *Writer) Count(ctx context.Context, object, target string) (connectors.Count, error) {
	address, query, err := w.place(object, target)
	if err != nil {
		return connectors.Count{}, err
	}
	p, err := w.page(ctx, address, query, 0, 1, "total_items")
	if err != nil {
		return connectors.Count{}, err
	}
	if p.Total == nil {
		return connectors.Count{}, &connectors.AnswerError{Reason: "the answer has no count", Reads: true}
	}
	return connectors.Count{N: *p.Total, AsOf: w.env.Now()}, nil
}

// List implements connectors.Lister, page by page. Contacts that come or go
// meanwhile move the pages, so one may be missed or shown twice.
func (w *Writer) List(ctx context.Context, object, target string, yield func(connectors.Member) error) error {
	address, query, err := w.place(object, target)
	if err != nil {
		return err
	}
	for offset := 0; ; offset += pageSize {
		p, err := w.page(ctx, address, query, offset, pageSize, "members.id,members.email_address,members.status,members.merge_fields")
		if err != nil {
			return err
		}
		if p.Members == nil {
			return &connectors.AnswerError{Reason: "the answer has no contacts", Reads: true}
		}
		for _, m := range *p.Members {
			if m.Status == archived {
				continue
			}
			if err := yield(connectors.Member{Ref: m.ID, IDs: map[string]string{"email": m.EmailAddress}, Fields: m.MergeFields}); err != nil {
				return err
			}
		}
		if len(*p.Members) < pageSize {
			return nil
		}
	}
}

// Look implements connectors.Looker: whether the audience has each contact, or
// the segment if the batch is about one. A tag can't be looked up.
func (w *Writer) Look(ctx context.Context, b connectors.Batch) ([]connectors.Found, error) {
	out := make([]connectors.Found, len(b.Rows))
	switch b.Object {
	case Segment:
		return out, w.lookInSegment(ctx, b, out)
	case Tag:
		return out, nil
	}
	for i, r := range b.Rows {
		h := hash(b.Action, r)
		if h == "" {
			continue
		}
		m, found, err := w.get(ctx, h)
		if err != nil {
			return nil, err
		}
		out[i] = connectors.Found{Presence: connectors.Absent}
		if found && m.Status != archived && (b.Object != Subscribers || m.Status == "subscribed" || m.Status == "pending") {
			out[i] = connectors.Found{Presence: connectors.Present, Ref: m.ID}
		}
	}
	return out, nil
}

// errEnough ends reading pages once all rows are found.
var errEnough = errors.New("all rows are found")

func (w *Writer) lookInSegment(ctx context.Context, b connectors.Batch, out []connectors.Found) error {
	rows := map[string]int{}
	for i, r := range b.Rows {
		if e := r.Identity(b.Action)["email"]; e != "" {
			rows[strings.ToLower(e)] = i
			out[i] = connectors.Found{Presence: connectors.Absent}
		}
	}
	missing := len(rows)
	err := w.List(ctx, Segment, b.Target, func(m connectors.Member) error {
		i, ok := rows[strings.ToLower(m.IDs["email"])]
		if ok && out[i].Presence == connectors.Absent {
			out[i] = connectors.Found{Presence: connectors.Present, Ref: m.Ref}
			missing--
		}
		if missing == 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// Describe implements connectors.Describer: merge fields and static segments.
func (w *Writer) Describe(ctx context.Context) ([]connectors.Described, error) {
	var fields struct {
		MergeFields []struct {
			Tag  string `json:"tag"`
			Type string `json:"type"`
		} `json:"merge_fields"`
	}
	var segments struct {
		Segments []struct {
			ID   connectors.Value `json:"id"`
			Name string           `json:"name"`
		} `json:"segments"`
	}
	for address, into := range map[string]any{
		"/merge-fields?count=1000&fields=merge_fields.tag,merge_fields.type": &fields,
		"/segments?count=1000&type=static&fields=segments.id,segments.name":  &segments,
	} {
		reply, err := w.call(ctx, http.MethodGet, w.list(address), nil, true)
		if err != nil {
			return nil, err
		}
		if err := reply.JSON(into); err != nil {
			return nil, err
		}
	}
	types, targets := map[string]string{}, map[string]string{}
	for _, f := range fields.MergeFields {
		types[f.Tag] = f.Type
	}
	for _, s := range segments.Segments {
		targets[s.ID.Text()] = s.Name
	}
	return []connectors.Described{
		{Object: Members, Fields: types}, {Object: Subscribers, Fields: types},
		{Object: Tag}, {Object: Segment, Targets: targets},
	}, nil
}
