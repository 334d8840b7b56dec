package audiences

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// Names that every result table has beside the file's own columns.
const (
	columnVersion = "version"
	columnKey     = "key"
	columnProfile = "profile_id"
)

const zeroUUID = "00000000-0000-0000-0000-000000000000"

// shape is what a file's columns mean: which is the key, and how it becomes
// the text that a member is known by.
type shape struct {
	file *project.SQLFile
	// selected are the columns of the file's statement, in its order.
	selected []Column
	// keyColumn is the one with the entity's key.
	keyColumn string
	// resolve is the kind of identifier that the key is, when it has to be
	// looked up in identities: user_id, anonymous_id or email.
	resolve string
	// stored are the columns of the table and the view: the key first; for a
	// resolved key profile_id is put before it.
	stored []Column
}

func newShape(f *project.SQLFile, selected []Column) (*shape, error) {
	s := &shape{file: f, keyColumn: f.Header.Key}
	at := statementStart(f)
	if len(selected) == 0 {
		return nil, failAt(f.Path, at, "it selects no column", "")
	}
	if s.keyColumn == "" {
		s.keyColumn = selected[0].Name
	}
	if x := f.Header.Experiment; x != nil && slices.ContainsFunc(selected, func(c Column) bool { return c.Name == project.HoldoutColumn }) {
		return nil, failAt(f.Path, at, project.HoldoutColumn+" is the column that experiment adds", "give the file's own another name with AS")
	}
	descriptions := f.ColumnDescriptions()
	seen := map[string]bool{}
	for _, c := range selected {
		c.Type, c.Description = storableType(c.Type), descriptions[c.Name]
		switch {
		case seen[c.Name]:
			return nil, failAt(f.Path, at, "two columns are called "+c.Name, "give one of them another name with AS")
		case c.Name == columnVersion, c.Name == columnKey && c.Name != s.keyColumn:
			return nil, failAt(f.Path, at, "a column can't be called "+c.Name+": the result's table has one", "give it another name with AS")
		}
		seen[c.Name] = true
		s.selected = append(s.selected, c)
	}
	key := slices.IndexFunc(s.selected, func(c Column) bool { return c.Name == s.keyColumn })
	if key < 0 {
		return nil, failAt(f.Path, f.Positions.At("key"), "unknown column "+s.keyColumn, "key names one of the selected columns")
	}
	s.stored = append([]Column{s.selected[key]}, slices.Delete(slices.Clone(s.selected), key, key+1)...)
	if f.Header.Entity == "profile" && slices.Contains([]string{"user_id", "anonymous_id", "email"}, s.keyColumn) {
		s.resolve = s.keyColumn
		if seen[columnProfile] {
			return nil, failAt(f.Path, at, "profile_id is made from "+s.keyColumn+", and can't be selected too", "leave one of them out, or write key: profile_id")
		}
		s.stored = slices.Insert(s.stored, 0, Column{Name: columnProfile, Type: "UUID"})
	}
	if f.Header.Experiment != nil {
		s.stored = append(s.stored, Column{Name: project.HoldoutColumn, Type: "Bool"})
	}
	for i, b := range f.Header.Because {
		if !seen[b] {
			return nil, failAt(f.Path, f.Positions.At("because", fmt.Sprint(i)), "unknown column "+b, "because names boolean columns of the statement")
		}
	}
	return s, nil
}

// storableType is the type of a table's column for a type of a query's: a
// literal NULL has none that a table can have.
func storableType(t string) string {
	switch t {
	case "Nullable(Nothing)", "Nothing":
		return "Nullable(String)"
	}
	return t
}

// tableName is the table for results of this shape: another shape is another
// table, so that old and new versions never share columns.
func (s *shape) tableName() string {
	h := sha256.New()
	for _, c := range s.stored {
		fmt.Fprintf(h, "%s\x00%s\x00", c.Name, c.Type)
	}
	fmt.Fprintf(h, "%s", s.resolve)
	name := s.file.Name
	if len(name) > 100 {
		name = name[:100] + fmt.Sprintf("_%x", sha256.Sum256([]byte(s.file.Name)))[:9]
	}
	return fmt.Sprintf("m_%s_%s_%x", s.file.Kind, name, h.Sum(nil)[:6])
}

// createTable is the statement that makes the table, if it isn't there.
func (s *shape) createTable(table string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s\n(\n    %s UInt64,\n    %s String", table, columnVersion, columnKey)
	for _, c := range s.stored {
		if c.Name != columnKey {
			fmt.Fprintf(&b, ",\n    %s %s", warehouse.QuoteIdentifier(c.Name), c.Type)
		}
	}
	b.WriteString("\n)\nENGINE = MergeTree\nPARTITION BY version\nORDER BY key\n" +
		"SETTINGS fsync_after_insert = 1, fsync_part_directory = 1")
	return b.String()
}

// keyText is the expression of the key, over the statement's columns as r and,
// for a key that is resolved, the looked-up identifier as i.
func (s *shape) keyText() string {
	raw := fmt.Sprintf("ifNull(toString(r.%s), '')", warehouse.QuoteIdentifier(s.keyColumn))
	switch {
	case s.resolve != "":
		return "if(" + s.blocked(raw) + ", '', toString(" + s.profileID(raw) + "))"
	case s.file.Header.Entity == "profile":
		return "if(" + raw + " = '" + zeroUUID + "', '', " + raw + ")"
	}
	return raw
}

// selectColumns lists stored columns of a result table, as a view shows them.
func selectColumns(columns []Column) string {
	items := make([]string, len(columns))
	for i, c := range columns {
		items[i] = warehouse.QuoteIdentifier(c.Name)
		if c.Name == columnKey && c.Type != "String" {
			items[i] = "CAST(" + columnKey + " AS " + c.Type + ") AS " + columnKey
		}
	}
	return strings.Join(items, ", ")
}

// text is the expression that stands for a column in hashes and comparisons:
// never NULL, and NULL is not the empty string.
func text(column string) string {
	return "ifNull(toString(" + warehouse.QuoteIdentifier(column) + "), '\\\\N')"
}

// rowHash is the expression of a row's hash, over key and columns.
func rowHash(columns []Column) string {
	parts := []string{columnKey}
	for _, c := range columns {
		if c.Name != columnKey {
			parts = append(parts, text(c.Name))
		}
	}
	return "reinterpretAsUInt128(sipHash128Reference((" + strings.Join(parts, ", ") + ", 1)))"
}

// becauseNames is the expression of the names of the true columns.
func becauseNames(f *project.SQLFile, columns []Column) (expr string, names []string) {
	var flags []string
	for _, b := range f.Header.Because {
		if slices.ContainsFunc(columns, func(c Column) bool { return c.Name == b }) {
			names = append(names, b)
			flags = append(flags, "toBool(ifNull("+warehouse.QuoteIdentifier(b)+", 0))")
		}
	}
	if len(names) == 0 {
		return "CAST([], 'Array(String)')", []string{}
	}
	return "arrayFilter((name, is) -> is, {because:Array(String)}, [" + strings.Join(flags, ", ") + "])", names
}

// queryLimits are the limits of a file's statement, from the file, else the project.
func queryLimits(p *project.Project, f *project.SQLFile) project.QueryLimits {
	l := p.Config.Limits
	return project.QueryLimits{
		Time:   cmp.Or(f.Header.Limits.Time, l.Time),
		Memory: cmp.Or(f.Header.Limits.Memory, l.Memory),
		Rows:   cmp.Or(f.Header.Limits.Rows, l.Rows),
	}
}
