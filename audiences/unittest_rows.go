package audiences

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// structure lists columns with their types, as format() and CREATE TABLE take them.
func structure(columns []Column) string {
	items := make([]string, len(columns))
	for i, c := range columns {
		items[i] = warehouse.QuoteIdentifier(c.Name) + " " + c.Type
	}
	return strings.Join(items, ", ")
}

// rows is the expression of the rows that the test gives for an input; without
// any it is empty, with the right columns.
func (s *scene) rows(name string, columns []Column) (string, error) {
	i, ok := s.given[name]
	if !ok {
		return s.literal(columns, nil), nil
	}
	at := []string{"given", strconv.Itoa(i), "rows"}
	var out []map[string]any
	for r, row := range s.t.Given[i].Rows.List {
		typed, err := s.typed(row, columns, append(slices.Clone(at), strconv.Itoa(r)))
		if err != nil {
			return "", err
		}
		out = append(out, typed)
	}
	return s.literal(columns, out), nil
}

// literal is the expression of rows, whose values travel as a parameter.
func (s *scene) literal(columns []Column, rows []map[string]any) string {
	name := fmt.Sprintf("tailrace_rows_%d", len(s.args))
	var text strings.Builder
	for _, row := range rows {
		raw, err := json.Marshal(row)
		if err != nil {
			// Rows hold what YAML can say: text, numbers, booleans, lists and mappings of them.
			panic(fmt.Sprintf("encoding a test's row: %v", err))
		}
		text.Write(raw)
		text.WriteByte('\n')
	}
	s.args[name] = text.String()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = warehouse.QuoteIdentifier(c.Name)
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM format(JSONEachRow, " + quoteText(structure(columns)) + ", {" + name + ":String})"
}

// typed gives a row's values the form that their columns take: names of people
// become profile ids, times relative to now become times.
func (s *scene) typed(row map[string]any, columns []Column, at []string) (map[string]any, error) {
	out := make(map[string]any, len(row))
	for _, name := range slices.Sorted(maps.Keys(row)) {
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
		if i < 0 {
			var known []string
			for _, c := range columns {
				known = append(known, c.Name)
			}
			return nil, failAt(s.t.Path, s.t.At(append(slices.Clone(at), name)...), "unknown column "+name, "there are "+strings.Join(known, ", "))
		}
		out[name] = s.value(row[name], columns[i].Type)
	}
	return out, nil
}

func (s *scene) value(v any, columnType string) any {
	text, ok := v.(string)
	switch {
	case !ok:
		return v
	case strings.Contains(columnType, "UUID"):
		return s.names.profile(text).String()
	case strings.Contains(columnType, "Date"):
		return moment(text, columnType, s.t.Now.Time)
	case strings.Contains(columnType, "Bool") || strings.Contains(columnType, "UInt8"):
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return v
}

// moment writes a time as a column's type takes it; what is no time stays, for the warehouse to judge.
func moment(text, columnType string, now time.Time) string {
	at, ok := project.RelativeTime(text, now)
	if !ok {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return text
		}
		at = parsed
	}
	switch {
	case strings.Contains(columnType, "DateTime64"):
		return at.UTC().Format("2006-01-02 15:04:05.000")
	case strings.Contains(columnType, "DateTime"):
		return at.UTC().Format("2006-01-02 15:04:05")
	}
	return at.UTC().Format(time.DateOnly)
}

// unitNames are the people of a test, by what the test calls them.
type unitNames struct {
	ids   map[string]uuid.UUID // kind:value
	shown map[string]string    // profile id → the name that is printed
}

// profile is the profile that a test calls name: a UUID, kind:value, or a bare
// identifier, which is a user_id where no event says otherwise.
func (n *unitNames) profile(name string) uuid.UUID {
	if id, err := uuid.Parse(name); err == nil {
		return id
	}
	kinds, value := []string{"user_id", "anonymous_id", "email"}, name
	if kind, rest, ok := strings.Cut(name, ":"); ok && slices.Contains(kinds, kind) {
		kinds, value = []string{kind}, rest
	}
	for _, kind := range kinds {
		if id, ok := n.ids[kind+":"+value]; ok {
			n.show(id, name)
			return id
		}
	}
	id := profileOf(kinds[0], value)
	n.show(id, name)
	return id
}

func (n *unitNames) show(id uuid.UUID, name string) {
	if _, taken := n.shown[id.String()]; !taken {
		n.shown[id.String()] = name
	}
}

// makeExternal makes the tables of other databases that tests give, with the
// columns that their rows and their columns: tell.
func (u *Units) makeExternal(ctx context.Context) error {
	types := map[string]map[string]string{}
	for _, t := range u.p.UnitTests {
		for _, g := range t.Given {
			name := g.InputName()
			if !strings.Contains(name, ".") {
				continue
			}
			if types[name] == nil {
				types[name] = map[string]string{}
			}
			for _, row := range g.Rows.List {
				for column, v := range row {
					if guessed := guess(v, t.Now.Time); guessed != "" {
						types[name][column] = wider(types[name][column], guessed)
					} else if types[name][column] == "" {
						types[name][column] = ""
					}
				}
			}
		}
	}
	for _, t := range u.p.UnitTests {
		for _, g := range t.Given {
			maps.Copy(types[g.InputName()], g.Columns)
		}
	}
	for name, columns := range types {
		if len(columns) == 0 {
			continue
		}
		for _, column := range slices.Sorted(maps.Keys(columns)) {
			kind := columns[column]
			if kind == "" {
				kind = "Nullable(String)"
			}
			u.own[name] = append(u.own[name], Column{Name: column, Type: kind})
		}
		database, table, _ := strings.Cut(name, ".")
		if err := u.a.db.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+warehouse.QuoteIdentifier(database)); err != nil {
			return fmt.Errorf("making the database of %s: %w", name, err)
		}
		if err := u.makeTable(ctx, warehouse.QuoteIdentifier(database)+"."+warehouse.QuoteIdentifier(table), u.own[name]); err != nil {
			return err
		}
	}
	return nil
}

// guess is the type of a column of which nothing but a value is known.
func guess(v any, now time.Time) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return "Nullable(Bool)"
	case int, int64, uint64:
		return "Nullable(Int64)"
	case float64:
		return "Nullable(Float64)"
	case []any:
		return "Array(String)"
	case string:
		if _, ok := project.RelativeTime(v, now); ok {
			return "Nullable(DateTime64(3, 'UTC'))"
		}
		if _, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return "Nullable(DateTime64(3, 'UTC'))"
		}
	}
	return "Nullable(String)"
}

// wider is the type that holds the values of both.
func wider(a, b string) string {
	const whole, fraction = "Nullable(Int64)", "Nullable(Float64)"
	switch {
	case a == "" || a == b:
		return b
	case (a == whole && b == fraction) || (a == fraction && b == whole):
		return fraction
	}
	return "Nullable(String)"
}
