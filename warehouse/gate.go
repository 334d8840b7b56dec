package warehouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/sql/lex"
)

// GateOptions say what a user's SQL may do.
type GateOptions struct {
	// AllowedTables are the tables and views that may be read: "name" is one of
	// the project's database (where the public tables have windows of the same
	// name), "database.name" one of any. What is not named is refused.
	AllowedTables map[string]bool
	// Views is the database in which names without one are looked up first, and
	// that of AllowedTables' bare names; empty means the project's.
	Views string
	// Now is the logical time that replaces now(), today() and their kin. Zero
	// leaves those calls as they are.
	Now time.Time
	// MaxRows caps the rows of the result, MaxReadRows the rows read for it,
	// MaxMemory the bytes of memory, MaxTime the time of each statement. Zero
	// means DefaultMaxTime for the time, and no cap for the others.
	MaxRows, MaxReadRows, MaxMemory uint64
	MaxTime                         time.Duration
}

// Column is one column of a statement's result.
type Column struct{ Name, Type string }

// Checked is a user's statement that passed the gate.
type Checked struct {
	// SQL is one SELECT without comments and without a semicolon; its tables
	// are qualified, so that it means the same in every database, and the calls
	// that read the clock are literals of the logical time. Its lines are those
	// of the user's text. It holds no `?`, so that it may be put into a
	// statement with bound values.
	SQL string
	// Tables are the tables and views it reads, as "database.name", sorted.
	Tables []string
	// Columns are those of its result, in order.
	Columns []Column
	// ReadsTime says that the user's text reads the clock.
	ReadsTime bool
}

// Wrap puts the statement into brackets of its own, so that nothing in it
// reaches what is around, with at most limit rows; 0 is no limit.
func (c *Checked) Wrap(limit uint64) string {
	wrapped := "SELECT * FROM (\n" + c.SQL + "\n)"
	if limit > 0 {
		wrapped += fmt.Sprintf(" LIMIT %d", limit)
	}
	return wrapped
}

// gate is one check under way.
type gate struct {
	db      *DB
	options GateOptions
	source  string      // the user's text
	tokens  []lex.Token // of the source, blanks and comments left out
	ctes    map[string]bool
	steps   []*lex.Rewritten // from the source to sql, in order
	sql     string           // what the engine is given
	allowed map[string]bool  // "database.name"
	lambdas map[string]bool  // functions that the statement itself names
	literal []string         // what stands for calls that read the clock
}

// Check lets a user's statement pass, or says why not: one SELECT that reads
// nothing but allowed tables, calls nothing but known harmless functions, and
// answers the same whenever it runs. The order of its steps is the protection:
// tokens first, then the two trees that the engine makes without running
// anything, and only then the resolved tree, for which the engine already runs
// scalar subqueries (under the options' limits).
//
// An error is a *GateError with the place in the user's text, unless the
// warehouse could not be asked.
func (db *DB) Check(ctx context.Context, sql string, o GateOptions) (*Checked, error) {
	g := &gate{db: db, options: o, source: sql, ctes: map[string]bool{}, allowed: map[string]bool{}}
	for name, yes := range o.AllowedTables {
		if yes {
			g.allowed[g.fullName(name)] = true
		}
	}
	if err := g.lexical(); err != nil {
		return nil, err
	}
	if err := g.rewrite(ctx); err != nil {
		return nil, err
	}
	if err := g.syntaxTree(ctx); err != nil {
		return nil, err
	}
	if err := g.plainTree(ctx); err != nil {
		return nil, err
	}
	tables, err := g.resolvedTree(ctx)
	if err != nil {
		return nil, err
	}
	columns, err := g.columns(ctx)
	if err != nil {
		return nil, err
	}
	return &Checked{SQL: g.sql, Tables: tables, Columns: columns, ReadsTime: lex.ReadsTime(sql)}, nil
}

// fullName completes a name of AllowedTables with the project's database.
func (g *gate) fullName(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return g.views() + "." + name
}

// views is the database with the views that bare names mean.
func (g *gate) views() string {
	return cmp.Or(g.options.Views, g.db.ProjectDatabase())
}

// resolve finds the allowed table that a reference means.
func (g *gate) resolve(ref lex.Ref) (database string, ok bool) {
	databases := []string{ref.Database}
	if ref.Database == "" {
		databases = []string{g.views(), g.db.Database()}
	}
	for _, database := range databases {
		if g.allowed[database+"."+ref.Name] {
			return database, true
		}
	}
	return "", false
}

// columns asks for the result's columns.
func (g *gate) columns(ctx context.Context) ([]Column, error) {
	const prefix = "DESCRIBE TABLE (\n"
	rows, err := g.query(ctx, prefix, "\n)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var columns []Column
	for rows.Next() {
		var c Column
		var rest [5]string
		fields := []any{&c.Name, &c.Type, &rest[0], &rest[1], &rest[2], &rest[3], &rest[4]}
		if len(rows.Columns()) != len(fields) {
			return nil, fmt.Errorf("checking SQL: DESCRIBE answered with the columns %v", rows.Columns())
		}
		if err := rows.Scan(fields...); err != nil {
			return nil, fmt.Errorf("checking SQL: %w", err)
		}
		columns = append(columns, c)
	}
	if err := rows.Close(); err != nil {
		return nil, g.engineError(err, len(prefix))
	}
	return columns, g.namedColumns(columns)
}

// namedColumns refuses a column whose name comes from a call that reads the
// clock: it would have another name at each run.
func (g *gate) namedColumns(columns []Column) error {
	for i, c := range columns {
		if !slices.ContainsFunc(g.literal, func(l string) bool { return strings.Contains(c.Name, l) }) {
			continue
		}
		pos := lex.Pos{Line: 1, Column: 1}
		if items := lex.SelectItems(g.tokens); i < len(items) && len(items) == len(columns) {
			pos = items[i].Pos
		}
		return &GateError{Line: pos.Line, Column: pos.Column, Code: GateUnnamed,
			Message: "this column reads the clock and has no name of its own", Hint: "give it one: … AS name"}
	}
	return nil
}

// query runs prefix + sql + suffix as a read-only statement under the limits.
func (g *gate) query(ctx context.Context, prefix, suffix string) (*Rows, error) {
	rows, err := g.db.Query(ctx, prefix+g.sql+suffix, g.options.checkLimits(), LaneUser)
	if err != nil {
		return nil, g.engineError(err, len(prefix))
	}
	return rows, nil
}

// lines runs a statement that answers with lines of text.
func (g *gate) lines(ctx context.Context, prefix string) ([]string, error) {
	rows, err := g.query(ctx, prefix, "")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, fmt.Errorf("checking SQL: %w", err)
		}
		lines = append(lines, line)
	}
	if err := rows.Close(); err != nil {
		return nil, g.engineError(err, len(prefix))
	}
	return lines, nil
}
