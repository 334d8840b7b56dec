package project

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/sql/lex"
)

// Kind is what a file defines.
type Kind string

// The kinds of definitions.
const (
	KindModel       Kind = "model"
	KindTrait       Kind = "trait"
	KindAudience    Kind = "audience"
	KindSync        Kind = "sync"
	KindDestination Kind = "destination"
	KindSource      Kind = "source"
)

// SQLFile is a model, a trait or an audience.
type SQLFile struct {
	Origin
	Kind   Kind   `json:"kind"`
	Header Header `json:"header"`
	// SQL is the statement without the header and without a closing semicolon.
	// Its first line is the file's line BodyLine; columns are the file's.
	SQL      string `json:"sql"`
	BodyLine int    `json:"body_line"`
	// Refs are the tables that the statement names, in order, each once.
	Refs []Ref `json:"refs"`
	// Columns are those that the statement's text shows: their names in order,
	// as far as they can be told without an engine.
	Columns []SelectedColumn `json:"columns,omitempty"`
}

// Ref is a table that a statement names, and where it does so first.
type Ref struct {
	Database string `json:"database,omitempty"`
	Name     string `json:"name"`
	Position `json:"-"`
	maybe    bool // x IN name: a table, or something else of that name
}

// String writes the name as SQL would, without quotes.
func (r Ref) String() string {
	if r.Database == "" {
		return r.Name
	}
	return r.Database + "." + r.Name
}

// SelectedColumn is an item of the select list, with its trailing comment.
type SelectedColumn struct {
	Name        string   `json:"name"` // "" where only the engine can tell
	Description string   `json:"description,omitempty"`
	Position    Position `json:"-"`
}

// ColumnDescriptions maps columns to the comments that follow them.
func (f *SQLFile) ColumnDescriptions() map[string]string {
	out := map[string]string{}
	for _, c := range f.Columns {
		if c.Name != "" && c.Description != "" {
			out[c.Name] = c.Description
		}
	}
	return out
}

// At turns a line and column of SQL into a position in the file.
func (f *SQLFile) At(line, column int) Position {
	return Position{f.BodyLine + line - 1, column}
}

func (l *loader) sqlFile(kind Kind, path, name, text string) {
	f := &SQLFile{Origin: Origin{Name: name, Path: path}, Kind: kind}
	f.Positions = newPositions()
	if !validName.MatchString(name) {
		l.badName(path, name)
		return
	}
	yaml, yamlLine, body, bodyLine, err := lex.Header(text)
	if err != nil {
		l.lexFailure(CodeHeader, path, 0, err)
		return
	}
	word, at := lex.HeaderKind(text)
	header := Position{at.Line, at.Column}
	switch {
	case word == "" && yamlLine == 0:
		l.warn(CodeHeaderMissing, path, Position{1, 1}, "begin the file with /* "+string(kind)+" … */", "this %s has no header", kind)
	case word == "":
		l.warn(CodeHeaderMissing, path, Position{yamlLine, 1}, "write /* "+string(kind)+" on its first line", "the header doesn't say what the file is")
	case Kind(word) != kind:
		l.fail(CodeHeaderKind, path, header, "", "the header says %s, but files of this folder are %ss", word, kind)
	}
	before := max(yamlLine-1, 0)
	d := &decoder{path: path, before: before, out: &l.out, pos: f.Positions}
	if root := parseYAML(path, yaml, before, &l.out); root != nil {
		d.decode(root, valueOf(&f.Header), "")
		d.validate(&f.Header)
	} else {
		d.absent(nil, valueOf(&f.Header), "")
	}
	f.BodyLine = bodyLine
	l.statement(f, body)
	l.checkHeader(f)
	l.p.addSQL(f)
}

// statement reads the body: one statement, the tables it names and the columns
// it shows.
func (l *loader) statement(f *SQLFile, body string) {
	statements := lex.Statements(body)
	if len(statements) == 0 {
		l.fail(CodeSQL, f.Path, Position{f.BodyLine, 1}, "", "the file has no SELECT")
		return
	}
	if len(statements) > 1 {
		second := statements[1].Pos
		l.fail(CodeSQL, f.Path, f.At(second.Line, second.Column), "", "a file holds one statement, this begins a second")
	}
	first := statements[0]
	f.BodyLine += first.Pos.Line - 1
	f.SQL = strings.Repeat(" ", first.Pos.Column-1) + first.Text
	tokens := lex.Tokens(f.SQL)
	if bad := lex.FirstInvalid(tokens); bad != nil {
		l.lexFailure(CodeSQL, f.Path, f.BodyLine-1, bad)
		return
	}
	significant := lex.Significant(tokens)
	if len(significant) > 0 && !significant[0].Any("SELECT", "WITH", "(", "FROM") {
		l.fail(CodeSQL, f.Path, f.At(significant[0].Pos.Line, significant[0].Pos.Column), "",
			"a file is one SELECT, this begins with %s", strings.ToUpper(significant[0].Text))
	}
	for _, call := range lex.ForbiddenCalls(tokens) {
		why, _ := lex.Forbidden(call.Name)
		l.fail(CodeSQL, f.Path, f.At(call.Pos.Line, call.Pos.Column), "", "%s %s", call.Name, why)
	}
	l.readTables(f, tokens)
	f.Columns = selectedColumns(tokens)
	for i := range f.Columns {
		f.Columns[i].Position = f.At(f.Columns[i].Position.Line, f.Columns[i].Position.Column)
	}
}

func (l *loader) readTables(f *SQLFile, tokens []lex.Token) {
	seen := map[string]bool{}
	for _, t := range lex.Tables(tokens) {
		r := Ref{Database: t.Database, Name: t.Name, Position: f.At(t.Pos.Line, t.Pos.Column), maybe: t.Kind == lex.RefIn}
		switch t.Kind {
		case lex.RefFunction:
			continue // the gate knows which of them read nothing
		case lex.RefParam, lex.RefText:
			l.fail(CodeSQL, f.Path, r.Position, "", "a table is named by its name")
			continue
		}
		if !seen[r.String()] {
			seen[r.String()] = true
			f.Refs = append(f.Refs, r)
		}
	}
}

func (l *loader) lexFailure(code Code, path string, before int, err error) {
	var at *lex.Error
	if errors.As(err, &at) {
		l.fail(code, path, Position{before + at.Pos.Line, at.Pos.Column}, at.Hint, "%s", at.Message)
		return
	}
	l.fail(code, path, Position{before + 1, 1}, "", "%v", err)
}

// checkHeader looks for keys that mean nothing for the file's kind.
func (l *loader) checkHeader(f *SQLFile) {
	meaningless := func(key string, set bool, why string) {
		if set {
			l.fail(CodeHeaderKey, f.Path, f.Positions.Key(key), "", "%s means nothing here: %s", key, why)
		}
	}
	h := f.Header
	if f.Kind == KindModel {
		meaningless("because", len(h.Because) > 0, "a model is a view without history")
		meaningless("incremental", h.Incremental != nil, "a model is a view and always fresh")
		meaningless("schedule", h.Schedule.Kind != OnChange && h.Schedule.Kind != "", "a model is a view and always fresh")
		meaningless("limits", h.Limits != Limits{}, "a model is a view without versions")
	}
	if f.Kind != KindAudience {
		meaningless("experiment", h.Experiment != nil, "only an audience has members to hold out")
		meaningless("priority", h.Priority != nil, "only audiences are exclusive")
	}
	l.checkExperiment(f)
	meaningless("type", h.Type != "" && f.Kind != KindTrait, "only a trait has one value")
	for i, p := range h.Purpose {
		l.checkWord(CodeValue, f.Path, f.Positions.At("purpose", fmt.Sprint(i)), "purpose", p)
	}
}
