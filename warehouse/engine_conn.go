package warehouse

import (
	"bytes"
	"context"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"unsafe"
)

// conn is one libchdb connection. It is used by one statement at a time and
// remembers what its session was set to, so that each statement gets exactly
// its own database and settings.
type conn struct {
	engine   *engine
	id       string         // its log_comment
	handle   unsafe.Pointer // to be closed
	c        unsafe.Pointer // to be called with
	database string
	settings map[string]string
	tainted  bool
}

func (c *conn) close() { c.engine.lib.closeConn(c.handle) }

func (c *conn) matches(database string, settings map[string]string) bool {
	if c.database != database || len(c.settings) != len(settings) {
		return false
	}
	return maps.Equal(c.settings, settings)
}

// prepare makes the session's database and settings equal to the wanted ones.
// Settings that the last statement had and this one has not go back to their
// defaults. A session that was read-only can't be changed back, so giveBack
// closes it.
func (c *conn) prepare(database string, settings map[string]string) error {
	if database == "" {
		database = "default"
	}
	if c.database != database {
		if err := c.command("USE " + quoteIdentifier(database)); err != nil {
			return err
		}
		c.database = database
	}
	var changes []string
	for name := range c.settings {
		if _, wanted := settings[name]; !wanted {
			changes = append(changes, name+" = DEFAULT")
		}
	}
	for name, value := range settings {
		if old, set := c.settings[name]; (!set || old != value) && name != "readonly" {
			changes = append(changes, name+" = "+quoteString(value))
		}
	}
	slices.Sort(changes)
	// The last one: nothing can be set after it.
	if value, wanted := settings["readonly"]; wanted && c.settings["readonly"] != value {
		changes = append(changes, "readonly = "+quoteString(value))
	}
	if len(changes) > 0 {
		// Until the SET has succeeded the session's state is not known.
		c.tainted = true
		if err := c.command("SET " + strings.Join(changes, ", ")); err != nil {
			return err
		}
		c.tainted = false
		c.settings = maps.Clone(settings)
	}
	if value := settings["readonly"]; value != "" && value != "0" {
		c.tainted = true
	}
	return nil
}

// command runs a statement of ours that yields nothing.
func (c *conn) command(sql string) error {
	result := c.engine.lib.queryText(c.c, sql, "Null")
	defer c.engine.lib.destroy(result)
	return engineError(c.engine.lib.resultError(result))
}

// classify says what a statement does, as the engine's own parser sees it.
// Nothing is executed.
func (c *conn) classify(sql string) (statements uint32, class uint32) {
	analysis := &queryAnalysis{}
	analysis.structSize = uint32(unsafe.Sizeof(*analysis))
	if c.engine.lib.classify(c.c, bytesOf(sql), uintptr(len(sql)), nil, 0, unsafe.Pointer(analysis)) != 0 {
		return 0, classUnknown
	}
	return analysis.statementCount, analysis.class
}

// Values of chdb_query_class.
const (
	classReadOnly = 0
	classControl  = 3
	classUnknown  = 4
)

// streams reports whether libchdb can stream the statement's result. It refuses
// anything but a SELECT; and it makes every part a whole document, with header
// and footer, which is right only for formats that have none, or whose header
// can be cut off (splitHeader).
func streams(sql, format string, class uint32) bool {
	if _, ok := streamedFormats[format]; !ok || class != classReadOnly {
		return false
	}
	word := firstWord(sql)
	return word == "SELECT" || word == "WITH" || word == "FROM"
}

// run starts a statement and returns its result in the format. A SELECT
// streams, as the engine makes the rows; its first part is fetched before run
// returns, so that an error before any row is returned here. Any other
// statement has been executed to its end when run returns.
func (c *conn) run(ctx context.Context, sql, format string, class uint32, params map[string]string) (*resultStream, error) {
	s := &resultStream{ctx: ctx, conn: c, format: format}
	if streams(sql, format, class) {
		s.headerLines = streamedFormats[format]
		result, err := c.start(c.engine.lib.streamQuery, sql, format, params)
		if err != nil {
			return nil, err
		}
		s.result = result
		if err := s.fetch(); err != nil && err != io.EOF {
			s.close()
			return nil, err
		}
		return s, nil
	}
	result, err := c.start(c.engine.lib.query, sql, format, params)
	if err != nil {
		return nil, err
	}
	s.take(result)
	s.err = io.EOF
	return s, nil
}

// start calls one of libchdb's query functions.
func (c *conn) start(function queryFunction, sql, format string, params map[string]string) (unsafe.Pointer, error) {
	p := newParameters(params)
	names, nameLengths, values, valueLengths, count := p.pointers()
	result := function(c.c, bytesOf(sql), uintptr(len(sql)), bytesOf(format), uintptr(len(format)),
		names, nameLengths, values, valueLengths, count)
	p.release()
	runtime.KeepAlive(sql)
	if err := engineError(c.engine.lib.resultError(result)); err != nil {
		c.engine.lib.destroy(result)
		return nil, err
	}
	return result, nil
}

// resultStream reads a running statement's result, part by part.
type resultStream struct {
	ctx     context.Context
	conn    *conn
	result  unsafe.Pointer // of a statement that streams
	part    unsafe.Pointer // the result of one fetch
	rest    []byte         // what of it has not been read, in C memory
	err     error          // sticky: io.EOF at the end
	written uint64

	format      string
	headerLines int    // of each part
	header      []byte // of the first part, as later ones repeat it
}

// fetch gets the next part. io.EOF is the end of a complete result.
func (s *resultStream) fetch() error {
	if s.err != nil {
		return s.err
	}
	lib := s.conn.engine.lib
	s.freePart()
	part := lib.streamFetch(s.conn.c, s.result)
	if err := engineError(lib.resultError(part)); err != nil {
		lib.destroy(part)
		s.err = err
		return err
	}
	if lib.resultLength(part) == 0 {
		lib.destroy(part)
		s.err = io.EOF
		return io.EOF
	}
	s.take(part)
	return nil
}

// take makes a part the one to be read.
func (s *resultStream) take(part unsafe.Pointer) {
	lib := s.conn.engine.lib
	s.part = part
	s.written += lib.resultWritten(part)
	if n := lib.resultLength(part); n > 0 {
		s.rest = unsafe.Slice((*byte)(lib.resultBuffer(part)), n)
		s.cutHeader()
	}
}

// cutHeader drops the header from all parts but the first.
func (s *resultStream) cutHeader() {
	if s.headerLines == 0 {
		return
	}
	if s.header == nil {
		s.header = bytes.Clone(header(s.rest, s.format, s.headerLines))
		return
	}
	s.rest = bytes.TrimPrefix(s.rest, s.header)
}

func (s *resultStream) freePart() {
	if s.part != nil {
		s.conn.engine.lib.destroy(s.part)
		s.part, s.rest = nil, nil
	}
}

func (s *resultStream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if err := s.fetch(); err != nil {
			if ctxErr := s.ctx.Err(); ctxErr != nil && err != io.EOF {
				return 0, ctxErr
			}
			return 0, err
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// close frees the statement, cancelling it if it still runs.
func (s *resultStream) close() {
	s.freePart()
	if s.result == nil {
		return
	}
	lib := s.conn.engine.lib
	if s.err != io.EOF {
		lib.streamCancel(s.conn.c, s.result)
		s.err = io.ErrClosedPipe
		// libchdb leaves a statement that broke off in the process list, with
		// what it holds, until its connection runs another or is closed.
		s.conn.tainted = true
	}
	lib.destroy(s.result)
	s.result = nil
}

// insert sends the body, in the format, to an INSERT statement. Nothing is
// written unless the body is read to its end. It returns the rows written.
func (c *conn) insert(ctx context.Context, sql, format string, params map[string]string, body io.Reader) (uint64, error) {
	lib := c.engine.lib
	chunk := make([]byte, insertChunkBytes)
	n, readErr := fill(body, chunk)
	if n == 0 && readErr == io.EOF {
		return 0, engineError("Code: 108. DB::Exception: Refused an INSERT with an empty body: the rows were lost before they were sent. (NO_DATA_TO_INSERT)")
	}
	p := newParameters(params)
	names, nameLengths, values, valueLengths, count := p.pointers()
	stream := lib.insert(c.c, bytesOf(sql), uintptr(len(sql)), bytesOf(format), uintptr(len(format)),
		names, nameLengths, values, valueLengths, count)
	p.release()
	runtime.KeepAlive(sql)
	defer lib.insertDestroy(stream)
	if err := engineError(lib.insertError(stream)); err != nil {
		return 0, err
	}
	for {
		if n > 0 && lib.insertAppend(stream, &chunk[0], uintptr(n)) != 0 {
			// The engine gave up; done reports why.
			break
		}
		if readErr == io.EOF {
			break
		}
		if readErr == nil {
			readErr = ctx.Err()
		}
		if readErr != nil {
			lib.insertCancel(stream)
			return 0, readErr
		}
		n, readErr = fill(body, chunk)
	}
	result := lib.insertDone(stream)
	defer lib.destroy(result)
	if err := engineError(lib.resultError(result)); err != nil {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return 0, ctxErr
		}
		return 0, err
	}
	return lib.resultWritten(result), nil
}

const insertChunkBytes = 1 << 20

// fill reads until p is full or the body ends. Unlike io.ReadFull it passes the
// body's error on as it is: only io.EOF means that the body was complete.
func fill(body io.Reader, p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k, err := body.Read(p[n:])
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
