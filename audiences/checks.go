package audiences

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// test runs the checks of the file's header on a sealed version. What fails
// with severity error is one failure that names all; the rest are warnings.
func (a *Audiences) test(ctx context.Context, p *project.Project, f *project.SQLFile, m *Materialization) (warnings []string, err error) {
	var failed project.Diagnostics
	for _, t := range f.Header.Tests {
		why, err := a.runTest(ctx, p, f, m, t)
		if err != nil {
			return nil, err
		}
		if why == "" {
			continue
		}
		d := project.Diagnostic{Severity: t.Severity, Path: f.Path, Line: t.At.Line, Column: t.At.Column, Message: "test " + t.String() + ": " + why}
		if t.Severity == project.SeverityWarning {
			warnings = append(warnings, d.String())
		} else {
			failed = append(failed, d)
		}
	}
	if len(failed) > 0 {
		return warnings, &failure{failed}
	}
	return warnings, nil
}

// runTest says in words why a test fails; "" when it passes.
func (a *Audiences) runTest(ctx context.Context, p *project.Project, f *project.SQLFile, m *Materialization, t project.Test) (string, error) {
	switch t.Kind {
	case project.TestMinMembers:
		if m.Rows < uint64(t.Members) {
			return fmt.Sprintf("there are %d", m.Rows), nil
		}
		return "", nil
	case project.TestMaxMembers:
		if m.Rows > uint64(t.Members) {
			return fmt.Sprintf("there are %d", m.Rows), nil
		}
		return "", nil
	case project.TestSQL:
		return a.runSQLTest(ctx, p, f, m, t)
	}
	column := t.Column
	if column == "" {
		column = columnKey
	} else if !hasColumn(m.Columns, column) {
		return "there is no such column", nil
	}
	sql, args, err := a.columnTest(p, f, m, t, column)
	if err != nil {
		return "", err
	}
	args["version"] = m.Version
	var bad uint64
	if err := a.db.Get(ctx, &bad, sql, args); err != nil {
		return "", asFailure(f, fmt.Errorf("testing %s: %w", f.Name, err))
	}
	if bad == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d %s don't pass", bad, map[bool]string{true: "values", false: "rows"}[t.Kind == project.TestUnique]), nil
}

func hasColumn(columns []Column, name string) bool {
	for _, c := range columns {
		if c.Name == name {
			return true
		}
	}
	return false
}

// columnTest is the statement that counts what doesn't pass.
func (a *Audiences) columnTest(p *project.Project, f *project.SQLFile, m *Materialization, t project.Test, column string) (string, warehouse.P, error) {
	quoted := warehouse.QuoteIdentifier(column)
	rows := " FROM " + a.table(m.Table) + " WHERE version = {version:UInt64}"
	switch t.Kind {
	case project.TestUnique:
		return "SELECT count() FROM (SELECT " + quoted + rows + " AND isNotNull(" + quoted + ") GROUP BY " + quoted + " HAVING count() > 1)", warehouse.P{}, nil
	case project.TestNotNull:
		return "SELECT count()" + rows + " AND isNull(" + quoted + ")", warehouse.P{}, nil
	case project.TestAcceptedValues:
		return "SELECT count()" + rows + " AND isNotNull(" + quoted + ") AND NOT has({values:Array(String)}, ifNull(toString(" + quoted + "), ''))",
			warehouse.P{"values": t.Values}, nil
	case project.TestRelationships:
		to := a.view(t.To)
		if database, table, ok := strings.Cut(t.To, "."); ok {
			to = warehouse.QuoteIdentifier(database) + "." + warehouse.QuoteIdentifier(table)
		} else if p.SQL(t.To) == nil && !slices.Contains(project.PublicTables, t.To) {
			return "", nil, failAt(f.Path, t.At, fmt.Sprintf("test %s: unknown table %s", t, t.To), "")
		}
		return "SELECT count()" + rows + " AND isNotNull(" + quoted + ") AND ifNull(toString(" + quoted + "), '') NOT IN" +
			" (SELECT ifNull(toString(" + warehouse.QuoteIdentifier(t.Field) + "), '') FROM " + to + ")", warehouse.P{}, nil
	}
	return "", nil, failAt(f.Path, t.At, fmt.Sprintf("unknown test %s", t), "")
}

// runSQLTest runs a query that must return nothing. It reads the new version
// under the file's own name, and besides it what the file reads.
func (a *Audiences) runSQLTest(ctx context.Context, p *project.Project, f *project.SQLFile, m *Materialization, t project.Test) (string, error) {
	in, err := a.readInputs(ctx, p, project.Node{Kind: f.Kind, Name: f.Name})
	if err != nil {
		return "", err
	}
	from, err := a.sourcesOf(ctx, p, f, in, m.LogicalTime)
	if err != nil {
		return "", err
	}
	if err := a.firstView(ctx, m); err != nil {
		return "", err
	}
	o := a.gateOptions(p, f, m.LogicalTime)
	o.AllowedTables[a.db.ProjectDatabase()+"."+f.Name] = true
	checked, err := a.db.Check(ctx, t.SQL, o)
	if err != nil {
		return "", asFailureAt(f, t.At, err)
	}
	a.add(from, f.Name, a.versionRows(m))
	a.add(from, rowsName, checked.Rename(from.names))
	var rows uint64
	sql := withClause(from.expressions) + "SELECT count() FROM (SELECT 1 FROM " + rowsName + " LIMIT 1000)"
	if err := a.db.Get(withoutDeadline{ctx}, &rows, sql, o.Limits(), warehouse.LaneUser); err != nil {
		return "", asFailureAt(f, t.At, fmt.Errorf("running test %s: %w", t, err))
	}
	if rows == 0 {
		return "", nil
	}
	return fmt.Sprintf("it returned %d rows (1000 at most are counted)", rows), nil
}

// firstView makes the view by the file's name, empty, if there is none yet: the
// gate resolves names in the warehouse.
func (a *Audiences) firstView(ctx context.Context, m *Materialization) error {
	base, err := a.published(ctx, m.Kind, m.Name)
	if err != nil || base != nil {
		return err
	}
	return a.resultView(ctx, m)
}
