package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// CatalogColumn is one column that SQL may read, and whether it holds personal data.
type CatalogColumn struct {
	Table    string `json:"table" ch:"table"`
	Column   string `json:"column" ch:"name"`
	Type     string `json:"type" ch:"type"`
	Personal bool   `json:"personal" ch:"-" doc:"Viewers see it masked"`
}

// impersonal are the text columns of our own tables that name nobody.
var impersonal = map[string][]string{
	"audience_changes": {"name"},
	"events_rejected":  {"rule"}, // a pointer holds names of fields, which senders choose
	"materializations": {"id", "name", "trigger", "project_hash", "row_fingerprint", "input_versions", "table_name", "columns", "state", "kind"},
}

// isPersonal says whether viewers see a column masked. Text is, unless it is one of few words (LowCardinality), of ours and
// known to name nobody, or called public by its file: so what SQL derives from personal text is masked too, however it is
// derived. Numbers and dates are if a file calls a column of that name personal.
func isPersonal(p *project.Project, c CatalogColumn) bool {
	f := p.SQL(c.Table)
	if f != nil && slices.Contains(f.Header.Public, c.Column) {
		return false
	}
	if calledPersonal(p, c.Column) {
		return true
	}
	if trait := p.Trait(c.Column); c.Table == "profiles" && trait != nil {
		return mayName(c.Type) && !slices.ContainsFunc(trait.Header.Public, func(name string) bool { return name != trait.Header.Key })
	}
	return mayName(c.Type) && !slices.Contains(impersonal[c.Table], c.Column)
}

// calledPersonal reports whether columns of a name hold personal data whatever their type: a file says so, or it is the
// name of an identifier.
func calledPersonal(p *project.Project, column string) bool {
	return column == "user_id" || column == "anonymous_id" ||
		slices.ContainsFunc(p.SQLFiles(), func(f *project.SQLFile) bool { return slices.Contains(f.Header.Personal, column) })
}

// mayName reports whether values of a type can name somebody.
func mayName(typ string) bool {
	switch {
	case strings.HasPrefix(typ, "LowCardinality("), strings.HasPrefix(typ, "Array(LowCardinality("), typ == "UUID":
		return false
	}
	return strings.Contains(typ, "String") || strings.Contains(typ, "JSON") || strings.Contains(typ, "Dynamic") || strings.Contains(typ, "Variant") ||
		strings.Contains(typ, "IPv") || strings.HasPrefix(typ, "Object") || strings.HasPrefix(typ, "AggregateFunction") || strings.HasPrefix(typ, "SimpleAggregateFunction")
}

// maskedSQL is what viewers see of a column.
func maskedSQL(c CatalogColumn) string {
	name := warehouse.QuoteIdentifier(c.Column)
	if !c.Personal {
		return name
	}
	short := func(text string) string {
		return "if(empty(" + text + "), '', concat(substringUTF8(" + text + ", 1, 1), '•••'))"
	}
	masked := ""
	switch c.Type {
	case "String", "LowCardinality(String)":
		masked = short(name)
	case "Nullable(String)", "LowCardinality(Nullable(String))":
		masked = "if(isNull(" + name + "), NULL, " + short("assumeNotNull("+name+")") + ")"
	case "Array(String)":
		masked = "arrayMap(t -> " + short("t") + ", " + name + ")"
	case "JSON":
		masked = "CAST('{}', 'JSON')"
	default:
		masked = "defaultValueOfTypeName(" + quoteText(c.Type) + ")"
	}
	return masked + " AS " + name
}

func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// catalog lists the columns of the views that SQL may name.
func (s *Server) catalog(ctx context.Context, tables ...string) ([]CatalogColumn, error) {
	columns := []CatalogColumn{}
	err := s.opts.DB.Select(ctx, &columns, "SELECT table, name, type FROM system.columns WHERE database = {db:String} AND (empty({tables:Array(String)}) OR has({tables:Array(String)}, table))"+
		" ORDER BY table, position", warehouse.P{"db": s.opts.DB.ProjectDatabase(), "tables": tables})
	if err != nil {
		return nil, fmt.Errorf("listing the columns that SQL may read: %w", err)
	}
	p := s.opts.Project()
	columns = slices.DeleteFunc(columns, func(c CatalogColumn) bool {
		return p.SQL(c.Table) == nil && !slices.Contains(project.PublicTables, c.Table)
	})
	for i := range columns {
		columns[i].Personal = isPersonal(p, columns[i])
	}
	return columns, nil
}

// maskedQuery lets a viewer's statement read views that hide personal data instead of the tables it names. So nothing
// that the statement does with a column, filters and functions included, gets behind the mask.
func (s *Server) maskedQuery(ctx context.Context, sql string, o warehouse.GateOptions) (*warehouse.Checked, error) {
	for name := range o.AllowedTables {
		if strings.Contains(name, ".") { // another database's: nobody says there what is personal
			delete(o.AllowedTables, name)
		}
	}
	checked, err := s.opts.DB.Check(ctx, sql, o)
	if err != nil {
		return nil, err
	}
	tables := []string{}
	for _, full := range checked.Tables {
		if name, ok := strings.CutPrefix(full, s.opts.DB.ProjectDatabase()+"."); ok {
			tables = append(tables, name)
		}
	}
	if len(tables) == 0 {
		return checked, nil
	}
	if err := s.maskedViews(ctx, tables); err != nil {
		return nil, err
	}
	o.Views = s.opts.DB.MaskedDatabase()
	return s.opts.DB.Check(ctx, sql, o)
}

// maskedViews makes the views that hide the personal columns of tables, as the columns and the files are now.
func (s *Server) maskedViews(ctx context.Context, tables []string) error {
	columns, err := s.catalog(ctx, tables...)
	if err != nil {
		return err
	}
	shown := map[string][]string{}
	for _, c := range columns {
		shown[c.Table] = append(shown[c.Table], maskedSQL(c))
	}
	masked := warehouse.QuoteIdentifier(s.opts.DB.MaskedDatabase())
	if err := s.opts.DB.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+masked); err != nil {
		return fmt.Errorf("making the database of masked views: %w", err)
	}
	for table, columns := range shown {
		err := s.opts.DB.Exec(ctx, "CREATE OR REPLACE VIEW "+masked+"."+warehouse.QuoteIdentifier(table)+" AS SELECT "+strings.Join(columns, ", ")+
			" FROM "+warehouse.QuoteIdentifier(s.opts.DB.ProjectDatabase())+"."+warehouse.QuoteIdentifier(table))
		if err != nil {
			return fmt.Errorf("making the masked view of %s: %w", table, err)
		}
	}
	return nil
}

func (s *Server) registerCatalog() {
	register(s, endpoint{id: "list-columns", method: http.MethodGet, path: "/api/v1/columns", summary: "Every column that SQL may read, and which are personal", tag: "query", role: Viewer},
		func(ctx context.Context, in *struct {
			Table string `query:"table" doc:"Only this one's"`
		}) (*body[page[CatalogColumn]], error) {
			tables := []string{}
			if in.Table != "" {
				tables = append(tables, in.Table)
			}
			columns, err := s.catalog(ctx, tables...)
			if err != nil {
				return nil, err
			}
			return pageOf(s, columns, ""), nil
		})
}
