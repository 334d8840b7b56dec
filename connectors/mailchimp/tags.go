package mailchimp

import (
	"context"
	"net/http"

	"github.com/tailrace/tailrace/connectors"
)

type tagChange struct {
	Tags []tagStatus `json:"tags"`
	// IsSyncing keeps automations that wait for the tag from starting.
	IsSyncing bool `json:"is_syncing,omitempty"`
}

type tagStatus struct {
	Name   string `json:"name"`
	Status string `json:"status"` // active | inactive
}

// writeTag puts the target's tag on one contact, or takes it off.
func (w *Writer) writeTag(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	h := hash(b.Action, b.Rows[0])
	if h == "" {
		return settled(withoutAddress), nil
	}
	status := "active"
	if b.Action == connectors.RemoveFromList {
		status = "inactive"
	}
	body := tagChange{Tags: []tagStatus{{Name: b.Target, Status: status}}, IsSyncing: !w.c.TagAutomations}
	reply, err := w.call(ctx, http.MethodPost, w.member(h, "/tags"), body, false)
	if statusOf(err) == http.StatusNotFound {
		return w.absent(ctx, err, b.Action)
	}
	return empty(reply, err, h)
}
