package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBadRowsOfATable: every row of a CSV is either an event or named with its line; none vanishes.
func TestBadRowsOfATable(t *testing.T) {
	t.Parallel()
	m := importMapping{Format: "csv", Event: "Order", UserID: "customer"}
	rows, err := newRowReader(strings.NewReader("customer,total\na,1\nshort\nb,2,extra\nc,3\n"), "x.csv", m)
	require.NoError(t, err)
	var good, bad []int
	for {
		line, row, _, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if isRowError(err) {
			bad = append(bad, line)
			continue
		}
		require.NoError(t, err)
		_, err = m.event("x", line, row)
		require.NoError(t, err)
		good = append(good, line)
	}
	require.Equal(t, []int{2, 5}, good)
	require.Equal(t, []int{3, 4}, bad)
	m.UserID = "custmer"
	_, err = m.event("x", 2, map[string]string{"customer": "a", "total": "1"})
	require.ErrorContains(t, err, "no column custmer")
}

// TestBadMappings: what no row could be read by is refused before any is.
func TestBadMappings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"user_id: customer":                     "event is missing",
		"event: Order":                          "user_id is missing",
		"event: Order\nuser_id: c\ntype: trck":  "type is track, identify, page, screen, group, not \"trck\"",
		"event: Order\nuser_id: c\nformat: xls": "format is csv, tsv, columns, jsonl, not \"xls\"",
		"event: Order\nuser_id: c\nproperties: { total: { column: t, type: decimal } }": "properties.total: type is",
		"event: Order\nuser_id: c\ntimestamp: { column: at, format: YYYY-MM-DD }":       "timestamp: format is date, datetime,",
		"event: Order\nuser_id: c\nproperty: { total: t }":                              "unknown field",
	} {
		path := filepath.Join(t.TempDir(), "m.yml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := readMapping(path)
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, path)
	}
	path := filepath.Join(t.TempDir(), "m.yml")
	require.NoError(t, os.WriteFile(path, []byte("type: identify\nuser_id: c\ntimestamp: { column: at, format: \"02.01.2006\" }\ntraits: { since: { column: s, type: time, format: date } }"), 0o600))
	m, err := readMapping(path)
	require.NoError(t, err)
	event, err := m.event("x", 2, map[string]string{"c": "u1", "at": "31.12.2025", "s": "2024-02-29"})
	require.NoError(t, err)
	require.Equal(t, "2025-12-31T00:00:00.000Z", event["timestamp"])
	require.Equal(t, map[string]any{"since": "2024-02-29T00:00:00Z"}, event["traits"])
}
