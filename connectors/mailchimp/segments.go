package mailchimp

import (
	"context"
	"net/http"
	"strings"

	"github.com/tailrace/tailrace/connectors"
)

// segmentChange is the body of adding to and removing from a static segment.
type segmentChange struct {
	Add    []string `json:"members_to_add,omitempty"`
	Remove []string `json:"members_to_remove,omitempty"`
}

type segmentAnswer struct {
	Added   *[]member `json:"members_added"`
	Removed *[]member `json:"members_removed"`
	Errors  []struct {
		Addresses []string `json:"email_addresses"`
		Error     string   `json:"error"`
	} `json:"errors"`
}

// writeSegment changes membership. An address in none of the answer's arrays
// was ignored: for a removal nothing was left to do; for an addition it is
// either in the segment already or not in the audience, so it is asked for.
func (w *Writer) writeSegment(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	out := connectors.Answer{Results: make([]connectors.Result, len(b.Rows))}
	rows := byAddress(b, out.Results)
	var emails []string
	for i, r := range b.Rows {
		if out.Results[i].Status == connectors.Unknown {
			emails = append(emails, r.Identity(b.Action)["email"])
		}
	}
	if len(emails) == 0 {
		return out, nil
	}
	change := segmentChange{Add: emails}
	if b.Action == connectors.RemoveFromList {
		change = segmentChange{Remove: emails}
	}
	reply, err := w.call(ctx, http.MethodPost, w.segment(b.Target, ""), change, false)
	if err != nil {
		return connectors.Answer{}, err
	}
	var a segmentAnswer
	if err := reply.JSON(&a); err != nil {
		return connectors.Answer{}, err
	}
	changed(b.Action, a, rows, out.Results)
	if a.Added == nil || a.Removed == nil {
		return out, nil // what isn't shown is unknown
	}
	if b.Action == connectors.RemoveFromList {
		for i, r := range out.Results {
			if r.Status == connectors.Unknown {
				out.Results[i] = connectors.Result{Status: connectors.Accepted, Words: "was not there"}
			}
		}
		return out, nil
	}
	w.ignored(ctx, b, out.Results)
	return out, nil
}

// changed takes what the answer shows of what was asked.
func changed(action connectors.Action, a segmentAnswer, rows map[string]int, results []connectors.Result) {
	done := a.Added
	if action.Removes() {
		done = a.Removed
	}
	if done != nil {
		for _, m := range *done {
			if i, ok := rows[strings.ToLower(m.EmailAddress)]; ok && m.EmailAddress != "" {
				results[i] = connectors.Result{Status: connectors.Accepted, Ref: m.ID}
			}
		}
	}
	for _, e := range a.Errors {
		for _, email := range e.Addresses {
			if i, ok := rows[strings.ToLower(email)]; ok {
				results[i] = connectors.Result{Status: connectors.Rejected, Code: "segment_error", Words: e.Error}
			}
		}
	}
}

// oneByOne is up to how many addresses are asked for alone, before the
// segment's pages are read for those that the audience has.
const oneByOne = 10

// ignored settles additions that the answer doesn't show. If asking fails they
// stay unknown, and are sent again, which harms nobody.
func (w *Writer) ignored(ctx context.Context, b connectors.Batch, results []connectors.Result) {
	absent := connectors.Result{Status: connectors.Rejected, Code: connectors.CodeAbsent, Words: "the audience has no such contact"}
	var at []int
	for i, r := range results {
		if r.Status == connectors.Unknown {
			at = append(at, i)
		}
	}
	if len(at) <= oneByOne {
		var rest []int
		for _, i := range at {
			m, found, err := w.get(ctx, hash(b.Action, b.Rows[i]))
			switch {
			case err != nil:
				return
			case !found || m.Status == archived:
				results[i] = absent
			default:
				rest = append(rest, i)
			}
		}
		at = rest
	}
	if len(at) == 0 {
		return
	}
	part := b
	part.Rows = nil
	for _, i := range at {
		part.Rows = append(part.Rows, b.Rows[i])
	}
	found, err := w.Look(ctx, part)
	if err != nil {
		return
	}
	for n, f := range found {
		switch f.Presence {
		case connectors.Present:
			results[at[n]] = connectors.Result{Status: connectors.Accepted, Ref: f.Ref}
		case connectors.Absent:
			results[at[n]] = absent
		}
	}
}
