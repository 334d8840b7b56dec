package project

import (
	"encoding/json"
	"fmt"

	"github.com/tailrace/tailrace/sql/lex"
)

// RowFingerprint changes whenever the rows of f may change: with its statement
// (comments and blanks aside) and with the keys of the header that say what a
// row is. A new name is not a new file.
func (f *SQLFile) RowFingerprint() string {
	var tokens []string
	for _, t := range lex.Significant(lex.Tokens(f.SQL)) {
		tokens = append(tokens, t.Text)
	}
	parts := []any{f.Kind, tokens, f.Header.Key, f.Header.Entity, f.Header.Because}
	if f.Header.Experiment != nil { // without one the fingerprint is what it always was
		parts = append(parts, f.Header.Experiment)
	}
	return fingerprint(parts...)
}

// MetaFingerprint changes with everything about f that can't change its rows:
// description, owner, tags, schedule, limits, tests, descriptions of columns.
func (f *SQLFile) MetaFingerprint() string {
	h := f.Header
	h.Key, h.Entity, h.Because, h.Experiment = "", "", nil, nil
	return fingerprint(f.Name, h, f.ColumnDescriptions())
}

// RowFingerprint changes whenever a run of s may send something else: with what
// it reads, where it goes, its mapping, and who may be sent.
func (s *Sync) RowFingerprint() string {
	kind, name := s.Reads()
	parts := []any{kind, name, s.Destination, s.Object, s.Target, s.Mode, s.Match, s.Fields, s.OnExit, s.Consent}
	if len(s.Exclude) > 0 {
		parts = append(parts, s.Exclude)
	}
	if s.Forwards() {
		parts = append(parts, s.Events, s.Since)
	}
	return fingerprint(parts...)
}

// MetaFingerprint changes with everything else about s.
func (s *Sync) MetaFingerprint() string {
	return fingerprint(s.Name, s.Schedule, s.Guard, s.Batch, s.Paused, s.OnDelete, s.Owner, s.Description, s.Tags)
}

// fingerprint hashes values by their JSON, in which maps are sorted.
func fingerprint(values ...any) string {
	raw, err := json.Marshal(values)
	if err != nil {
		// What a file holds is text, numbers, truth values, lists and mappings.
		raw = fmt.Appendf(nil, "%#v", values)
	}
	return hashOf(raw)
}
