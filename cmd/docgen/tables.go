package main

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	schema "github.com/tailrace/tailrace/sql"
)

// relation is a table or a view of the schema, with the comment above it.
type relation struct {
	name, comment string
	view          bool
	columns       [][]string // name, type; a view's have no type
	order, keep   string
}

var (
	createPattern = regexp.MustCompile(`^CREATE (TABLE IF NOT EXISTS|OR REPLACE VIEW) \{\{(database|project_database)\}\}\.(\w+)( AS.*)?$`)
	orderPattern  = regexp.MustCompile(`(?m)^ORDER BY (.+)$`)
	keepPattern   = regexp.MustCompile(`(?m)^TTL .* \+ INTERVAL (\d+) DAY`)
	wordPattern   = regexp.MustCompile(`\w+$`)
)

// tablesPage describes the warehouse's tables from the migrations' comments.
func tablesPage(string) (string, error) {
	relations, public, err := readSchema()
	if err != nil {
		return "", err
	}
	p := newPage("Tables", "Every table and view of the warehouse, in the database `tailrace` (or as `--database` says). They are meant to be read. "+
		"Users' SQL (models, traits, audiences, `tailrace query`) reads those marked *public* by their bare names, beside the project's own "+
		"models, traits and audiences. Migrations only add columns to the ledger's tables.")
	var rows [][]string
	for _, r := range relations {
		mark := ""
		if public[r.name] {
			mark = "yes"
		}
		rows = append(rows, []string{fmt.Sprintf("[`%s`](#%s)", r.name, r.name), mark, firstSentence(r.comment)})
	}
	p.line("")
	p.table([]string{"table", "public", "one row is"}, rows)
	for _, r := range relations {
		p.heading(2, r.name)
		p.line("%s", r.comment)
		var facts []string
		if r.view {
			facts = append(facts, "view")
		}
		if r.order != "" {
			facts = append(facts, "sorted by "+code(r.order))
		}
		if r.keep != "" {
			facts = append(facts, "kept for "+r.keep+" days")
		}
		if public[r.name] {
			facts = append(facts, "public")
		}
		if len(facts) > 0 {
			p.line("\n*%s*", strings.Join(facts, " · "))
		}
		p.line("")
		if r.view {
			var names []string
			for _, c := range r.columns {
				names = append(names, c[0])
			}
			p.line("Columns: %s.", codes(names))
			continue
		}
		var columns [][]string
		for _, c := range r.columns {
			columns = append(columns, []string{code(c[0]), code(c[1])})
		}
		p.table([]string{"column", "type"}, columns)
	}
	return p.String(), nil
}

// readSchema reads all migrations: the tables and views of the data, and which of them have a window for users' SQL.
func readSchema() (relations []relation, public map[string]bool, err error) {
	names, err := fs.Glob(schema.Schema, "schema/*.sql")
	if err != nil {
		return nil, nil, fmt.Errorf("finding migrations: %w", err)
	}
	slices.Sort(names)
	public = map[string]bool{}
	at := map[string]int{}
	for _, name := range names {
		raw, err := fs.ReadFile(schema.Schema, name)
		if err != nil {
			return nil, nil, fmt.Errorf("reading a migration: %w", err)
		}
		for statement := range strings.SplitSeq(string(raw), ";\n") {
			r, database, ok := readStatement(statement)
			switch {
			case ok && database == "project_database":
				public[r.name] = true
			case ok:
				if i, known := at[r.name]; known {
					if r.comment == "" {
						r.comment = relations[i].comment
					}
					relations[i] = r
					continue
				}
				at[r.name] = len(relations)
				relations = append(relations, r)
			}
		}
	}
	return relations, public, nil
}

// readStatement reads one CREATE with the comment right above it.
func readStatement(text string) (r relation, database string, ok bool) {
	var comment []string
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if words, isComment := strings.CutPrefix(line, "--"); isComment {
			comment = append(comment, strings.TrimSpace(words))
			continue
		}
		if strings.TrimSpace(line) == "" {
			comment = nil
			continue
		}
		m := createPattern.FindStringSubmatch(line)
		if m == nil {
			return r, "", false
		}
		r.name, r.comment, r.view = m[3], strings.Join(comment, " "), strings.HasSuffix(m[1], "VIEW")
		rest := strings.Join(lines[i+1:], "\n")
		if r.view {
			r.columns = selected(rest)
			return r, m[2], true
		}
		for _, column := range lines[i+1:] {
			if column == ")" {
				break
			}
			column = strings.TrimSuffix(strings.TrimSpace(column), ",")
			name, kind, isColumn := strings.Cut(column, " ")
			if isColumn && name != "INDEX" {
				kind, _, _ = strings.Cut(strings.TrimSpace(kind), " CODEC(")
				r.columns = append(r.columns, []string{name, kind})
			}
		}
		if o := orderPattern.FindStringSubmatch(rest); o != nil {
			r.order = o[1]
			if strings.HasPrefix(r.order, "(") {
				r.order = r.order[1 : len(r.order)-1]
			}
		}
		if k := keepPattern.FindStringSubmatch(rest); k != nil {
			r.keep = k[1]
		}
		return r, m[2], true
	}
	return r, "", false
}

// selected are the names of a SELECT's columns: the last word of each item.
func selected(text string) (out [][]string) {
	_, items, found := strings.Cut(text, "SELECT")
	if !found {
		return nil
	}
	items, _, _ = strings.Cut(items, "\nFROM ")
	depth, start := 0, 0
	take := func(item string) {
		if name := wordPattern.FindString(strings.TrimSpace(item)); name != "" {
			out = append(out, []string{name})
		}
	}
	for i, r := range items {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			take(items[start:i])
			start = i + 1
		}
	}
	take(items[start:])
	return out
}

func firstSentence(text string) string {
	for i := range text {
		if (text[i] == '.' || text[i] == ':') && (i+1 == len(text) || text[i+1] == ' ') {
			return text[:i]
		}
	}
	return text
}
