package audiences

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// UnitRow is a row of a comparison: the columns that the test mentions, people
// by the names that it gives them.
type UnitRow map[string]any

const (
	columnBecause = "because"
	sideColumn    = "tailrace_side"
)

// compare runs the statement and holds what comes out against what the test expects.
func (s *scene) compare(ctx context.Context, f *project.SQLFile, out *UnitResult) error {
	columns, expected, err := s.expected(f)
	if err != nil {
		return err
	}
	sql := s.comparison(f, columns, expected)
	o := s.u.a.gateOptions(s.u.p, f, s.t.Now.Time)
	settings := warehouse.Settings{"date_time_input_format": "best_effort", "input_format_null_as_default": 1,
		"output_format_json_quote_64bit_integers": 0, "output_format_json_quote_denormals": 1}
	maps.Copy(settings, o.Limits())
	delete(settings, "readonly") // readonly 1 keeps settings as they are
	settings["readonly"] = 2
	var raw bytes.Buffer
	err = s.u.a.db.StreamFormat(withoutDeadline{ctx}, &raw, sql, "JSONEachRow", s.args, settings)
	if err != nil {
		return s.explain(f, err)
	}
	var actual, wanted []UnitRow
	var keys []string
	lines := bufio.NewScanner(&raw)
	lines.Buffer(nil, math.MaxInt32)
	for lines.Scan() {
		var row map[string]any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return fmt.Errorf("reading a result: %w", err)
		}
		side, key := row[sideColumn], row[keyAlias]
		delete(row, sideColumn)
		delete(row, keyAlias)
		for name, v := range row {
			row[name] = s.names.text(v)
		}
		if side == "expected" {
			wanted = append(wanted, row)
			continue
		}
		actual = append(actual, row)
		keys = append(keys, fmt.Sprint(s.names.text(key)))
	}
	if twice := duplicates(keys); f.Kind != project.KindModel && len(twice) > 0 {
		return failStart(f, fmt.Sprintf("several rows have the same %s: %s", s.u.shapes[f.Name].keyColumn, strings.Join(twice, ", ")), "")
	}
	out.Missing, out.Unexpected = difference(wanted, actual), difference(actual, wanted)
	if len(out.Missing)+len(out.Unexpected) > 0 {
		out.Status = UnitFailed
	}
	return nil
}

// expected are the mentioned columns, with their types, and the rows that must come out.
func (s *scene) expected(f *project.SQLFile) (columns []Column, rows []map[string]any, err error) {
	e := s.t.Expect
	known, keyColumn := s.u.models[f.Name], ""
	if shape := s.u.shapes[f.Name]; shape != nil {
		known, keyColumn = shape.stored, shape.stored[0].Name
	} else if len(known) > 0 {
		keyColumn = known[0].Name
		if f.Header.Key != "" {
			keyColumn = f.Header.Key
		}
	}
	if len(f.Header.Because) > 0 && f.Kind == project.KindAudience {
		known = append(slices.Clone(known), Column{Name: columnBecause, Type: "Array(String)"})
	}
	var given []map[string]any
	at := []string{"expect", "rows"}
	switch {
	case e.Members != nil:
		at = []string{"expect", "members"}
		for _, key := range *e.Members {
			given = append(given, map[string]any{keyColumn: key})
		}
	case e.Values != nil:
		at = []string{"expect", "values"}
		value, _ := traitValue(f, &Materialization{Columns: known})
		for _, key := range slices.Sorted(maps.Keys(e.Values)) {
			given = append(given, map[string]any{keyColumn: key, value.Name: e.Values[key]})
		}
		if len(given) == 0 {
			given, at = nil, []string{"expect"}
		}
	case e.Rows != nil:
		given = e.Rows.List
	}
	mentioned := map[string]bool{}
	for i, row := range given {
		where := at
		if e.Rows != nil {
			where = append(slices.Clone(at), fmt.Sprint(i))
		}
		typed, err := s.typed(row, known, where)
		if err != nil {
			return nil, nil, err
		}
		for name := range typed {
			mentioned[name] = true
		}
		rows = append(rows, typed)
	}
	if len(given) == 0 {
		mentioned[keyColumn] = true
	}
	for _, c := range known {
		if mentioned[c.Name] {
			columns = append(columns, c)
		}
	}
	return columns, rows, nil
}

// comparison is one statement for both sides, so that both are written alike.
func (s *scene) comparison(f *project.SQLFile, columns []Column, expected []map[string]any) string {
	s.use("tailrace_expected", s.literal(columns, expected))
	var actual, wanted []string
	for _, c := range columns {
		name := warehouse.QuoteIdentifier(c.Name)
		wanted = append(wanted, name)
		if c.Name == columnBecause && len(f.Header.Because) > 0 {
			expr, names := becauseNames(f, s.u.shapes[f.Name].stored)
			s.args[columnBecause] = names
			actual = append(actual, expr+" AS "+name)
			continue
		}
		actual = append(actual, "CAST("+name+" AS "+c.Type+") AS "+name)
	}
	key := "''"
	if f.Kind != project.KindModel {
		key = keyAlias
	}
	return withClause(s.from.expressions) + "SELECT 'actual' AS " + sideColumn + ", " + key + " AS " + keyAlias + ", " + strings.Join(actual, ", ") +
		" FROM " + resultName + "\nUNION ALL\nSELECT 'expected', '', " + strings.Join(wanted, ", ") + " FROM tailrace_expected"
}

// explain tells a mistake in the test's rows from one in the file's SQL.
func (s *scene) explain(f *project.SQLFile, err error) error {
	var e *clickhouse.Exception
	if errors.As(err, &e) && (strings.Contains(e.Message, "JSONEachRow") || strings.Contains(e.Message, "while parsing") || strings.Contains(e.Message, "ParallelParsing")) {
		message, _, _ := strings.Cut(e.Message, ": (while reading")
		return failAt(s.t.Path, s.t.At(), "a value of the test's rows doesn't fit its column: "+message, "")
	}
	return asFailure(f, err)
}

// difference are the rows of a that b lacks, each counted.
func difference(a, b []UnitRow) []UnitRow {
	rest := slices.Clone(b)
	out := []UnitRow{}
	for _, row := range a {
		i := slices.IndexFunc(rest, func(other UnitRow) bool { return sameRow(row, other) })
		if i < 0 {
			out = append(out, row)
			continue
		}
		rest = slices.Delete(rest, i, i+1)
	}
	slices.SortFunc(out, func(x, y UnitRow) int { return strings.Compare(x.String(), y.String()) })
	return out
}

// sameRow compares numbers as computers add them up: to one part in a billion.
func sameRow(a, b UnitRow) bool {
	return maps.EqualFunc(a, b, func(x, y any) bool {
		f, isNumber := x.(float64)
		g, too := y.(float64)
		if isNumber && too {
			return f == g || math.Abs(f-g) <= 1e-9*math.Max(math.Abs(f), math.Abs(g))
		}
		left, err := json.Marshal(x)
		right, err2 := json.Marshal(y)
		return err == nil && err2 == nil && bytes.Equal(left, right)
	})
}

func duplicates(keys []string) []string {
	slices.Sort(keys)
	var out []string
	for i := 1; i < len(keys); i++ {
		if keys[i] == keys[i-1] && !slices.Contains(out, keys[i]) && len(out) < 3 {
			out = append(out, keys[i])
		}
	}
	return out
}

// String writes the columns in alphabetic order, for people.
func (r UnitRow) String() string {
	parts := make([]string, 0, len(r))
	for _, name := range slices.Sorted(maps.Keys(r)) {
		value := fmt.Sprint(r[name])
		if _, plain := r[name].(string); !plain {
			if raw, err := json.Marshal(r[name]); err == nil {
				value = string(raw)
			}
		}
		parts = append(parts, name+": "+value)
	}
	return strings.Join(parts, ", ")
}
