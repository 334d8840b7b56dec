package audiences

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/Masterminds/squirrel"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// Change is one enter or exit.
type Change struct {
	Name        string    `ch:"name" json:"name"`
	Version     uint64    `ch:"version" json:"version"`
	Key         string    `ch:"key" json:"key"`
	Change      string    `ch:"change" json:"change"`   // enter, exit
	Because     []string  `ch:"because" json:"because"` // columns that were true; of an exit, those that had been
	LogicalTime time.Time `ch:"logical_time" json:"logical_time"`
}

// ChangesOptions filter and page an audience's history.
type ChangesOptions struct {
	Change       string    // enter or exit; both when empty
	Key          string    // of one member
	Version      uint64    // of one version
	Since, Until time.Time // on the logical time; since is included, until is not
	Cursor       string
	Limit        int
}

// Changes lists who entered and left an audience, the newest version first.
// Errors: ErrInvalid.
func (a *Audiences) Changes(ctx context.Context, name string, o ChangesOptions) (Page[Change], error) {
	var at struct {
		Version uint64 `json:"v"`
		Key     string `json:"k"`
	}
	if err := readCursor(o.Cursor, &at); err != nil {
		return Page[Change]{}, err
	}
	where := squirrel.And{squirrel.Eq{"name": name}}
	if o.Change != "" {
		if o.Change != "enter" && o.Change != "exit" {
			return Page[Change]{}, fmt.Errorf("a change is enter or exit, not %q: %w", o.Change, ErrInvalid)
		}
		where = append(where, squirrel.Eq{"change": o.Change})
	}
	if o.Key != "" {
		where = append(where, squirrel.Eq{"key": o.Key})
	}
	if o.Version > 0 {
		where = append(where, squirrel.Eq{"version": o.Version})
	}
	if !o.Since.IsZero() {
		where = append(where, squirrel.GtOrEq{"logical_time": o.Since.UTC()})
	}
	if !o.Until.IsZero() {
		where = append(where, squirrel.Lt{"logical_time": o.Until.UTC()})
	}
	if at.Version > 0 {
		where = append(where, squirrel.Or{
			squirrel.Lt{"version": at.Version},
			squirrel.And{squirrel.Eq{"version": at.Version}, squirrel.Gt{"key": at.Key}},
		})
	}
	limit := pageSize(o.Limit)
	sql, args, err := squirrel.Select("name", "version", "key", "change", "because", "logical_time").From(a.table("audience_changes")).
		Where(where).OrderBy("version DESC", "key").Limit(uint64(limit + 1)).ToSql()
	if err != nil {
		return Page[Change]{}, fmt.Errorf("listing the changes of %s: %w", name, err)
	}
	var all []Change
	if err := a.db.Select(ctx, &all, sql, args...); err != nil {
		return Page[Change]{}, fmt.Errorf("listing the changes of %s: %w", name, err)
	}
	return page(all, limit, func(c Change) any { at.Version, at.Key = c.Version, c.Key; return at })
}

// Explanation says why somebody is, or isn't, in an audience.
type Explanation struct {
	Name    string          `json:"name"`
	Key     string          `json:"key"`
	Member  bool            `json:"member"`
	Version uint64          `json:"version"` // the published one
	Row     json.RawMessage `json:"row,omitempty"`
	Because []string        `json:"because"` // columns that are true now
	SQL     string          `json:"sql"`
	History []Change        `json:"history"` // the newest first
}

// Why explains one key's membership: its row with all columns, what made it
// true, and every enter and exit. Errors: ErrNotFound when the audience has no
// published result.
func (a *Audiences) Why(ctx context.Context, name, key string) (Explanation, error) {
	m, err := a.versionOf(ctx, project.KindAudience, name, 0)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Name: name, Key: key, Version: m.Version, Because: []string{}}
	because, names := "CAST([], 'Array(String)')", []string{}
	if p := a.project(); p != nil && p.Audience(name) != nil {
		e.SQL = p.Audience(name).SQL
		because, names = becauseNames(p.Audience(name), m.Columns)
	}
	var rows []struct {
		Because []string `ch:"because"`
		Row     string   `ch:"row"`
	}
	sql := "SELECT " + because + " AS because, toJSONString(CAST(tuple(" + selectColumns(m.Columns) + "), " + quoteText(tupleType(m.Columns)) +
		")) AS row FROM " + a.table(m.Table) + " WHERE version = {version:UInt64} AND key = {key:String}"
	if err := a.db.Select(ctx, &rows, sql, warehouse.P{"version": m.Version, "key": key, "because": names}); err != nil {
		return e, fmt.Errorf("looking up a member of %s: %w", name, err)
	}
	if len(rows) > 0 {
		e.Member, e.Row, e.Because = true, json.RawMessage(rows[0].Row), rows[0].Because
	}
	history, err := a.Changes(ctx, name, ChangesOptions{Key: key, Limit: maxPage})
	e.History = history.Items
	return e, err
}

// tupleType names a tuple's elements, so that its JSON is an object.
func tupleType(columns []Column) string {
	text := ""
	for i, c := range columns {
		if i > 0 {
			text += ", "
		}
		text += warehouse.QuoteIdentifier(c.Name) + " " + c.Type
	}
	return "Tuple(" + text + ")"
}
