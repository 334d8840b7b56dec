package syncs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// column is a column of a view, with its ClickHouse type.
type column struct {
	Name string `ch:"name"`
	Type string `ch:"type"`
}

// source is where a sync's rows come from: a view of the project's database,
// joined with profiles where the mapping reads them.
type source struct {
	view     string
	columns  map[string]string // name → type
	profile  map[string]string // of the view profiles, if it is joined
	key      string            // the key's column
	keyType  string
	personID string // SQL of the profile id, "" if the rows aren't about people
}

// source describes what a sync reads.
func (e *Engine) source(ctx context.Context, j *job) (*source, error) {
	kind, name := j.sync.Reads()
	file := sourceFile(j.project, j.sync)
	if file == nil {
		return nil, fmt.Errorf("%s %s isn't in the project", kind, name)
	}
	if kind != project.KindModel {
		if err := e.viewFollows(ctx, kind, name); err != nil {
			return nil, err
		}
	}
	columns, err := e.columnsOf(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf("%s %s "+noVersion, kind, name)
	}
	s := &source{view: name, columns: map[string]string{}, key: keyColumn(file, columns)}
	for _, c := range columns {
		s.columns[c.Name] = c.Type
	}
	s.keyType = s.columns[s.key]
	if file.Kind != project.KindModel && file.Header.Entity != "none" && file.Header.Entity != "group" {
		s.personID = asUUID("s."+warehouse.QuoteIdentifier(s.key), s.keyType)
	} else if typ, ok := s.columns["profile_id"]; ok {
		s.personID = asUUID("s.profile_id", typ)
	}
	return s, e.addProfile(ctx, j, s)
}

// addProfile joins profiles to a source whose mapping reads them.
func (e *Engine) addProfile(ctx context.Context, j *job, s *source) error {
	if !slices.ContainsFunc(mappedColumns(j.sync), func(c project.Column) bool { return c.Profile }) {
		return nil
	}
	if s.personID == "" {
		return fmt.Errorf("%s has no profile_id, so profile.* can't be mapped", s.view)
	}
	profile, err := e.columnsOf(ctx, "profiles")
	if err != nil {
		return err
	}
	s.profile = map[string]string{}
	for _, c := range profile {
		s.profile[c.Name] = c.Type
	}
	return nil
}

// viewFollows sees that the view by a file's name shows the published version.
// A version of another shape has a table of its own, and for a moment after it
// is published the view still shows the old one: its rows must not be recorded
// as the new version's.
func (e *Engine) viewFollows(ctx context.Context, kind project.Kind, name string) error {
	var behind bool
	err := e.db.Get(ctx, &behind, "SELECT t.table_name != '' AND position(v.create_table_query, t.table_name) = 0 FROM (SELECT argMax(table_name, version) AS table_name FROM "+
		e.table("materialization_log")+" WHERE kind = ? AND name = ? AND state = 'published') AS t,"+
		" (SELECT any(create_table_query) AS create_table_query FROM system.tables WHERE database = ? AND name = ?) AS v",
		string(kind), name, e.db.ProjectDatabase(), name)
	if err != nil {
		return fmt.Errorf("looking at the view of %s: %w", name, err)
	}
	if behind {
		return &Later{At: e.now().Add(time.Second), Reason: fmt.Sprintf("the view of %s is about to follow its newest version", name)}
	}
	return nil
}

func (e *Engine) columnsOf(ctx context.Context, view string) ([]column, error) {
	var columns []column
	err := e.db.Select(ctx, &columns, "SELECT name, type FROM system.columns WHERE database = ? AND table = ? ORDER BY position",
		e.db.ProjectDatabase(), view)
	if err != nil {
		return nil, fmt.Errorf("reading the columns of %s: %w", view, err)
	}
	return columns, nil
}

// keyColumn is the column with the entity's key.
func keyColumn(f *project.SQLFile, columns []column) string {
	has := func(name string) bool {
		return slices.ContainsFunc(columns, func(c column) bool { return c.Name == name })
	}
	switch {
	case f.Kind != project.KindModel && f.Header.Entity != "none" && f.Header.Entity != "group" && has("profile_id"):
		return "profile_id" // the materializer resolves every person's key to it
	case f.Header.Key != "" && has(f.Header.Key):
		return f.Header.Key
	}
	return columns[0].Name
}

func asUUID(expr, typ string) string {
	if typ == "UUID" {
		return expr
	}
	return "toUUIDOrZero(toString(" + expr + "))"
}

// mappedColumns are all columns that a sync maps.
func mappedColumns(s *project.Sync) []project.Column {
	var out []project.Column
	for _, c := range s.Match {
		out = append(out, c)
	}
	for _, f := range s.Fields {
		if !f.IsConst {
			out = append(out, f.Column)
		}
	}
	return out
}

// column is the SQL and type of a mapped column.
func (s *source) column(c project.Column) (expr, typ string, err error) {
	columns, alias := s.columns, "s."
	if c.Profile {
		columns, alias = s.profile, "p."
	}
	typ, ok := columns[c.Name]
	if !ok {
		return "", "", fmt.Errorf("unknown column %s", c)
	}
	return alias + warehouse.QuoteIdentifier(c.Name), typ, nil
}

// profileJoin joins the mapped columns of profiles, and nothing else of them.
func (s *source) profileJoin(projectDB string, sync *project.Sync) string {
	if s.profile == nil {
		return ""
	}
	names := []string{"profile_id"}
	for _, c := range mappedColumns(sync) {
		if c.Profile && !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	for i, n := range names {
		names[i] = warehouse.QuoteIdentifier(n)
	}
	return "LEFT ANY JOIN (SELECT " + strings.Join(names, ", ") + " FROM " + warehouse.QuoteIdentifier(projectDB) +
		".profiles) AS p ON p.profile_id = " + s.personID + "\n"
}
