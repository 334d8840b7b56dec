package warehouse

import "github.com/tailrace/tailrace/sql/lex"

// Rename gives the statement with other names for tables: names maps
// "database.name" to what stands in its place, such as the name of a common
// table expression that a caller puts before the statement. Tables that names
// doesn't hold stay as they are.
func (c *Checked) Rename(names map[string]string) string {
	var edits []lex.Replacement
	for _, ref := range lex.Tables(lex.Tokens(c.SQL)) {
		if ref.Kind != lex.RefTable && ref.Kind != lex.RefIn {
			continue
		}
		if name, ok := names[ref.Database+"."+ref.Name]; ok {
			edits = append(edits, lex.Replacement{From: ref.Pos.Offset, To: ref.End, Text: quoteIdentifier(name)})
		}
	}
	return lex.Replace(c.SQL, edits).SQL
}
