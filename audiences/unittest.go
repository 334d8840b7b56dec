package audiences

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// UnitStatus is how a unit test ended.
type UnitStatus string

// How unit tests end.
const (
	UnitPassed UnitStatus = "pass"
	UnitFailed UnitStatus = "fail"  // other rows came out
	UnitBroken UnitStatus = "error" // nothing came out: the SQL or the test's rows are wrong
)

// UnitResult is what became of a unit test.
type UnitResult struct {
	Name    string       `json:"name"`
	Kind    project.Kind `json:"kind"` // of the tested file
	File    string       `json:"file"` // its name
	Path    string       `json:"path"` // of the test's file
	Line    int          `json:"line"`
	Status  UnitStatus   `json:"status"`
	Seconds float64      `json:"seconds"`
	// Missing were expected and didn't come out; Unexpected came out and weren't expected.
	Missing    []UnitRow `json:"missing"`
	Unexpected []UnitRow `json:"unexpected"`
	Error      string    `json:"error,omitempty"`
}

// Units runs the unit tests of a project: the real SQL, through the real gate,
// at the test's time, over rows that the test gives instead of tables. The
// warehouse must be one of its own: the tables of the project's files are made
// there, empty, to resolve names by. It is not safe for concurrent use.
type Units struct {
	a      *Audiences
	p      *project.Project
	own    map[string][]Column // columns of Tailrace's own tables, as users' SQL sees them
	shapes map[string]*shape   // of traits and audiences that were looked at
	models map[string][]Column // columns of models that were looked at
	broken map[string]error    // files that can't be read from
	passed map[string]*warehouse.Checked
	traits []string // those that are columns of profiles here
	wide   bool     // profiles has them
}

// NewUnits prepares to run a project's tests in a migrated warehouse.
func NewUnits(ctx context.Context, db *warehouse.DB, p *project.Project, log *slog.Logger) (*Units, error) {
	a := New(Options{DB: db, Project: func() *project.Project { return p }, Now: time.Now, Log: log})
	u := &Units{a: a, p: p, own: map[string][]Column{}, shapes: map[string]*shape{}, models: map[string][]Column{},
		broken: map[string]error{}, passed: map[string]*warehouse.Checked{}}
	if err := u.readOwn(ctx); err != nil {
		return nil, err
	}
	return u, u.makeExternal(ctx)
}

// readOwn asks for the columns of Tailrace's own tables.
func (u *Units) readOwn(ctx context.Context) error {
	var rows []struct {
		Table string `ch:"table"`
		Name  string `ch:"name"`
		Type  string `ch:"type"`
	}
	sql := "SELECT table, name, type FROM system.columns WHERE database = ? ORDER BY table, position"
	if err := u.a.db.Select(ctx, &rows, sql, u.a.db.ProjectDatabase()); err != nil {
		return fmt.Errorf("reading the columns of tables: %w", err)
	}
	clear(u.own)
	for _, r := range rows {
		if slices.Contains(project.PublicTables, r.Table) {
			u.own[r.Table] = append(u.own[r.Table], Column{Name: r.Name, Type: r.Type})
		}
	}
	return nil
}

// Run runs one test. An error is of the machinery; all else is in the result.
func (u *Units) Run(ctx context.Context, t *project.UnitTest) (UnitResult, error) {
	n := t.Node()
	out := UnitResult{Name: t.Name, Kind: n.Kind, File: n.Name, Path: t.Path, Line: t.At().Line, Status: UnitPassed,
		Missing: []UnitRow{}, Unexpected: []UnitRow{}}
	err := u.prepare(ctx, n) // once for a file, so it isn't the test's time
	began := time.Now()
	if err == nil {
		err = u.run(ctx, t, &out)
	}
	out.Seconds = time.Since(began).Seconds()
	var mistake *failure
	if errors.As(err, &mistake) {
		out.Status, out.Error = UnitBroken, mistake.Error()
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("running the test %q of %s: %w", t.Name, t.Path, err)
	}
	return out, nil
}

func (u *Units) run(ctx context.Context, t *project.UnitTest, out *UnitResult) error {
	f := u.p.SQL(t.Node().Name)
	scene, err := u.scene(ctx, t)
	if err != nil {
		return err
	}
	if err := scene.add(ctx, f, resultName); err != nil {
		return err
	}
	return scene.compare(ctx, f, out)
}

// prepare makes the tables that names resolve to, of all that a file reads, in order.
func (u *Units) prepare(ctx context.Context, n project.Node) error {
	up := append(u.p.Graph().Upstream(n), n)
	if u.readsProfiles(n) && !u.wide {
		if err := u.widenProfiles(ctx); err != nil {
			return err
		}
	}
	for _, x := range up {
		if f := u.p.SQL(x.Name); f != nil && f.Kind == x.Kind {
			if err := u.look(ctx, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *Units) readsProfiles(n project.Node) bool {
	return slices.Contains(u.p.Graph().Upstream(n), project.Node{Kind: project.KindBuiltin, Name: "profiles"})
}

// widenProfiles gives the view profiles a column for each trait of profiles
// that isn't made of profiles itself.
func (u *Units) widenProfiles(ctx context.Context) error {
	u.wide = true
	columns := ""
	for _, f := range u.p.Traits {
		n := project.Node{Kind: f.Kind, Name: f.Name}
		if f.Header.Entity != "profile" || slices.Contains(profileColumns, f.Name) {
			continue
		}
		value := Column{Name: f.Name, Type: "Nullable(String)"}
		if !u.readsProfiles(n) {
			if err := u.prepare(ctx, n); err != nil {
				var mistake *failure
				if !errors.As(err, &mistake) {
					return err
				}
				continue // its own tests tell
			}
			found, ok := traitValue(f, &Materialization{Columns: u.shapes[f.Name].stored})
			if !ok {
				continue
			}
			value = found
			u.traits = append(u.traits, f.Name)
		}
		shown := value.Type
		if strings.HasPrefix(nullable(value), "toNullable") {
			shown = "Nullable(" + shown + ")"
		}
		columns += ", CAST(defaultValueOfTypeName(" + quoteText(shown) + ") AS " + shown + ") AS " + warehouse.QuoteIdentifier(f.Name)
	}
	sql := "CREATE OR REPLACE VIEW " + u.a.view("profiles") + " AS SELECT *" + columns + " FROM " + u.a.table("profiles")
	if err := u.a.db.Exec(ctx, sql); err != nil {
		return fmt.Errorf("making the view profiles: %w", err)
	}
	return u.readOwn(ctx)
}

// look finds a file's columns, and makes the table that stands for it.
func (u *Units) look(ctx context.Context, f *project.SQLFile) error {
	if u.models[f.Name] != nil || u.shapes[f.Name] != nil || u.broken[f.Name] != nil {
		return u.broken[f.Name]
	}
	err := u.lookOnce(ctx, f)
	var mistake *failure
	if errors.As(err, &mistake) {
		u.broken[f.Name] = err
	}
	return err
}

func (u *Units) lookOnce(ctx context.Context, f *project.SQLFile) error {
	checked, err := u.check(ctx, f, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		return err
	}
	var stored []Column
	if f.Kind == project.KindModel {
		for _, c := range checked.Columns {
			stored = append(stored, Column{Name: c.Name, Type: storableType(c.Type)})
		}
		u.models[f.Name] = stored
	} else {
		s, err := shapeOf(u.p, f, checked)
		if err != nil {
			return err
		}
		u.shapes[f.Name], stored = s, s.stored
	}
	return u.makeTable(ctx, u.a.view(f.Name), stored)
}

// makeTable makes an empty table for names to resolve to.
func (u *Units) makeTable(ctx context.Context, name string, columns []Column) error {
	if err := u.a.db.Exec(ctx, "CREATE OR REPLACE TABLE "+name+" ("+structure(columns)+") ENGINE = Memory"); err != nil {
		return fmt.Errorf("making the empty table %s: %w", name, err)
	}
	return nil
}

// check is the gate, once for a file and a time.
func (u *Units) check(ctx context.Context, f *project.SQLFile, now time.Time) (*warehouse.Checked, error) {
	key := f.Name + " " + now.String()
	if c := u.passed[key]; c != nil {
		return c, nil
	}
	c, err := u.a.gate(ctx, u.p, f, now)
	if err == nil {
		u.passed[key] = c
	}
	return c, err
}
