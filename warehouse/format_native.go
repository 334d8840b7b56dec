package warehouse

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// rowFormats are the formats whose rows stand alone, so that the native
// protocol, which carries blocks and no formats, can have the server write
// them: name → what comes first, made of names and types.
var rowFormats = map[string]struct{ names, types bool }{
	"JSONEachRow": {}, "JSONCompactEachRow": {}, "JSONStringsEachRow": {},
	"CSV": {}, "CSVWithNames": {names: true}, "CSVWithNamesAndTypes": {names: true, types: true},
	"TSV": {}, "TabSeparated": {}, "TSVWithNames": {names: true}, "TabSeparatedWithNames": {names: true},
}

// streamNative has the server format each row with formatRow().
func (db *DB) streamNative(ctx context.Context, w io.Writer, call *statementCall, format string) error {
	head, ok := rowFormats[format]
	if !ok {
		return fmt.Errorf("format %s needs an http(s):// or embedded:// warehouse; over clickhouse:// there are %s", format, "JSONEachRow, JSONCompactEachRow, CSV, CSVWithNames, TSV, TSVWithNames")
	}
	base := strings.TrimSuffix(strings.TrimSuffix(format, "AndTypes"), "WithNames")
	inner := strings.TrimRight(strings.TrimSpace(call.sql), ";")
	conn := db.lanes[call.lane]
	columns, types, err := describeColumns(ctx, db, call, inner)
	if err != nil {
		return err
	}
	for _, line := range []struct {
		wanted bool
		values []string
	}{{head.names, columns}, {head.types, types}} {
		if !line.wanted {
			continue
		}
		quoted := make([]string, len(line.values))
		for i, value := range line.values {
			quoted[i] = quoteString(value)
		}
		var text string
		if err := conn.QueryRow(ctx, "SELECT formatRow("+quoteString(base)+", "+strings.Join(quoted, ", ")+")").Scan(&text); err != nil {
			return err
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	quoted := make([]string, len(columns))
	for i, column := range columns {
		quoted[i] = quoteIdentifier(column)
	}
	rows, err := conn.Query(call.context(ctx), "SELECT formatRow("+quoteString(base)+", "+strings.Join(quoted, ", ")+") FROM (\n"+inner+"\n)")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return rows.Err()
}

// describeColumns asks for the result's columns without running the statement.
func describeColumns(ctx context.Context, db *DB, call *statementCall, inner string) (names, types []string, err error) {
	rows, err := db.lanes[call.lane].Query(call.context(ctx), "DESCRIBE (\n"+inner+"\n)")
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, typ, ignored string
		if err := rows.Scan(&name, &typ, &ignored, &ignored, &ignored, &ignored, &ignored); err != nil {
			return nil, nil, err
		}
		names, types = append(names, name), append(types, typ)
	}
	return names, types, rows.Err()
}
