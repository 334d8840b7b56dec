package audiences

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// profileColumns are the columns of profiles that no trait may take.
var profileColumns = []string{
	"profile_id", "user_id", "anonymous_ids", "email", "phone", "first_name", "last_name", "first_seen_at", "last_seen_at",
}

// profilesView makes the view profiles: one row a person, with a column for
// each published trait of profiles. The caller holds viewing.
func (a *Audiences) profilesView(ctx context.Context) error {
	p := a.project()
	if p == nil {
		return nil
	}
	var columns, joins []string
	for i, f := range p.Traits {
		m, err := a.published(ctx, project.KindTrait, f.Name)
		if err != nil {
			return err
		}
		value, ok := traitValue(f, m)
		if !ok || f.Header.Entity != "profile" || slices.Contains(profileColumns, f.Name) {
			continue
		}
		alias := fmt.Sprintf("t%d", i)
		columns = append(columns, fmt.Sprintf(",\n    %s.value AS %s", alias, warehouse.QuoteIdentifier(f.Name)))
		joins = append(joins, fmt.Sprintf(
			"\nLEFT JOIN (SELECT key, %s AS value FROM %s WHERE version = (SELECT max(version) FROM %s WHERE kind = 'trait' AND name = %s AND state = 'published' AND table_name = %s)) AS %s ON %s.key = toString(p.profile_id)",
			nullable(value), a.table(m.Table), a.table("materialization_log"), quoteText(f.Name), quoteText(m.Table), alias, alias))
	}
	for _, database := range []struct{ view, from string }{
		{a.table("profiles"), ""}, {a.view("profiles"), a.table("profiles")},
	} {
		sql := "CREATE OR REPLACE VIEW " + database.view + " AS\nSELECT * FROM " + database.from
		if database.from == "" {
			text, err := a.statement("profiles", map[string]string{
				"trait_columns": strings.Join(columns, ""), "trait_joins": strings.Join(joins, ""),
			})
			if err != nil {
				return err
			}
			sql = "CREATE OR REPLACE VIEW " + database.view + " AS\n" + text
		}
		if err := a.db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("making the view profiles: %w", err)
		}
	}
	return nil
}

// traitValue is the one value column of a trait's result.
func traitValue(f *project.SQLFile, m *Materialization) (Column, bool) {
	if m == nil {
		return Column{}, false
	}
	columns := slices.Clone(m.Columns)
	if i := f.Header.Incremental; i != nil && i.Expires != "" { // it says when the value next changes
		columns = slices.DeleteFunc(columns, func(c Column) bool { return c.Name == i.Expires })
	}
	if len(columns) == 3 && columns[0].Name == columnProfile { // a key that was resolved
		columns = columns[1:]
	}
	if len(columns) != 2 {
		return Column{}, false
	}
	return columns[1], true
}

// nullable lets who has no value have NULL, where the type can.
func nullable(c Column) string {
	name := warehouse.QuoteIdentifier(c.Name)
	for _, prefix := range []string{"Nullable(", "LowCardinality(", "Array(", "Map(", "Tuple(", "JSON", "Dynamic", "Variant("} {
		if strings.HasPrefix(c.Type, prefix) {
			return name
		}
	}
	return "toNullable(" + name + ")"
}
