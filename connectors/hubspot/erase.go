package hubspot

import (
	"context"
	"errors"
	"net/http"

	"github.com/tailrace/tailrace/connectors"
)

type eraseRequest struct {
	ObjectID string `json:"objectId"`
}

// erase deletes one contact with all that hangs on it, for good. It goes by
// record id only: an address that HubSpot doesn't know would be put on its
// blocklist, so a row without a record id is looked up first. HubSpot documents
// the empty answer 204.
func (w *Writer) erase(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	found, err := w.Look(ctx, b)
	if err != nil {
		return connectors.Answer{}, err
	}
	out := connectors.Answer{Results: absentResults(b, found)}
	if found[0].Presence != connectors.Present {
		return out, nil
	}
	id := found[0].Ref
	reply, err := w.call(ctx, http.MethodPost, w.objects("gdpr-delete"), eraseRequest{ObjectID: id}, false)
	var refused *connectors.HTTPError
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return w.erased(ctx, id, err)
	case err != nil:
		return connectors.Answer{}, err
	case reply.Status != http.StatusNoContent:
		out.Results[0] = connectors.Result{Ref: id, Code: "unproven", Words: "the answer isn't the documented 204"}
	default:
		out.Results[0] = connectors.Result{Status: connectors.Accepted, Ref: id}
	}
	return out, nil
}

// erased settles a 404, which says the same of a contact that is gone and of a
// path that isn't there: the contact is read.
func (w *Writer) erased(ctx context.Context, id string, refused error) (connectors.Answer, error) {
	found, err := w.read(ctx, recordID, []string{id})
	switch {
	case err != nil:
		return connectors.Answer{}, err
	case found[id].Presence != connectors.Absent:
		return connectors.Answer{}, refused
	}
	return connectors.Answer{Results: []connectors.Result{{Status: connectors.Accepted, Ref: id, Words: "was not there"}}}, nil
}
