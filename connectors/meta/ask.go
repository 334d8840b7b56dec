package meta

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tailrace/tailrace/connectors"
)

// rights that the token needs.
var rights = []string{"ads_management"}

// Test implements connectors.Tester: whose ad account it is, and which of the
// rights the token lacks.
func (w *Writer) Test(ctx context.Context) (connectors.Account, error) {
	var account struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Status int    `json:"account_status"`
	}
	if err := w.get(ctx, w.account, url.Values{"fields": {"account_id,name,account_status"}}, &account); err != nil {
		return connectors.Account{}, err
	}
	if account.ID == "" {
		return connectors.Account{}, &connectors.AnswerError{Reason: "the answer names no account", Reads: true}
	}
	out := connectors.Account{Fingerprint: "meta:" + account.ID, Name: account.Name}
	if account.Status != 1 {
		out.Name += " (not active, status " + strconv.Itoa(account.Status) + ")"
	}
	var permissions struct {
		Data []struct {
			Permission string `json:"permission"`
			Status     string `json:"status"`
		} `json:"data"`
	}
	if err := w.get(ctx, "me/permissions", nil, &permissions); err != nil {
		return connectors.Account{}, err
	}
	var granted []string
	for _, p := range permissions.Data {
		if p.Status == "granted" {
			granted = append(granted, p.Permission)
		}
	}
	for _, need := range rights {
		if !slices.Contains(granted, need) {
			out.Missing = append(out.Missing, need)
		}
	}
	return out, nil
}

// flagged is the operation status of an audience under review.
const flagged = 471

// Count implements connectors.Counter. Meta rounds sizes, and they lag.
func (w *Writer) Count(ctx context.Context, _, target string) (connectors.Count, error) {
	var a struct {
		Lower  *int64 `json:"approximate_count_lower_bound"`
		Upper  *int64 `json:"approximate_count_upper_bound"`
		Status struct {
			Code  int    `json:"code"`
			Words string `json:"description"`
		} `json:"operation_status"`
	}
	err := w.get(ctx, url.PathEscape(target), url.Values{"fields": {"approximate_count_lower_bound,approximate_count_upper_bound,operation_status"}}, &a)
	switch {
	case err != nil:
		return connectors.Count{}, err
	case a.Status.Code == flagged:
		return connectors.Count{}, &connectors.CallError{Do: connectors.Stop, Scope: connectors.ScopeTarget, Code: strconv.Itoa(flagged), Words: a.Status.Words}
	case a.Lower == nil || a.Upper == nil || *a.Lower < 0:
		return connectors.Count{}, &connectors.AnswerError{Reason: "Meta doesn't tell the audience's size yet", Reads: true}
	}
	return connectors.Count{N: (*a.Lower + *a.Upper) / 2, AsOf: w.env.Now()}, nil
}

// Look implements connectors.Looker by the batch's session: it counts, so it
// can only say that all rows arrived, or nothing.
func (w *Writer) Look(ctx context.Context, b connectors.Batch) ([]connectors.Found, error) {
	id := strconv.FormatUint(sessionID(b.Key), 10)
	var sessions struct {
		Data []struct {
			ID       string           `json:"session_id"`
			Received connectors.Value `json:"num_received"`
			Invalid  connectors.Value `json:"num_invalid_entries"`
		} `json:"data"`
	}
	if err := w.get(ctx, url.PathEscape(b.Target)+"/sessions", url.Values{"session_id": {id}}, &sessions); err != nil {
		return nil, err
	}
	found := make([]connectors.Found, len(b.Rows))
	for _, s := range sessions.Data {
		if s.ID == id && s.Received.Text() == strconv.Itoa(len(b.Rows)) && s.Invalid.Text() == "0" {
			for i := range found {
				found[i].Presence = connectors.Present
			}
		}
	}
	return found, nil
}

func (w *Writer) get(ctx context.Context, path string, query url.Values, into any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	reply, err := w.call(ctx, http.MethodGet, path, nil, true)
	if err != nil {
		return err
	}
	return reply.JSON(into)
}
