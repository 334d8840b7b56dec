package mixpanel

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tailrace/tailrace/connectors"
)

// Writer writes to one project. It is safe for concurrent use.
type Writer struct {
	base        string
	project     string
	credentials Credentials
	env         connectors.Env
}

var (
	_ connectors.Writer = (*Writer)(nil)
	_ connectors.Sizer  = (*Writer)(nil)
)

// Write implements connectors.Writer.
func (w *Writer) Write(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	out := connectors.Answer{Results: make([]connectors.Result, len(b.Rows))}
	var events []event
	var rows []int // of each event
	for i, r := range b.Rows {
		e, refused := translate(r, w.env.Now())
		if refused != nil {
			out.Results[i] = *refused
			continue
		}
		events, rows = append(events, e), append(rows, i)
	}
	if len(events) == 0 {
		return out, nil
	}
	body, err := connectors.EncodeJSON(events)
	if err != nil {
		return connectors.Answer{}, err
	}
	basic := base64.StdEncoding.EncodeToString([]byte(w.credentials.Username.Reveal() + ":" + w.credentials.Secret.Reveal()))
	reply, err := connectors.Call(ctx, w.env.HTTP, connectors.Request{
		Method: http.MethodPost, URL: w.base + "/import?strict=1&project_id=" + url.QueryEscape(w.project), Body: body,
		Header: http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Authorization": {"Basic " + basic}},
	})
	var a answer
	var h *connectors.HTTPError
	switch {
	case errors.As(err, &h) && h.Status == http.StatusBadRequest:
		// Part of it may have been taken: then the answer says so.
		if json.Unmarshal(h.Body, &a) != nil || a.Imported == nil || len(a.Failed) == 0 {
			return connectors.Answer{}, err
		}
	case err != nil:
		return connectors.Answer{}, err
	default:
		if err := reply.JSON(&a); err != nil {
			return out, err
		}
	}
	return out, a.into(out.Results, events, rows)
}

// answer is what the vendor says of an import.
type answer struct {
	Imported *int `json:"num_records_imported"`
	Failed   []struct {
		Index    int    `json:"index"`
		InsertID string `json:"insert_id"`
		Field    string `json:"field"`
		Message  string `json:"message"`
	} `json:"failed_records"`
}

// into fills in the results. Nothing is accepted unless the numbers add up and
// each failure names an event that was sent.
func (a answer) into(results []connectors.Result, events []event, rows []int) error {
	if a.Imported == nil || *a.Imported+len(a.Failed) != len(events) {
		return &connectors.AnswerError{Reason: "the answer doesn't account for every event"}
	}
	failed := map[int]bool{}
	for _, f := range a.Failed {
		if f.Index < 0 || f.Index >= len(events) || failed[f.Index] ||
			(f.InsertID != "" && f.InsertID != events[f.Index].Properties["$insert_id"].Text()) {
			return &connectors.AnswerError{Reason: "the answer names an event that was not sent"}
		}
		failed[f.Index] = true
	}
	for _, f := range a.Failed {
		results[rows[f.Index]] = connectors.Result{Status: connectors.Rejected, Code: "invalid_event", Field: strings.TrimPrefix(f.Field, "properties."), Words: f.Message}
	}
	for n, i := range rows {
		if !failed[n] {
			results[i].Status = connectors.Accepted
		}
	}
	return nil
}

// FrameSize implements connectors.Sizer.
func (w *Writer) FrameSize(connectors.Batch) int { return 2 }

// RowSize implements connectors.Sizer.
func (w *Writer) RowSize(_ connectors.Batch, r connectors.Row) int {
	// A row that will be refused is bounded by its own fields.
	e := event{Event: r.Fields["event"].Text(), Properties: r.Fields}
	body, err := connectors.EncodeJSON(e)
	if err != nil {
		return maxEvent + 1
	}
	id, err := connectors.EncodeJSON(r.IDs["distinct_id"])
	if err != nil {
		return maxEvent + 1
	}
	return len(body) + len(id) + 128
}
