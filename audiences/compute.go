package audiences

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// rowsName is what the user's statement is called inside ours.
const rowsName = "tailrace_rows_of_the_file"

// compute runs the file's statement into the version's own partition, takes
// out what is no member, and seals the rows. m is advanced to computed by the
// caller.
func (a *Audiences) compute(ctx context.Context, p *project.Project, f *project.SQLFile, m *Materialization) error {
	node := project.Node{Kind: f.Kind, Name: f.Name}
	in, err := a.readInputs(ctx, p, node)
	if err != nil {
		return err
	}
	m.InputVersions, m.RowFingerprint, m.ProjectHash = in.versions, f.RowFingerprint(), p.Hash
	if err := a.advance(ctx, m, StateComputing); err != nil {
		return err
	}
	// First what it reads: the gate can't resolve a table that has no result yet.
	from, err := a.sourcesOf(ctx, p, f, in, m.LogicalTime)
	if err != nil {
		return err
	}
	checked, err := a.gate(ctx, p, f, m.LogicalTime)
	if err != nil {
		return err
	}
	s, err := shapeOf(p, f, checked)
	if err != nil {
		return err
	}
	m.Table, m.Columns = s.tableName(), s.stored
	table := a.table(m.Table)
	if err := a.db.Exec(ctx, s.createTable(table)); err != nil {
		return asFailure(f, fmt.Errorf("making the table of %s: %w", f.Name, err))
	}
	var by *step
	if f.Header.Incremental != nil {
		if by, err = a.increment(ctx, p, f, m, s); err != nil {
			return err
		}
	}
	if by != nil {
		defer a.dropAffected(ctx, by)
		events, err := a.statement("affected_events", map[string]string{"affected": by.affected})
		if err != nil {
			return err
		}
		if from, err = a.sourcesWith(ctx, p, f, in, m.LogicalTime, events); err != nil {
			return err
		}
	}
	if err := a.writeRows(ctx, p, s, m, checked, from, by); err != nil {
		return err
	}
	if err := a.settle(ctx, s, m, queryLimits(p, f)); err != nil || by == nil {
		return err
	}
	kept, err := a.keptDrops(ctx, by)
	m.DroppedKeys += kept
	return err
}

// writeRows runs the file's statement into the version's partition; by a step,
// what hasn't changed is carried over beside it.
func (a *Audiences) writeRows(ctx context.Context, p *project.Project, s *shape, m *Materialization, checked *warehouse.Checked, from *sources, by *step) error {
	f := s.file
	a.add(from, rowsName, checked.Rename(from.names))
	sql := s.insert(a.table(m.Table), m.Version, from.expressions, a.table("identities"), queryLimits(p, f).Rows)
	args := []any{
		warehouse.P{"blocked": a.blockedValues(p), "kind": s.resolve}, a.gateOptions(p, f, m.LogicalTime).InsertLimits(),
		warehouse.QueryID(fmt.Sprintf("materialize-%s-%d", m.ID, m.Version)), warehouse.LaneUser,
	}
	if err := a.db.Exec(withoutDeadline{ctx}, sql, args...); err != nil {
		return asFailure(f, fmt.Errorf("computing %s: %w", f.Name, err))
	}
	if by == nil {
		return nil
	}
	return a.carry(ctx, s, m.Version, by)
}

// shapeOf holds what the gate found against the file's header.
func shapeOf(p *project.Project, f *project.SQLFile, checked *warehouse.Checked) (*shape, error) {
	results := resultColumns(checked)
	var mistakes project.Diagnostics
	for _, d := range project.CheckColumns(p, map[string][]project.ResultColumn{f.Name: results}).Errors() {
		if d.Path == f.Path {
			mistakes = append(mistakes, d)
		}
	}
	if len(mistakes) > 0 {
		return nil, &failure{mistakes}
	}
	selected := make([]Column, len(results))
	for i, c := range results {
		selected[i] = Column{Name: c.Name, Type: c.Type}
	}
	return newShape(f, selected)
}

func resultColumns(checked *warehouse.Checked) []project.ResultColumn {
	out := make([]project.ResultColumn, len(checked.Columns))
	for i, c := range checked.Columns {
		out[i] = project.ResultColumn{Name: c.Name, Type: c.Type}
	}
	return out
}

// withoutDeadline keeps the driver from putting a deadline in the place of the
// statement's time limit; the statement still ends when the context does.
type withoutDeadline struct{ context.Context }

func (withoutDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }

func (a *Audiences) blockedValues(p *project.Project) []string {
	r := identity.Resolver{Blocked: p.Config.Identity.Blocked}
	return r.AllBlocked()
}

// insert is the statement that computes a version.
func (s *shape) insert(table string, version uint64, expressions []string, identities string, maxRows int64) string {
	var b strings.Builder
	columns := []string{columnVersion, columnKey}
	values := []string{fmt.Sprintf("toUInt64(%d)", version), s.keyText() + " AS " + keyAlias}
	for _, c := range s.stored {
		if c.Name == columnKey {
			continue
		}
		columns = append(columns, warehouse.QuoteIdentifier(c.Name))
		if s.resolve != "" && c.Name == columnProfile {
			values = append(values, "toUUIDOrZero("+keyAlias+")")
			continue
		}
		if s.file.Header.Experiment != nil && c.Name == project.HoldoutColumn {
			values = append(values, s.file.Header.Experiment.HeldOutSQL(keyAlias))
			continue
		}
		values = append(values, "r."+warehouse.QuoteIdentifier(c.Name))
	}
	fmt.Fprintf(&b, "INSERT INTO %s (%s)\n%sSELECT %s\nFROM %s AS r", table, strings.Join(columns, ", "), withClause(expressions),
		strings.Join(values, ", "), rowsName)
	if s.resolve != "" {
		fmt.Fprintf(&b, "\nLEFT JOIN (SELECT value, profile_id FROM %s FINAL WHERE kind = {kind:String}) AS i ON i.value = %s",
			identities, "ifNull(toString(r."+warehouse.QuoteIdentifier(s.keyColumn)+"), '')")
	}
	if maxRows > 0 {
		// One more than allowed tells that there are too many.
		fmt.Fprintf(&b, "\nLIMIT %d", maxRows+1)
	}
	return b.String()
}

const keyAlias = "tailrace_key"

// counts are what is found in a partition after it was written.
type counts struct {
	Rows    uint64 `ch:"rows"`
	Dropped uint64 `ch:"dropped"`
}

// settle drops rows without a key, refuses duplicates, and seals.
func (a *Audiences) settle(ctx context.Context, s *shape, m *Materialization, limits project.QueryLimits) error {
	f, table := s.file, a.table(m.Table)
	partition := warehouse.P{"version": m.Version}
	var c counts
	sql := "SELECT count() AS rows, countIf(key = '') AS dropped FROM " + table + " WHERE version = {version:UInt64}"
	if err := a.db.Get(ctx, &c, sql, partition); err != nil {
		return fmt.Errorf("counting the rows of %s: %w", f.Name, err)
	}
	if limits.Rows > 0 && c.Rows > uint64(limits.Rows) {
		return failStart(f,
			fmt.Sprintf("it returns more than the %d rows that limits allow", limits.Rows), "select fewer, or raise limits: { rows: … }")
	}
	m.DroppedKeys = c.Dropped
	if c.Dropped > 0 {
		if err := a.db.Exec(ctx, "DELETE FROM "+table+" WHERE version = {version:UInt64} AND key = ''", partition); err != nil {
			return fmt.Errorf("dropping rows of %s without a key: %w", f.Name, err)
		}
	}
	if err := a.refuseDuplicates(ctx, s, m); err != nil {
		return err
	}
	if s.resolve != "" {
		if err := a.settleResolved(ctx, s, m); err != nil {
			return err
		}
	}
	return a.seal(ctx, m)
}

// refuseDuplicates names three keys that two rows have. Of a resolved key it
// is the raw one that counts: that two of them are one person is no mistake.
func (a *Audiences) refuseDuplicates(ctx context.Context, s *shape, m *Materialization) error {
	shown, by := columnKey, columnKey
	if s.resolve != "" {
		shown = text(s.keyColumn)
		by = columnKey + ", " + shown
	}
	sql := "SELECT any(" + shown + ") AS name FROM " + a.table(m.Table) + " WHERE version = {version:UInt64} GROUP BY " + by +
		" HAVING count() > 1 LIMIT 3"
	var names []string
	err := a.db.Select(ctx, &names, sql, warehouse.P{"version": m.Version}, warehouse.Settings{"optimize_aggregation_in_order": 1})
	if err != nil {
		return fmt.Errorf("looking for duplicate keys of %s: %w", s.file.Name, err)
	}
	if len(names) == 0 {
		return nil
	}
	return failStart(s.file,
		fmt.Sprintf("several rows have the same %s: %s", s.keyColumn, strings.Join(names, ", ")), "group by it, or add LIMIT 1 BY "+s.keyColumn)
}

// settleResolved counts keys that no event has named, and keeps one row where
// several keys turned out to be one person: the one with the least key.
func (a *Audiences) settleResolved(ctx context.Context, s *shape, m *Materialization) error {
	sql, err := a.statement("resolved", map[string]string{"table": a.table(m.Table), "raw": text(s.keyColumn)})
	if err != nil {
		return err
	}
	var found struct {
		Unresolved uint64 `ch:"unresolved"`
		People     uint64 `ch:"people"`
		Rows       uint64 `ch:"rows"`
	}
	args := warehouse.P{"version": m.Version, "kind": s.resolve}
	if err := a.db.Get(ctx, &found, sql, args); err != nil {
		return fmt.Errorf("counting unresolved keys of %s: %w", s.file.Name, err)
	}
	m.UnresolvedKeys = found.Unresolved
	if found.People == found.Rows {
		return nil
	}
	m.addReason("%d rows are of people who have another row under another %s: one row each is kept", found.Rows-found.People, s.resolve)
	sql, err = a.statement("one_row_each", map[string]string{"table": a.table(m.Table), "raw": text(s.keyColumn)})
	if err != nil {
		return err
	}
	if err := a.db.Exec(ctx, sql, args); err != nil {
		return fmt.Errorf("keeping one row for each person of %s: %w", s.file.Name, err)
	}
	return nil
}

// sum is the count and checksum of a version's rows.
func (a *Audiences) sum(ctx context.Context, m *Materialization) (rows uint64, checksum string, err error) {
	var found struct {
		Rows     uint64 `ch:"rows"`
		Checksum string `ch:"checksum"`
	}
	sql := "SELECT count() AS rows, toString(sum(" + rowHash(m.Columns) + ")) AS checksum FROM " + a.table(m.Table) +
		" WHERE version = {version:UInt64}"
	if err := a.db.Get(ctx, &found, sql, warehouse.P{"version": m.Version}); err != nil {
		return 0, "", fmt.Errorf("summing up the rows of %s: %w", m.Name, err)
	}
	return found.Rows, found.Checksum, nil
}

func (a *Audiences) seal(ctx context.Context, m *Materialization) (err error) {
	m.Rows, m.Checksum, err = a.sum(ctx, m)
	return err
}

// errSeal says that a sealed partition isn't what was sealed.
var errSeal = errors.New("its rows are not those that were sealed")

// verifySeal is for work that goes on with a partition which it hasn't written.
func (a *Audiences) verifySeal(ctx context.Context, m *Materialization) error {
	rows, checksum, err := a.sum(ctx, m)
	if err != nil {
		return err
	}
	if rows != m.Rows || checksum != m.Checksum {
		return errSeal
	}
	return nil
}

func (m *Materialization) addReason(format string, args ...any) {
	if m.Reason != "" {
		m.Reason += "; "
	}
	m.Reason += fmt.Sprintf(format, args...)
}
