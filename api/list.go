package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	sq "github.com/Masterminds/squirrel"
)

// list runs a query by pages. order is the tuple of the query's ORDER BY columns; key returns it for a row.
func list[T any](ctx context.Context, s *Server, q sq.SelectBuilder, p paging, order string, key func(T) []any) (*body[page[T]], error) {
	if p.Cursor != "" {
		after, err := decodeCursor(p.Cursor)
		if err != nil {
			return nil, err
		}
		q = q.Where(order+" > ("+strings.TrimSuffix(strings.Repeat("?,", len(after)), ",")+")", after...)
	}
	text, args, err := q.Limit(uint64(p.Limit) + 1).ToSql()
	if err != nil {
		return nil, fmt.Errorf("building a list: %w", err)
	}
	items := []T{}
	if err := s.opts.DB.Select(ctx, &items, text, args...); err != nil {
		return nil, err
	}
	out := page[T]{Items: items}
	if len(items) > p.Limit {
		out.Items = items[:p.Limit]
		if out.NextCursor, err = encodeCursor(key(items[p.Limit-1])); err != nil {
			return nil, err
		}
	}
	return &body[page[T]]{out}, nil
}

func encodeCursor(key []any) (string, error) {
	raw, err := json.Marshal(key)
	if err != nil {
		return "", fmt.Errorf("making a cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

func decodeCursor(cursor string) ([]any, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	var key []any
	if err == nil {
		err = json.Unmarshal(raw, &key)
	}
	if err != nil || len(key) == 0 {
		return nil, problem(Invalid, "Use next_cursor of the page before as it is.", "this is no cursor of ours")
	}
	return key, nil
}
