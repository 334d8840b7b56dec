package lex

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var logical = time.Date(2026, 3, 1, 0, 30, 15, 123456789, time.FixedZone("CET", 3600))

func TestRewriteTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sql, want string }{
		{"SELECT now()", "SELECT toDateTime('2026-02-28 23:30:15', 'UTC')"},
		{"SELECT NOW ( /* x */ )", "SELECT toDateTime('2026-02-28 23:30:15', 'UTC')"},
		{"SELECT now('Europe/Paris')", "SELECT toTimeZone(toDateTime('2026-02-28 23:30:15', 'UTC'), 'Europe/Paris')"},
		{"SELECT now64()", "SELECT toDateTime64('2026-02-28 23:30:15.123456789', 3, 'UTC')"},
		{"SELECT now64(6, 'UTC')", "SELECT toTimeZone(toDateTime64('2026-02-28 23:30:15.123456789', 6, 'UTC'), 'UTC')"},
		{"SELECT today() - 7, yesterday(), curdate()", "SELECT toDate('2026-02-28') - 7, toDate('2026-02-27'), toDate('2026-02-28')"},
		{"SELECT CURRENT_DATE, current_timestamp()", "SELECT toDate('2026-02-28'), toDateTime('2026-02-28 23:30:15', 'UTC')"},
		{"SELECT CURRENT_TIMESTAMP AS t, LOCALTIMESTAMP", "SELECT toDateTime('2026-02-28 23:30:15', 'UTC') AS t, toDateTime('2026-02-28 23:30:15', 'UTC')"},
		{"SELECT UTC_TIMESTAMP(), nowInBlock()", "SELECT toDateTime('2026-02-28 23:30:15', 'UTC'), toDateTime('2026-02-28 23:30:15', 'UTC')"},
		{"SELECT `now`(\n), x", "SELECT toDateTime('2026-02-28 23:30:15', 'UTC')\n, x"},
		{"SELECT 'now()', /* now() */ now, \"today\" -- today()", "SELECT 'now()', /* now() */ now, \"today\" -- today()"},
		{"SELECT t.current_date, 1 AS current_date", "SELECT t.current_date, 1 AS current_date"},
		{"WITH current_date AS (SELECT 1) SELECT 2", "WITH current_date AS (SELECT 1) SELECT 2"},
	} {
		got, err := RewriteTime(c.sql, logical)
		require.NoError(t, err, c.sql)
		require.Equal(t, c.want, got)
		require.Equal(t, c.sql != c.want, ReadsTime(c.sql), c.sql)
	}
}

func TestRewriteTimeRefuses(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"SELECT\n now64(x)":      "2:2: now64 takes the number of decimals as a plain number from 0 to 9",
		"SELECT now64(12)":       "1:8: now64 takes the number of decimals as a plain number from 0 to 9",
		"SELECT now(zone)":       "1:8: now takes the time zone as a plain text, such as 'UTC'",
		"SELECT today(1)":        "1:8: today takes fewer arguments than 1",
		"SELECT now64(3, 'a',1)": "1:8: now64 takes fewer arguments than 3",
		"SELECT now() 'x":        "1:14: this string is not closed",
	} {
		_, err := RewriteTime(sql, logical)
		require.EqualError(t, err, want, sql)
	}
}

func TestRewrittenOffsetsLeadBack(t *testing.T) {
	t.Parallel()
	sql := "SELECT now(), today() AS d, zz"
	r, err := RewriteTimeMapped(sql, logical)
	require.NoError(t, err)
	require.Len(t, r.Edits, 2)
	require.Equal(t, 3, r.Origin(3))
	require.Equal(t, 7, r.Origin(r.Edits[0].NewFrom+5))
	require.Equal(t, len(sql), r.Origin(len(r.SQL)))
	require.Equal(t, 28, r.Origin(len(r.SQL)-2))
	require.Equal(t, "zz", sql[28:])
}
