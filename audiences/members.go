package audiences

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/squirrel"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// Member is one row of a result. Values are JSON, in order of the columns.
type Member struct {
	Key    string            `json:"key"`
	Values []json.RawMessage `json:"values"`
}

// Members is a page of a version's rows, in order of their keys.
type Members struct {
	Version uint64   `json:"version"`
	Columns []Column `json:"columns"`
	Page[Member]
}

// MembersOptions filter and page a version's rows.
type MembersOptions struct {
	Columns []string // all when empty, in the table's order
	Prefix  string   // of the key
	Version uint64   // the published one when 0; older ones stay for an hour
	Cursor  string   // also keeps to the version it began with
	Limit   int
}

// Members lists the rows of a trait or audience. Errors: ErrNotFound when it
// has no published result, or the version's rows are gone; ErrInvalid.
func (a *Audiences) Members(ctx context.Context, kind project.Kind, name string, o MembersOptions) (Members, error) {
	var at struct {
		Version uint64 `json:"v"`
		Key     string `json:"k"`
	}
	if err := readCursor(o.Cursor, &at); err != nil {
		return Members{}, err
	}
	if at.Version > 0 {
		o.Version = at.Version
	}
	m, err := a.versionOf(ctx, kind, name, o.Version)
	if err != nil {
		return Members{}, err
	}
	columns, err := chosenColumns(m.Columns, o.Columns)
	if err != nil {
		return Members{}, err
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = "toJSONString(" + warehouse.QuoteIdentifier(c.Name) + ")"
	}
	limit := pageSize(o.Limit)
	query := squirrel.Select(columnKey, "CAST(["+strings.Join(values, ", ")+"], 'Array(String)') AS texts").From(a.table(m.Table)).
		Where(squirrel.Eq{columnVersion: m.Version}).OrderBy(columnKey).Limit(uint64(limit + 1))
	if at.Key != "" {
		query = query.Where(squirrel.Gt{columnKey: at.Key})
	}
	if o.Prefix != "" {
		query = query.Where("startsWith(key, ?)", o.Prefix)
	}
	sql, args, err := query.ToSql()
	if err != nil {
		return Members{}, fmt.Errorf("listing the members of %s: %w", name, err)
	}
	var rows []struct {
		Key   string   `ch:"key"`
		Texts []string `ch:"texts"`
	}
	if err := a.db.Select(ctx, &rows, sql, args...); err != nil {
		return Members{}, fmt.Errorf("listing the members of %s: %w", name, err)
	}
	items := make([]Member, len(rows))
	for i, r := range rows {
		items[i] = Member{Key: r.Key, Values: rawMessages(r.Texts)}
	}
	at.Version = m.Version
	found := Members{Version: m.Version, Columns: columns}
	found.Page, err = page(items, limit, func(m Member) any { at.Key = m.Key; return at })
	return found, err
}

func rawMessages(texts []string) []json.RawMessage {
	out := make([]json.RawMessage, len(texts))
	for i, t := range texts {
		out[i] = json.RawMessage(t)
	}
	return out
}

// versionOf is the version with that number, or the published one for 0.
func (a *Audiences) versionOf(ctx context.Context, kind project.Kind, name string, version uint64) (*Materialization, error) {
	if version == 0 {
		m, err := a.published(ctx, kind, name)
		if err == nil && m == nil {
			err = fmt.Errorf("%s %s has no published result: %w", kind, name, ErrNotFound)
		}
		return m, err
	}
	found, err := a.records(ctx, a.newestWhere("l.kind = ? AND l.name = ? AND l.version = ?"), string(kind), name, version)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || found[0].Table == "" {
		return nil, fmt.Errorf("version %d of %s %s: %w", version, kind, name, ErrNotFound)
	}
	return &found[0], nil
}

func chosenColumns(columns []Column, names []string) ([]Column, error) {
	if len(names) == 0 {
		return columns, nil
	}
	var out []Column
	for _, name := range names {
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no column %s: %w", name, ErrInvalid)
		}
		out = append(out, columns[i])
	}
	return out, nil
}
