package hubspot

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tailrace/tailrace/connectors"
)

// Test implements connectors.Tester with the account's details.
func (w *Writer) Test(ctx context.Context) (connectors.Account, error) {
	reply, err := w.call(ctx, http.MethodGet, w.base+"/account-info/v3/details", nil, true)
	if err != nil {
		return connectors.Account{}, err
	}
	var a struct {
		PortalID connectors.Value `json:"portalId"`
		Type     string           `json:"accountType"`
	}
	if err := reply.JSON(&a); err != nil {
		return connectors.Account{}, err
	}
	id := a.PortalID.Text()
	if id == "" {
		return connectors.Account{}, &connectors.AnswerError{Reason: "the answer names no account", Reads: true}
	}
	name := "portal " + id
	if a.Type != "" {
		name += " (" + a.Type + ")"
	}
	return connectors.Account{Fingerprint: "hubspot:" + id, Name: name}, nil
}

// Count implements connectors.Counter for lists. HubSpot's list sizes lag.
func (w *Writer) Count(ctx context.Context, object, target string) (connectors.Count, error) {
	if object != List {
		return connectors.Count{}, connectors.ErrUnsupported
	}
	reply, err := w.call(ctx, http.MethodGet, w.lists(target, ""), nil, true)
	if err != nil {
		return connectors.Count{}, err
	}
	var a struct {
		List struct {
			Size *int64 `json:"size"`
		} `json:"list"`
	}
	if err := reply.JSON(&a); err != nil {
		return connectors.Count{}, err
	}
	if a.List.Size == nil {
		return connectors.Count{}, &connectors.AnswerError{Reason: "the answer has no size", Reads: true}
	}
	return connectors.Count{N: *a.List.Size, AsOf: w.env.Now()}, nil
}

// List implements connectors.Lister for lists, page by page.
func (w *Writer) List(ctx context.Context, object, target string, yield func(connectors.Member) error) error {
	if object != List {
		return connectors.ErrUnsupported
	}
	after := ""
	for {
		query := url.Values{"limit": {"250"}}
		if after != "" {
			query.Set("after", after)
		}
		reply, err := w.call(ctx, http.MethodGet, w.lists(target, "/memberships?"+query.Encode()), nil, true)
		if err != nil {
			return err
		}
		var page struct {
			Results []struct {
				RecordID string `json:"recordId"`
			} `json:"results"`
			Paging struct {
				Next struct {
					After string `json:"after"`
				} `json:"next"`
			} `json:"paging"`
		}
		if err := reply.JSON(&page); err != nil {
			return err
		}
		for _, m := range page.Results {
			if err := yield(connectors.Member{Ref: m.RecordID, IDs: map[string]string{recordID: m.RecordID}}); err != nil {
				return err
			}
		}
		next := page.Paging.Next.After
		if next == "" {
			return nil
		}
		if next == after {
			return fmt.Errorf("listing memberships: %w", &connectors.AnswerError{Reason: "the next page is the same page", Reads: true})
		}
		after = next
	}
}
