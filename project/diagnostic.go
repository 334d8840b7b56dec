package project

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a diagnostic keeps a project from being published.
type Severity string

// An error keeps a project from being published; a warning doesn't.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Position is a place in a file, counted from 1 in lines and characters. The
// zero value means the file as a whole.
type Position struct {
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// Diagnostic is one thing that is wrong with a project, and the way out.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Code     Code     `json:"code"`
	Path     string   `json:"path"`             // relative to the project's folder, with slashes
	Line     int      `json:"line,omitempty"`   // from 1; 0 is the file as a whole
	Column   int      `json:"column,omitempty"` // from 1, in characters
	Message  string   `json:"message"`          // one sentence
	Hint     string   `json:"hint,omitempty"`   // what to do, if the message doesn't say it
}

func (d Diagnostic) position() Position { return Position{d.Line, d.Column} }

// String reads like a compiler's message: `path:line:col: message`.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(d.Path)
	if d.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", d.Line, max(d.Column, 1))
	}
	b.WriteString(": ")
	if d.Severity == SeverityWarning {
		b.WriteString("warning: ")
	}
	b.WriteString(d.Message)
	if d.Hint != "" {
		b.WriteString(" (" + d.Hint + ")")
	}
	return b.String()
}

// Diagnostics are all that was found, in order of file, line and column.
type Diagnostics []Diagnostic

// HasErrors reports whether any of them is an error.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == SeverityError })
}

// Errors returns only the errors.
func (ds Diagnostics) Errors() Diagnostics { return ds.only(SeverityError) }

// Warnings returns only the warnings.
func (ds Diagnostics) Warnings() Diagnostics { return ds.only(SeverityWarning) }

func (ds Diagnostics) only(s Severity) Diagnostics {
	var out Diagnostics
	for _, d := range ds {
		if d.Severity == s {
			out = append(out, d)
		}
	}
	return out
}

// Err returns ds as an error (an [Invalid]) if any of them is one, else nil.
func (ds Diagnostics) Err() error {
	if !ds.HasErrors() {
		return nil
	}
	return Invalid{ds}
}

// With returns ds and more, without what more says of places that ds has an
// error at: what was found first is the cause.
func (ds Diagnostics) With(more Diagnostics) Diagnostics {
	type place struct {
		path string
		at   Position
	}
	failed := map[place]bool{}
	for _, d := range ds.Errors() {
		failed[place{d.Path, d.position()}] = true
	}
	out := slices.Clone(ds)
	for _, d := range more {
		if !failed[place{d.Path, d.position()}] {
			out = append(out, d)
		}
	}
	return out
}

// Sort orders ds by path, line, column and message, and drops repetitions.
func (ds *Diagnostics) Sort() {
	slices.SortFunc(*ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	*ds = slices.Compact(*ds)
}

func (ds *Diagnostics) add(sev Severity, code Code, path string, at Position, hint, format string, args ...any) {
	*ds = append(*ds, Diagnostic{
		Severity: sev, Code: code, Path: path, Line: at.Line, Column: at.Column,
		Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// String prints one diagnostic a line.
func (ds Diagnostics) String() string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(d.String() + "\n")
	}
	return b.String()
}

// JSON renders ds as `{"diagnostics":[…]}` with an array that is never null.
func (ds Diagnostics) JSON() ([]byte, error) {
	if ds == nil {
		ds = Diagnostics{}
	}
	return json.MarshalIndent(map[string]Diagnostics{"diagnostics": ds}, "", "  ")
}

// Invalid is the error form of a project's diagnostics.
type Invalid struct{ Diagnostics Diagnostics }

// Error prints the errors only, one a line.
func (e Invalid) Error() string {
	return strings.TrimSuffix(e.Diagnostics.Errors().String(), "\n")
}
