package warehouse_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
)

func TestStreamFormat(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		const rows = 150_000 // several blocks
		for format, header := range map[string]string{
			"JSONEachRow": "", "CSV": "",
			"CSVWithNames":         "\"n\",\"a\n\"\"b\"\n",
			"TSVWithNamesAndTypes": "n\ta\\n\"b\nUInt64\tString\n",
		} {
			var out bytes.Buffer
			require.NoError(t, db.StreamFormat(t.Context(), &out, "SELECT number AS n, 'x' AS `a\n\"b` FROM numbers(?)", format, rows))
			text, found := strings.CutPrefix(out.String(), header)
			require.True(t, found, "%s: %.60q", format, out.String())
			require.Equal(t, rows, strings.Count(text, "\n"), format)
		}
		var out bytes.Buffer
		require.NoError(t, db.StreamFormat(t.Context(), &out, "SELECT number AS n FROM numbers({rows:UInt64})", "JSON", warehouse.P{"rows": rows}))
		var document struct{ Rows int }
		require.NoError(t, json.Unmarshal(out.Bytes(), &document))
		require.Equal(t, rows, document.Rows)
		out.Reset()
		require.NoError(t, db.StreamFormat(t.Context(), &out, "SELECT number AS n FROM numbers(9) WHERE n > 9", "CSVWithNames"))
		require.Equal(t, "\"n\"\n", out.String())
	})
}

func TestStreamFormatErrors(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		var out bytes.Buffer
		require.ErrorContains(t, db.StreamFormat(t.Context(), &out, "SELECT 1", "CSV SETTINGS x"), "no format")
		requireCode(t, 60, db.StreamFormat(t.Context(), &out, "SELECT * FROM nope", "CSV"))
		require.Zero(t, out.Len())
		requireCode(t, 73, db.StreamFormat(t.Context(), &out, "SELECT 1", "NoSuchFormat"))
		requireCode(t, 395, db.StreamFormat(t.Context(), &out, "SELECT number, throwIf(number = 6000000) FROM numbers(8000000)", "CSV", warehouse.Settings{"max_threads": 1}))
		require.Positive(t, out.Len())
		require.NotContains(t, out.String(), "__exception__")
	})
}

type failingWriter struct{ after int }

var errFull = errors.New("the reader went away")

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.after -= len(p); w.after < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestStreamFormatStops(t *testing.T) {
	each(t, func(t *testing.T, db *warehouse.DB) {
		mark := "stream_" + db.Database()
		require.ErrorIs(t, db.StreamFormat(t.Context(), &failingWriter{after: 1 << 20}, "SELECT number FROM system.numbers -- "+mark, "CSV"), errFull)
		requireNothingRuns(t, db, mark)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, db.StreamFormat(ctx, &bytes.Buffer{}, endless+" -- "+mark, "CSV"), context.DeadlineExceeded)
		requireNothingRuns(t, db, mark)
	})
}
