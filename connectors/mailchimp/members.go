package mailchimp

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/connectors"
)

// contact is the body of a request about one contact. It has no status: that
// is the person's, and only status_if_new says what a new one gets.
type contact struct {
	EmailAddress string                      `json:"email_address,omitempty"`
	StatusIfNew  string                      `json:"status_if_new,omitempty"`
	MergeFields  map[string]connectors.Value `json:"merge_fields,omitempty"`
}

// member is what answers say of a contact.
type member struct {
	ID           string                      `json:"id"`
	EmailAddress string                      `json:"email_address"`
	Status       string                      `json:"status"`
	MergeFields  map[string]connectors.Value `json:"merge_fields"`
}

const archived = "archived"

func (w *Writer) contact(a connectors.Action, r connectors.Row) contact {
	c := contact{MergeFields: merge(r.Fields)}
	if a == connectors.Upsert {
		c.EmailAddress, c.StatusIfNew = r.IDs["email"], w.c.NewMembers
	}
	return c
}

// merge writes fields as merge fields: an empty text clears, and there are
// neither truth values nor lists.
func merge(fields map[string]connectors.Value) map[string]connectors.Value {
	out := make(map[string]connectors.Value, len(fields))
	for name, v := range fields {
		switch v.Kind() {
		case connectors.KindNull, connectors.KindBool:
			out[name] = connectors.Text(v.Text())
		case connectors.KindArray:
			out[name] = connectors.Text(joined(v))
		default:
			out[name] = v
		}
	}
	return out
}

func joined(v connectors.Value) string {
	items, err := v.Items()
	if err != nil {
		return v.Text()
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = item.Text()
	}
	return strings.Join(texts, ", ")
}

// validation is the query that takes contacts without required merge fields.
func (w *Writer) validation() string {
	if w.c.SkipMergeValidation {
		return "?skip_merge_validation=true"
	}
	return ""
}

// writeMember upserts or updates one contact.
func (w *Writer) writeMember(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	r := b.Rows[0]
	method, h := http.MethodPatch, hash(b.Action, r)
	if b.Action == connectors.Upsert {
		method = http.MethodPut
	}
	if h == "" || (b.Action == connectors.Upsert && r.IDs["email"] == "") {
		return settled(withoutAddress), nil
	}
	reply, err := w.call(ctx, method, w.member(h, w.validation()), w.contact(b.Action, r), false)
	if statusOf(err) == http.StatusNotFound {
		return w.absent(ctx, err, b.Action)
	}
	if refused, ok := refusal(err); ok {
		return settled(refused), nil
	}
	if err != nil {
		return connectors.Answer{}, err
	}
	var m member
	if err := reply.JSON(&m); err != nil {
		return connectors.Answer{}, err
	}
	if m.ID != h && (m.EmailAddress == "" || !strings.EqualFold(m.EmailAddress, r.IDs["email"])) {
		return settled(connectors.Result{Code: "unproven", Words: "the answer shows another contact"}), nil
	}
	return settled(written(r, m)), nil
}

var withoutAddress = connectors.Result{Status: connectors.Rejected, Code: "no_identifier", Field: "email", Words: "the row has no e-mail address"}

// written judges what an answer shows of a contact after writing.
func written(r connectors.Row, m member) connectors.Result {
	if m.Status == archived {
		return connectors.Result{Status: connectors.Rejected, Ref: m.ID, Code: archived,
			Words: "the contact is archived, and only a subscription status brings it back: unarchive it in Mailchimp"}
	}
	if m.MergeFields == nil && len(r.Fields) > 0 {
		return connectors.Result{Ref: m.ID, Code: "unproven", Words: "the answer shows no merge fields"}
	}
	// A merge tag that the audience doesn't have is dropped without a word; the
	// answer shows those that it has.
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		if _, has := m.MergeFields[name]; !has {
			return connectors.Result{Status: connectors.Rejected, Ref: m.ID, Code: "no_such_merge_field", Field: name,
				Words: "the audience has no merge field of this tag: make it in Mailchimp, or leave it out of the sync"}
		}
	}
	return connectors.Result{Status: connectors.Accepted, Ref: m.ID}
}

// archive archives one contact, or erases it for good. Mailchimp documents the
// empty answer 204 for both.
func (w *Writer) archive(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	h := hash(b.Action, b.Rows[0])
	if h == "" {
		return settled(withoutAddress), nil
	}
	method, address := http.MethodDelete, w.member(h, "")
	if b.Erase {
		method, address = http.MethodPost, w.member(h, "/actions/delete-permanent")
	}
	reply, err := w.call(ctx, method, address, nil, false)
	switch statusOf(err) {
	case http.StatusNotFound:
		return w.absent(ctx, err, b.Action)
	case http.StatusMethodNotAllowed:
		return w.cannotArchive(ctx, err, h)
	}
	return empty(reply, err, h)
}

// cannotArchive: Mailchimp refuses to archive what is archived with the words
// that it has for contacts that must stay, so the contact is asked for.
func (w *Writer) cannotArchive(ctx context.Context, refused error, h string) (connectors.Answer, error) {
	m, found, err := w.get(ctx, h)
	switch {
	case err != nil:
		return connectors.Answer{}, err
	case !found || m.Status == archived:
		return settled(connectors.Result{Status: connectors.Accepted, Ref: h, Words: "was archived already"}), nil
	}
	r := connectors.Result{Status: connectors.Rejected, Ref: h, Code: "method_not_allowed"}
	var p problem
	if e, ok := asHTTP(refused); ok {
		p = problemOf(e)
	}
	r.Words = p.words()
	return settled(r), nil
}

// empty judges an answer that is documented as 204 without content.
func empty(reply *connectors.Reply, err error, ref string) (connectors.Answer, error) {
	if refused, ok := refusal(err); ok {
		return settled(refused), nil
	}
	if err != nil {
		return connectors.Answer{}, err
	}
	if reply.Status != http.StatusNoContent {
		return connectors.Answer{}, &connectors.AnswerError{Reason: "the answer isn't the documented 204"}
	}
	return settled(connectors.Result{Status: connectors.Accepted, Ref: ref}), nil
}

// get reads one contact.
func (w *Writer) get(ctx context.Context, h string) (member, bool, error) {
	reply, err := w.call(ctx, http.MethodGet, w.member(h, "?fields=id,email_address,status"), nil, true)
	if statusOf(err) == http.StatusNotFound {
		return member{}, false, nil
	}
	if err != nil {
		return member{}, false, err
	}
	var m member
	if err := reply.JSON(&m); err != nil {
		return member{}, false, err
	}
	if m.ID == "" || m.Status == "" {
		return member{}, false, &connectors.AnswerError{Reason: "the answer shows no contact", Reads: true}
	}
	return m, true, nil
}
