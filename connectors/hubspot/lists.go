package hubspot

import (
	"context"
	"net/http"
	"slices"

	"github.com/tailrace/tailrace/connectors"
)

// membershipChange is the body of add-and-remove; the API wants both arrays.
type membershipChange struct {
	Remove []string `json:"recordIdsToRemove"`
	Add    []string `json:"recordIdsToAdd"`
}

// membershipAnswer: the specification spells recordsIdsAdded, the page
// recordIdsAdded.
type membershipAnswer struct {
	Added     *[]string `json:"recordIdsAdded"`
	AddedSpec *[]string `json:"recordsIdsAdded"`
	Removed   *[]string `json:"recordIdsRemoved"`
	Missing   *[]string `json:"recordIdsMissing"`
}

func (w *Writer) writeList(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	found, err := w.Look(ctx, b)
	if err != nil {
		return connectors.Answer{}, err
	}
	out := connectors.Answer{Results: absentResults(b, found)}
	change := membershipChange{Remove: []string{}, Add: []string{}}
	ids := presentRefs(found)
	if b.Action == connectors.AddToList {
		change.Add = ids
	} else {
		change.Remove = ids
	}
	if len(ids) == 0 {
		return out, nil
	}
	reply, err := w.call(ctx, http.MethodPut, w.lists(b.Target, "/memberships/add-and-remove"), change, false)
	if err != nil {
		return connectors.Answer{}, err
	}
	var a membershipAnswer
	if err := reply.JSON(&a); err != nil {
		return connectors.Answer{}, err
	}
	for i, f := range found {
		if f.Presence == connectors.Present {
			out.Results[i] = membershipResult(b.Action, f.Ref, a)
		}
	}
	return out, nil
}

// membershipResult: an id that was there already (or had left already) is in
// none of the arrays, so their presence in the answer is the evidence.
func membershipResult(action connectors.Action, id string, a membershipAnswer) connectors.Result {
	has := func(ids *[]string) bool { return ids != nil && slices.Contains(*ids, id) }
	if a.Missing == nil || (a.Added == nil && a.AddedSpec == nil && a.Removed == nil) {
		return connectors.Result{Ref: id, Code: "unproven", Words: "the answer lists no record ids"}
	}
	if has(a.Missing) {
		if action == connectors.RemoveFromList {
			return connectors.Result{Status: connectors.Accepted, Ref: id}
		}
		return connectors.Result{Status: connectors.Rejected, Code: connectors.CodeAbsent, Words: "HubSpot has no such contact"}
	}
	return connectors.Result{Status: connectors.Accepted, Ref: id}
}

// archive deletes contacts. HubSpot documents the empty answer 204.
func (w *Writer) archive(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	found, err := w.Look(ctx, b)
	if err != nil {
		return connectors.Answer{}, err
	}
	out := connectors.Answer{Results: absentResults(b, found)}
	body := inputs{}
	for _, id := range presentRefs(found) {
		body.Inputs = append(body.Inputs, input{ID: id})
	}
	if len(body.Inputs) == 0 {
		return out, nil
	}
	reply, err := w.call(ctx, http.MethodPost, w.objects("batch/archive"), body, false)
	if err != nil {
		return connectors.Answer{}, err
	}
	for i, f := range found {
		switch {
		case f.Presence != connectors.Present:
		case reply.Status == http.StatusNoContent:
			out.Results[i] = connectors.Result{Status: connectors.Accepted, Ref: f.Ref}
		default:
			out.Results[i] = connectors.Result{Ref: f.Ref, Code: "unproven", Words: "the answer isn't the documented 204"}
		}
	}
	return out, nil
}

// absentResults settles the rows that HubSpot surely doesn't have: nothing is
// left to remove, nobody to add.
func absentResults(b connectors.Batch, found []connectors.Found) []connectors.Result {
	out := make([]connectors.Result, len(b.Rows))
	for i, f := range found {
		switch {
		case f.Presence == connectors.Absent && b.Action.Removes():
			out[i] = connectors.Result{Status: connectors.Accepted, Words: "was not there"}
		case f.Presence == connectors.Absent:
			out[i] = connectors.Result{Status: connectors.Rejected, Code: connectors.CodeAbsent, Words: "HubSpot has no such contact"}
		case f.Presence == connectors.PresenceUnknown:
			out[i] = connectors.Result{Status: connectors.Deferred, Code: "lookup", Words: "the lookup didn't settle whether the contact exists"}
		}
	}
	return out
}

func presentRefs(found []connectors.Found) []string {
	ids := []string{}
	seen := map[string]bool{}
	for _, f := range found {
		if f.Presence == connectors.Present && !seen[f.Ref] {
			seen[f.Ref] = true
			ids = append(ids, f.Ref)
		}
	}
	return ids
}
