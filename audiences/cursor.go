package audiences

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// Page is a part of a list. Next is the cursor of the following one; empty at the end.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

const (
	defaultPage = 50
	maxPage     = 1000
)

func pageSize(limit int) int {
	if limit <= 0 {
		return defaultPage
	}
	return min(limit, maxPage)
}

// page cuts one item more than asked for off, and makes the cursor of the last.
func page[T any](all []T, limit int, cursor func(T) any) (Page[T], error) {
	p := Page[T]{Items: all}
	if len(all) > limit {
		p.Items = all[:limit]
		raw, err := json.Marshal(cursor(all[limit-1]))
		if err != nil {
			return p, fmt.Errorf("making a cursor: %w", err)
		}
		p.Next = base64.RawURLEncoding.EncodeToString(raw)
	}
	if p.Items == nil {
		p.Items = []T{}
	}
	return p, nil
}

// readCursor reads a cursor into dest; an empty one leaves it as it is.
func readCursor(text string, dest any) error {
	if text == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, dest)
	}
	if err != nil {
		return fmt.Errorf("the cursor is none that this list gave: %w", ErrInvalid)
	}
	return nil
}
