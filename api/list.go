package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	sq "github.com/Masterminds/squirrel"
)

// list runs a query by pages. after is the condition for rows behind the cursor, with a `?` for each part of the key,
// such as "(kind, value) > (?, ?)", and must fit the query's ORDER BY; key returns those parts of a row as text.
func list[T any](ctx context.Context, s *Server, q sq.SelectBuilder, p Paging, after string, key func(T) []string) (*body[page[T]], error) {
	if p.Cursor != "" {
		parts, err := decodeCursor(p.Cursor, strings.Count(after, "?"))
		if err != nil {
			return nil, err
		}
		q = q.Where(after, parts...)
	}
	text, args, err := q.Limit(uint64(p.Limit) + 1).ToSql()
	if err != nil {
		return nil, fmt.Errorf("building a list: %w", err)
	}
	items := []T{}
	if err := s.opts.DB.Select(ctx, &items, text, args...); err != nil {
		var exception *clickhouse.Exception
		if p.Cursor != "" && errors.As(err, &exception) && slices.Contains(unreadable, exception.Code) {
			return nil, badCursor()
		}
		return nil, err
	}
	next := ""
	if len(items) > p.Limit {
		items = items[:p.Limit]
		if next, err = encodeCursor(key(items[p.Limit-1])); err != nil {
			return nil, err
		}
	}
	return pageOf(s, items, next), nil
}

// unreadable are the engine's codes for text that is no number, time or UUID: here, a cursor that somebody made up.
var unreadable = []int32{6, 27, 38, 41, 72, 376}

func encodeCursor(key []string) (string, error) {
	raw, err := json.Marshal(key)
	if err != nil {
		return "", fmt.Errorf("making a cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

func decodeCursor(cursor string, parts int) ([]any, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	var key []string
	if err == nil {
		err = json.Unmarshal(raw, &key)
	}
	if err != nil || len(key) != parts {
		return nil, badCursor()
	}
	out := make([]any, len(key))
	for i, part := range key {
		out[i] = part
	}
	return out, nil
}

func badCursor() *Problem {
	return problem(Invalid, "Use next_cursor of the page before as it is.", "this is no cursor of this list")
}
