package warehouse

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"github.com/tailrace/tailrace/sql/lex"
)

// call reads a request as ClickHouse's HTTP handler does: ?query= and the body
// are one text, where the body of an INSERT is its rows.
func (s *Server) call(r *http.Request) (*call, error) {
	query := r.URL.Query()
	if query.Has("session_id") {
		return nil, errors.New("sessions are not supported: send settings and the database with each statement")
	}
	if database := r.Header.Get("X-ClickHouse-Database"); database != "" && !query.Has("database") {
		query.Set("database", database)
	}
	if query.Get("query_id") == "" {
		query.Set("query_id", uuid.NewString())
	}
	if r.Method != http.MethodPost {
		query.Set("readonly", "2")
	}
	body, err := plainBody(r)
	if err != nil {
		return nil, err
	}
	inner := r.Clone(r.Context())
	inner.URL, inner.Body = plainURL(query), nil
	inner.Header.Del("Content-Encoding")
	c, err := parseCall(inner)
	if err != nil {
		return nil, err
	}
	if format := r.Header.Get("X-ClickHouse-Format"); format != "" && !query.Has("default_format") {
		c.format = format
	}
	rows := bufio.NewReaderSize(body, 64<<10)
	if firstWord(c.sql) == "INSERT" && !selects(c.sql) {
		if _, err := rows.Peek(1); err != io.EOF {
			c.insert = rows
			c.sql, c.insertFormat = cutFormat(c.sql, "Values")
			return c, nil
		}
	}
	text, err := io.ReadAll(io.LimitReader(rows, maxStatementBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if len(text) > maxStatementBytes {
		return nil, fmt.Errorf("the statement is longer than %d bytes: put it in ?query= and only its rows in the body", maxStatementBytes)
	}
	if len(text) > 0 {
		c.sql = strings.TrimPrefix(c.sql+"\n"+string(text), "\n")
	}
	if word := firstWord(c.sql); word != "INSERT" {
		c.sql, c.format = cutFormat(c.sql, c.format)
	}
	return c, nil
}

// selects finds an INSERT whose rows a query makes; a column may have any name.
func selects(sql string) bool {
	depth := 0
	for _, t := range lex.Significant(lex.Tokens(sql)) {
		switch {
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		case depth == 0 && t.Any("SELECT", "WITH"):
			return true
		}
	}
	return false
}

// cutFormat takes the FORMAT clause off a statement's end, since the engine is
// told the format apart from the statement. SETTINGS behind it stay.
func cutFormat(sql, otherwise string) (rest, format string) {
	tokens := lex.Significant(lex.Tokens(sql))
	for len(tokens) > 0 && tokens[len(tokens)-1].Is(";") {
		tokens = tokens[:len(tokens)-1]
	}
	for i := len(tokens) - 2; i > 0 && !tokens[i].Any("(", ")"); i-- {
		name := tokens[i+1]
		last := i+2 == len(tokens) || tokens[i+2].Is("SETTINGS")
		if tokens[i].Is("FORMAT") && name.Kind == lex.Word && last {
			return sql[:tokens[i].Pos.Offset] + sql[name.End():], name.Text
		}
	}
	return sql, otherwise
}

// plainBody undoes what the client did to the body on its way.
func plainBody(r *http.Request) (io.Reader, error) {
	var body io.Reader = http.NoBody
	if r.Body != nil {
		body = r.Body
	}
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		plain, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("unpacking the body: %w", err)
		}
		body = plain
	case "deflate":
		plain, err := zlib.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("unpacking the body: %w", err)
		}
		body = plain
	case "zstd":
		plain, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1)) // no goroutines, so nothing to close
		if err != nil {
			return nil, fmt.Errorf("unpacking the body: %w", err)
		}
		body = plain
	default:
		return nil, fmt.Errorf("Content-Encoding %q is not supported: use gzip, deflate, zstd or none", encoding)
	}
	if r.URL.Query().Get("decompress") == "1" {
		body = blockReader{compress.NewReader(body)}
	}
	return body, nil
}

// blockReader reads ClickHouse's compressed blocks. Their end comes wrapped;
// one in the middle of a block stays an error.
type blockReader struct{ blocks *compress.Reader }

func (b blockReader) Read(p []byte) (int, error) {
	n, err := b.blocks.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, err
}

// compressed returns where a result is written, packed as the request asks for.
// finish ends it and must be called.
func compressed(w http.ResponseWriter, r *http.Request) (out io.Writer, finish func() error) {
	query := r.URL.Query()
	if query.Get("compress") == "1" {
		blocks := &blockWriter{w: w, packer: compress.NewWriter(compress.LevelZero, compress.LZ4)}
		return blocks, blocks.flush
	}
	if query.Get("enable_http_compression") == "1" && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		packed, err := gzip.NewWriterLevel(w, flate.BestSpeed)
		if err == nil { // the level is one that exists
			return packed, packed.Close
		}
	}
	return w, func() error { return nil }
}

// blockWriter writes ClickHouse's compressed blocks of about 1 MiB.
type blockWriter struct {
	w      io.Writer
	packer *compress.Writer
	held   []byte
}

const compressedBlockBytes = 1 << 20

func (b *blockWriter) Write(p []byte) (int, error) {
	b.held = append(b.held, p...)
	if len(b.held) < compressedBlockBytes {
		return len(p), nil
	}
	return len(p), b.flush()
}

func (b *blockWriter) flush() error {
	if len(b.held) == 0 {
		return nil
	}
	if err := b.packer.Compress(b.held); err != nil {
		return fmt.Errorf("compressing a block: %w", err)
	}
	b.held = b.held[:0]
	_, err := b.w.Write(b.packer.Data)
	return err
}
