package main

import (
	"errors"
	"io"
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
