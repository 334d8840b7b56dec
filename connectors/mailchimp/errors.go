package mailchimp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tailrace/tailrace/connectors"
)

var errOneRow = errors.New("this action takes one contact a request")

// throttled is how long to leave a key alone that was refused without words;
// ours, since the vendor names no time.
const throttled = time.Minute

// problem is Mailchimp's description of a refusal (RFC 7807).
type problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	} `json:"errors"`
}

func problemOf(h *connectors.HTTPError) problem {
	var p problem
	// A body that isn't Mailchimp's leaves p empty: then the status decides.
	_ = json.Unmarshal(h.Body, &p)
	return p
}

func (p problem) words() string {
	out := []string{p.Detail}
	for _, e := range p.Errors {
		out = append(out, e.Field+": "+e.Message)
	}
	return strings.Join(out, " ")
}

func (p problem) field() string {
	if len(p.Errors) > 0 {
		return p.Errors[0].Field
	}
	return ""
}

// verdict asks Mailchimp's own table before the general one.
func verdict(err error) error {
	var h *connectors.HTTPError
	if !errors.As(err, &h) {
		return err
	}
	p := problemOf(h)
	switch {
	case h.Status == http.StatusForbidden && !json.Valid(h.Body):
		// Over its limits the vendor's front refuses with a bare 403.
		return &connectors.CallError{Do: connectors.Wait, Wait: throttled, Scope: connectors.ScopeAccount,
			Code: "throttled", Words: "Mailchimp refused without saying why, as it does at high volume", Err: h}
	case (h.Status == http.StatusBadRequest || h.Status == http.StatusUnprocessableEntity) && p.Title != "":
		return &connectors.CallError{Do: connectors.Split, Code: code(p.Title), Words: p.words(), Err: h}
	}
	return err
}

// code is a problem's title as a code: member_in_compliance_state.
func code(title string) string { return strings.ReplaceAll(strings.ToLower(title), " ", "_") }

// refusal settles the one row of a request that Mailchimp refused; ok is false
// if the error says nothing about the row itself.
func refusal(err error) (r connectors.Result, ok bool) {
	var h *connectors.HTTPError
	var c *connectors.CallError
	if !errors.As(err, &c) || c.Do != connectors.Split || !errors.As(err, &h) {
		return r, false
	}
	p := problemOf(h)
	r = connectors.Result{Status: connectors.Rejected, Code: c.Code, Field: p.field(), Words: c.Words}
	if putOff(p.Detail) {
		r.Status = connectors.Deferred
	}
	return r, true
}

// putOff: an address that joined many audiences lately is refused for a while.
func putOff(words string) bool { return strings.Contains(words, "signed up to a lot of lists") }

func asHTTP(err error) (*connectors.HTTPError, bool) {
	var h *connectors.HTTPError
	ok := errors.As(err, &h)
	return h, ok
}

func statusOf(err error) int {
	if h, ok := asHTTP(err); ok {
		return h.Status
	}
	return 0
}

// absent settles a 404 on a contact, which says the same of a contact that
// isn't there and of an audience that is gone: the audience is asked for.
func (w *Writer) absent(ctx context.Context, refused error, a connectors.Action) (connectors.Answer, error) {
	_, err := w.call(ctx, http.MethodGet, w.list("?fields=id"), nil, true)
	switch {
	case statusOf(err) == http.StatusNotFound:
		return connectors.Answer{}, refused
	case err != nil:
		return connectors.Answer{}, err
	case a.Removes():
		return settled(connectors.Result{Status: connectors.Accepted, Words: "was not there"}), nil
	}
	return settled(connectors.Result{Status: connectors.Rejected, Code: connectors.CodeAbsent, Words: "the audience has no such contact"}), nil
}

func settled(r connectors.Result) connectors.Answer {
	return connectors.Answer{Results: []connectors.Result{r}}
}
