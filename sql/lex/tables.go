package lex

// RefKind says how a table is named.
type RefKind uint8

const (
	RefTable    RefKind = iota // FROM t, JOIN t, FROM a, t
	RefIn                      // x IN t: a table, unless t is an alias or a column of arrays
	RefFunction                // FROM f(…): a table function
	RefParam                   // FROM {t:Identifier}
	RefText                    // FROM 'file.csv': a text where a name should be
)

// Ref is one place that names a table.
type Ref struct {
	Kind     RefKind
	Database string // empty where the name stands alone
	Name     string // of the table or the table function; without quotes
	Pos      Pos
	End      int // offset behind the name
}

// CTE is a common table expression, WITH name AS (SELECT …). WITH expr AS name
// names a value and is none.
type CTE struct {
	Name string
	Pos  Pos
}

// Tables finds the tables that a statement names, each time it names them, in
// the order of the text; names of common table expressions in scope are left
// out. It knows clauses but no expressions, so it may miss what a statement
// hides on purpose: ask the engine before trusting it.
func Tables(tokens []Token) []Ref {
	return scanTables(tokens).refs
}

// CTEs finds the common table expressions of a statement, at every depth.
func CTEs(tokens []Token) []CTE {
	return scanTables(tokens).ctes
}
