package audiences

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// resultName is what the tested file's result is called in the statement.
const resultName = "tailrace_result"

// scene is the world of one test: common table expressions in the place of every table.
type scene struct {
	u     *Units
	t     *project.UnitTest
	from  *sources
	args  warehouse.P
	given map[string]int // index of the input by name
	names *unitNames
}

// scene puts the given rows, and what is computed of them, in the place of all that the tested file reads.
func (u *Units) scene(ctx context.Context, t *project.UnitTest) (*scene, error) {
	s := &scene{u: u, t: t, from: &sources{names: map[string]string{}}, given: map[string]int{},
		args: warehouse.P{"blocked": u.a.blockedValues(u.p)}}
	for i, g := range t.Given {
		s.given[g.InputName()] = i
	}
	if err := s.people(); err != nil {
		return nil, err
	}
	n := t.Node()
	need := append(u.p.Graph().Upstream(n), n)
	if u.readsProfiles(n) {
		for _, name := range u.traits {
			trait := project.Node{Kind: project.KindTrait, Name: name}
			if trait != n {
				need = append(need, append(u.p.Graph().Upstream(trait), trait)...)
			}
		}
	}
	// First the tables, then the traits that profiles shows, then profiles, then the rest, each after what it reads.
	for _, x := range need {
		if x.Kind == project.KindExternal || (x.Kind == project.KindBuiltin && x.Name != "profiles") {
			if err := s.table(x); err != nil {
				return nil, err
			}
		}
	}
	order := u.p.Graph().Nodes()
	profiles := u.readsProfiles(n)
	for _, early := range []bool{true, false} {
		if !early && profiles {
			if err := s.profiles(n); err != nil {
				return nil, err
			}
		}
		for _, x := range order {
			f := u.p.SQL(x.Name)
			if f == nil || f.Kind != x.Kind || x == n || !slices.Contains(need, x) || u.readsProfiles(x) == early {
				continue
			}
			if err := s.file(ctx, f); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// use makes a name of the project's database, or of any, stand for an expression.
func (s *scene) use(name, sql string, of ...string) {
	alias := strings.ReplaceAll(name, ".", "__")
	s.from.expressions = append(s.from.expressions, expression(alias, sql))
	for _, database := range of {
		s.from.names[database] = alias
	}
}

func (s *scene) full(name string) []string {
	return []string{s.u.a.db.ProjectDatabase() + "." + name, s.u.a.db.Database() + "." + name}
}

// table gives the rows of a table that isn't computed: those of the test, else none.
func (s *scene) table(n project.Node) error {
	if n.Name == "events" || n.Name == "identities" || n.Name == "events_raw" {
		return nil // people makes them
	}
	columns, of := s.u.own[n.Name], s.full(n.Name)
	if n.Kind == project.KindExternal {
		columns, of = s.u.own[n.Name], []string{n.Name}
		if columns == nil {
			return failAt(s.t.Path, s.t.At(), "the columns of "+n.Name+" aren't known", "give it as an input, with rows or columns")
		}
	}
	sql, err := s.rows(n.Name, columns)
	if err != nil {
		return err
	}
	s.use(n.Name, sql, of...)
	return nil
}

// file gives a model, trait or audience: the rows of the test, else what the file computes.
func (s *scene) file(ctx context.Context, f *project.SQLFile) error {
	if _, ok := s.given[f.Name]; ok {
		columns := s.u.models[f.Name]
		if shape := s.u.shapes[f.Name]; shape != nil {
			columns = shape.stored
		}
		sql, err := s.rows(f.Name, columns)
		if err != nil {
			return err
		}
		s.use(f.Name, sql, s.full(f.Name)...)
		return nil
	}
	return s.add(ctx, f, f.Name)
}

// add computes a file as a materialization would, under a name.
func (s *scene) add(ctx context.Context, f *project.SQLFile, name string) error {
	checked, err := s.u.check(ctx, f, s.t.Now.Time)
	if err != nil {
		return err
	}
	sql := checked.Rename(s.from.names)
	if shape := s.u.shapes[f.Name]; shape != nil {
		sql = shape.members(sql, name == resultName)
	}
	s.use(name, sql, s.full(name)...)
	return nil
}

// members are the rows of a file's statement that have a key, with the stored columns: what insert writes.
func (s *shape) members(sql string, withKey bool) string {
	var columns, outer []string
	for _, c := range s.stored {
		name := warehouse.QuoteIdentifier(c.Name)
		outer = append(outer, name)
		switch {
		case s.resolve != "" && c.Name == columnProfile:
			columns = append(columns, "toUUIDOrZero("+keyAlias+") AS "+name)
		case s.file.Header.Experiment != nil && c.Name == project.HoldoutColumn:
			columns = append(columns, s.file.Header.Experiment.HeldOutSQL(keyAlias)+" AS "+name)
		default:
			columns = append(columns, "CAST(r."+name+" AS "+c.Type+") AS "+name)
		}
	}
	if withKey {
		outer = append(outer, keyAlias)
	}
	out := "SELECT " + strings.Join(outer, ", ") + " FROM (\nSELECT " + s.keyText() + " AS " + keyAlias + ", " + strings.Join(columns, ", ") +
		" FROM (\n" + sql + "\n) AS r"
	limit := ""
	if s.resolve != "" {
		key := "r." + warehouse.QuoteIdentifier(s.keyColumn)
		out += "\nLEFT JOIN (SELECT value, profile_id FROM identities WHERE kind = " + quoteText(s.resolve) + ") AS i ON i.value = ifNull(toString(" + key + "), '')"
		limit = "\nORDER BY " + text(s.keyColumn) + " LIMIT 1 BY " + keyAlias
	}
	return out + "\n) WHERE " + keyAlias + " != ''" + limit
}

// profiles is the view of that name, over the test's events and traits.
func (s *scene) profiles(n project.Node) error {
	if _, ok := s.given["profiles"]; ok {
		sql, err := s.rows("profiles", s.u.own["profiles"])
		if err != nil {
			return err
		}
		s.use("profiles", sql, s.full("profiles")...)
		return nil
	}
	columns, joins := "", ""
	for i, c := range s.u.own["profiles"] {
		if slices.Contains(profileColumns, c.Name) {
			continue
		}
		shape := s.u.shapes[c.Name]
		if !slices.Contains(s.u.traits, c.Name) || n == (project.Node{Kind: project.KindTrait, Name: c.Name}) || shape == nil {
			columns += ", CAST(defaultValueOfTypeName(" + quoteText(c.Type) + ") AS " + c.Type + ") AS " + warehouse.QuoteIdentifier(c.Name)
			continue
		}
		value, _ := traitValue(shape.file, &Materialization{Columns: shape.stored})
		columns += fmt.Sprintf(", t%d.value AS %s", i, warehouse.QuoteIdentifier(c.Name))
		joins += fmt.Sprintf("\nLEFT JOIN (SELECT toString(%s) AS key, %s AS value FROM %s) AS t%d ON t%d.key = toString(p.profile_id)",
			warehouse.QuoteIdentifier(shape.stored[0].Name), nullable(value), warehouse.QuoteIdentifier(c.Name), i, i)
	}
	sql, err := s.u.a.statement("profiles", map[string]string{"trait_columns": columns, "trait_joins": joins})
	if err != nil {
		return err
	}
	own := warehouse.QuoteIdentifier(s.u.a.db.Database())
	sql = strings.NewReplacer(own+".identities FINAL", "identities", own+".events", "events").Replace(sql)
	s.use("profiles", sql, s.full("profiles")...)
	return nil
}
