package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// rowReader yields one row at a time: its line, its columns by name, or, for JSON lines, the object as it stands.
type rowReader interface {
	// Next returns io.EOF after the last row.
	Next() (line int, row map[string]string, object json.RawMessage, err error)
}

// newRowReader opens the format of a mapping (or of the file's name) on r.
func newRowReader(r io.Reader, path string, m importMapping) (rowReader, error) {
	switch format := fileFormat(path, m.Format); format {
	case "csv", "tsv":
		c := csv.NewReader(r)
		if format == "tsv" {
			c.Comma = '\t'
			c.LazyQuotes = true
		}
		c.ReuseRecord = true
		header := m.Header
		if len(header) == 0 {
			first, err := c.Read()
			if err != nil {
				return nil, fmt.Errorf("reading the header of %s: %w", path, err)
			}
			header = append([]string(nil), first...)
		}
		c.FieldsPerRecord = len(header)
		return &csvRows{csv: c, header: header}, nil
	case "columns":
		if len(m.Header) == 0 {
			return nil, fmt.Errorf("%s: format columns needs header: [name, …] in the mapping", path)
		}
		return &lineRows{lines: newLines(r), header: m.Header}, nil
	case "jsonl":
		return &lineRows{lines: newLines(r)}, nil
	default:
		return nil, fmt.Errorf("%s: say what it is with --format csv, tsv, columns or jsonl", path)
	}
}

// fileFormat is the format that is said, else the one that the file's name says; empty if neither does.
func fileFormat(path, said string) string {
	if said != "" {
		return said
	}
	return map[string]string{".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}[strings.ToLower(filepath.Ext(path))]
}

func newLines(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), 1<<20)
	return s
}

type csvRows struct {
	csv    *csv.Reader
	header []string
}

func (c *csvRows) Next() (int, map[string]string, json.RawMessage, error) {
	record, err := c.csv.Read()
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		return bad.StartLine, nil, nil, rowError{bad.Err}
	}
	if err != nil {
		return 0, nil, nil, err
	}
	line, _ := c.csv.FieldPos(0)
	row := make(map[string]string, len(c.header))
	for i, name := range c.header {
		row[name] = record[i]
	}
	return line, row, nil, nil
}

type lineRows struct {
	lines  *bufio.Scanner
	header []string // empty: JSON lines
	line   int
}

func (l *lineRows) Next() (int, map[string]string, json.RawMessage, error) {
	for l.lines.Scan() {
		l.line++
		text := bytes.TrimSpace(l.lines.Bytes())
		if len(text) == 0 {
			continue
		}
		if len(l.header) > 0 {
			fields := strings.Fields(string(text))
			if len(fields) != len(l.header) {
				return l.line, nil, nil, rowError{fmt.Errorf("%d columns, the header has %d", len(fields), len(l.header))}
			}
			row := make(map[string]string, len(fields))
			for i, name := range l.header {
				row[name] = fields[i]
			}
			return l.line, row, nil, nil
		}
		return l.jsonRow(text)
	}
	if err := l.lines.Err(); err != nil {
		return l.line, nil, nil, err
	}
	return l.line, nil, nil, io.EOF
}

// jsonRow gives the object itself and its top-level fields as text, for mappings that name them.
func (l *lineRows) jsonRow(text []byte) (int, map[string]string, json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return l.line, nil, nil, rowError{fmt.Errorf("no JSON object: %w", err)}
	}
	row := make(map[string]string, len(fields))
	for name, raw := range fields {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			row[name] = s
		} else if !bytes.Equal(raw, []byte("null")) {
			row[name] = string(raw)
		}
	}
	return l.line, row, append(json.RawMessage(nil), text...), nil
}

// rowError is a fault of one row: it is reported with its line and the import goes on.
type rowError struct{ error }

func (e rowError) Unwrap() error { return e.error }

// isRowError reports faults of a single row, a CSV record's own included.
func isRowError(err error) bool {
	var row rowError
	var record *csv.ParseError
	return errors.As(err, &row) || errors.As(err, &record)
}
