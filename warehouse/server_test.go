package warehouse_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/warehouse"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// each runs a test on every kind of warehouse there is: the embedded engine,
// the same behind a real HTTP connection (so that the http:// path is used),
// and the server that TAILRACE_TEST_CLICKHOUSE names.
func each(t *testing.T, test func(t *testing.T, db *warehouse.DB)) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, warehousetest.Open(t))
	})
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		test(t, warehousetest.OpenOver(t, warehousetest.Serve(t)))
	})
	if dsn := os.Getenv("TAILRACE_TEST_CLICKHOUSE"); dsn != "" {
		t.Run("server", func(t *testing.T) {
			t.Parallel()
			test(t, warehousetest.OpenOver(t, dsn))
		})
	}
}

// ask sends one request and returns status and body; a body that breaks off is an error.
func ask(t *testing.T, address, query, body string, header http.Header) (int, string, error) {
	request, err := http.NewRequest(http.MethodPost, address+"/?"+query, strings.NewReader(body))
	require.NoError(t, err)
	maps.Copy(request.Header, header)
	res, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// Any ClickHouse client talks to it: statements in the URL or the body, rows in any format, packed or not.
func TestServerSpeaksClickHouseHTTP(t *testing.T) {
	t.Parallel()
	address := warehousetest.Serve(t)
	database := warehousetest.NewDatabase()
	run := func(query, body string, header http.Header) string {
		t.Helper()
		status, text, err := ask(t, address, query, body, header)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status, text)
		return text
	}
	run("", "CREATE DATABASE "+database, nil)
	t.Cleanup(func() { run("", "DROP DATABASE "+database, nil) })
	in := "database=" + database
	run(in, "CREATE TABLE t (k UInt64, v String) ENGINE = MergeTree ORDER BY k", nil)
	run(in+"&query="+url.QueryEscape("INSERT INTO t FORMAT JSONEachRow"), `{"k":1,"v":"one"}`+"\n"+`{"k":2,"v":"a,b"}`, nil)
	run(in, "INSERT INTO t VALUES (3, 'three')", nil)
	run(in, "INSERT INTO t FORMAT CSV\n4,four\n", nil)
	run(in+"&query="+url.QueryEscape("INSERT INTO t SELECT 5, 'five'"), "", nil)
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write([]byte("6\tsix\n"))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	run(in+"&query="+url.QueryEscape("INSERT INTO t FORMAT TSV"), packed.String(), http.Header{"Content-Encoding": {"gzip"}})
	const all = "SELECT * FROM t ORDER BY k"
	const want = "1\tone\n2\ta,b\n3\tthree\n4\tfour\n5\tfive\n6\tsix\n"
	require.Equal(t, want, run(in+"&query="+url.QueryEscape(all), "", nil))
	require.Equal(t, want, run(in, all, http.Header{"X-ClickHouse-Database": {"default"}}), "the URL's database wins")
	require.Equal(t, `{"k":6}`+"\n", run(in+"&param_v=six&output_format_json_quote_64bit_integers=0",
		"SELECT k FROM t WHERE v = {v:String} FORMAT JSONEachRow SETTINGS max_threads = 1;", nil))
	plain, err := gzip.NewReader(strings.NewReader(run(in+"&enable_http_compression=1", all, http.Header{"Accept-Encoding": {"gzip"}})))
	require.NoError(t, err)
	text, err := io.ReadAll(plain)
	require.NoError(t, err)
	require.Equal(t, want, string(text))
	packer := compress.NewWriter(compress.LevelZero, compress.LZ4)
	require.NoError(t, packer.Compress([]byte("7\tseven\n")))
	run(in+"&decompress=1&query="+url.QueryEscape("INSERT INTO t FORMAT TSV"), string(packer.Data), nil)
	blocks := make([]byte, len(want))
	_, err = io.ReadFull(compress.NewReader(strings.NewReader(run(in+"&compress=1", all, nil))), blocks)
	require.NoError(t, err)
	require.Equal(t, want, string(blocks))
	require.Equal(t, "7\n", run(in, "SELECT count() FROM t", nil))
}

func TestServerRefuses(t *testing.T) {
	t.Parallel()
	address := warehousetest.Serve(t)
	at, err := url.Parse(address)
	require.NoError(t, err)
	at.User = nil
	for name, header := range map[string]http.Header{
		"nobody":         nil,
		"wrong password": {"X-Clickhouse-User": {"default"}, "X-Clickhouse-Key": {"open"}},
		"wrong user":     {"X-Clickhouse-User": {"root"}, "X-Clickhouse-Key": {"open sesame"}},
	} {
		status, text, err := ask(t, at.String(), "", "SELECT 1", header)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, status, name)
		require.Contains(t, text, "Code: 516.", name)
	}
	status, text, err := ask(t, at.String(), "user=default&password=open+sesame", "SELECT 1", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, text)
	for query, code := range map[string]string{"session_id=1": "Code: 36.", "role=x&query=SELEC": "Code: 62.", "a%20b=1": "Code: 36."} {
		status, text, err := ask(t, address, query, "", nil)
		require.NoError(t, err)
		require.NotEqual(t, http.StatusOK, status, query)
		require.Contains(t, text, code, query)
	}
	res, err := http.Get(address + "/?query=" + url.QueryEscape("CREATE DATABASE not_by_get"))
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, "164", res.Header.Get("X-ClickHouse-Exception-Code"), "a GET reads only")
	// An error in mid-stream breaks the body off, so that no client takes part of a result for all of it.
	status, text, err = ask(t, address, "", "SELECT throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_block_size = 1000", nil)
	require.Equal(t, http.StatusOK, status)
	require.Error(t, err)
	require.Contains(t, text[max(0, len(text)-500):], "Code: 395.")
}
