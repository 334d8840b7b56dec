package warehouse

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"
	"unsafe"
)

// engine is ClickHouse in this process on one data path. libchdb runs one
// engine a process, so it is shared by every DB of that path and counted.
//
// A connection runs one statement at a time; several run at once. The control
// connection is opened first and closed last (closing the last one would shut
// the engine down) and runs nothing but KILL QUERY.
type engine struct {
	lib  *library
	path string
	lock *pathLock
	refs int // guarded by engines.mu

	control   *conn
	controlMu sync.Mutex

	mu      sync.Mutex
	idle    []*conn
	opened  int
	busy    sync.WaitGroup
	running map[string]*statement // those with a query id
	all     map[*statement]bool
}

// engines holds the one engine of the process and the library it runs on.
var engines struct {
	mu      sync.Mutex
	lib     *library
	current *engine
}

// baseSettings make a libchdb session behave as a server's: libchdb starts with
// conveniences for interactive use switched on.
var baseSettings = map[string]string{
	"implicit_select":               "0",
	"allow_introspection_functions": "0",
}

// maxIdleConnections is how many connections of one engine wait for reuse;
// opening one costs a quarter of a millisecond.
const maxIdleConnections = 16

// acquireEngine returns the engine of the data path, starting it if need be.
// Every call is paired with one release.
func acquireEngine(path string) (*engine, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("resolving the data path: %w", err)
	}
	engines.mu.Lock()
	defer engines.mu.Unlock()
	if e := engines.current; e != nil {
		if e.path != path {
			return nil, fmt.Errorf("opening %s: this process already runs its engine on %s, and libchdb runs one path a process", path, e.path)
		}
		e.refs++
		return e, nil
	}
	if engines.lib == nil {
		found, err := findLibrary()
		if err != nil {
			return nil, err
		}
		lib, err := loadLibrary(found)
		if err != nil {
			return nil, err
		}
		// Before the first connect, or libchdb's handlers take the signals
		// that the Go runtime needs.
		lib.setSignalHandlersEnabled(0)
		engines.lib = lib
	}
	e, err := startEngine(engines.lib, path)
	if err != nil {
		return nil, err
	}
	engines.current = e
	return e, nil
}

func startEngine(lib *library, path string) (*engine, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("creating the data path: %w", err)
	}
	lock, err := lockPath(path)
	if err != nil {
		return nil, err
	}
	e := &engine{lib: lib, path: path, lock: lock, refs: 1, running: map[string]*statement{}, all: map[*statement]bool{}}
	if e.control, err = e.connect(); err != nil {
		lock.release()
		return nil, fmt.Errorf("starting the embedded warehouse on %s: %w", path, err)
	}
	return e, nil
}

// release gives the engine back; the last one kills the statements that still
// run, waits for them and shuts the engine down.
func (e *engine) release() {
	engines.mu.Lock()
	defer engines.mu.Unlock()
	if e.refs--; e.refs > 0 {
		return
	}
	e.killAll()
	e.busy.Wait()
	e.mu.Lock()
	for _, c := range e.idle {
		c.close()
	}
	e.idle = nil
	e.mu.Unlock()
	e.control.close()
	e.lock.release()
	engines.current = nil
}

// arguments are the server-level options (read by the connection that boots
// the engine) and the base settings of a session.
func (e *engine) arguments(id string) []string {
	args := []string{
		"clickhouse",
		"--path=" + e.path,
		"--log_comment=" + id,
		"--max_threads=" + strconv.Itoa(runtime.NumCPU()),
		// The engine shares the machine with this process and with users'.
		"--max_server_memory_usage_to_ram_ratio=0.6",
		"--timezone=UTC",
	}
	for name, value := range baseSettings {
		args = append(args, "--"+name+"="+value)
	}
	return args
}

func (e *engine) connect() (*conn, error) {
	e.mu.Lock()
	e.opened++
	id := "tailrace-" + strconv.Itoa(e.opened)
	e.mu.Unlock()
	handle, c, err := e.lib.open(e.arguments(id))
	if err != nil {
		return nil, err
	}
	return &conn{engine: e, id: id, handle: handle, c: c, settings: maps.Clone(baseSettings)}, nil
}

// acquire returns a connection for one statement, preferring one that already
// has the database and settings, since changing them costs a statement.
func (e *engine) acquire(database string, settings map[string]string) (*conn, error) {
	e.mu.Lock()
	e.busy.Add(1)
	pick := len(e.idle) - 1
	for i := pick; i >= 0; i-- {
		if e.idle[i].matches(database, settings) {
			pick = i
			break
		}
	}
	if pick >= 0 {
		c := e.idle[pick]
		e.idle = append(e.idle[:pick], e.idle[pick+1:]...)
		e.mu.Unlock()
		return c, nil
	}
	e.mu.Unlock()
	c, err := e.connect()
	if err != nil {
		e.busy.Done()
		return nil, fmt.Errorf("opening a connection to the embedded warehouse: %w", err)
	}
	return c, nil
}

// giveBack ends a connection's use. A tainted one (its session may differ from
// what conn remembers) is closed.
func (e *engine) giveBack(c *conn) {
	defer e.busy.Done()
	e.mu.Lock()
	keep := !c.tainted && len(e.idle) < maxIdleConnections
	if keep {
		e.idle = append(e.idle, c)
	}
	e.mu.Unlock()
	if !keep {
		c.close()
	}
}

// statement is one that runs, so that it can be killed: by its context or by
// its query id.
type statement struct {
	engine  *engine
	conn    *conn
	queryID string
	done    chan struct{}
	stop    func() bool
	killers sync.WaitGroup
}

// begin registers a statement on c. Its context's end kills it.
func (e *engine) begin(ctx context.Context, c *conn, queryID string) (*statement, error) {
	s := &statement{engine: e, conn: c, queryID: queryID, done: make(chan struct{})}
	e.mu.Lock()
	if queryID != "" {
		if e.running[queryID] != nil {
			e.mu.Unlock()
			return nil, engineError("Code: 216. DB::Exception: Query with id = " + queryID + " is already running. (QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)")
		}
		e.running[queryID] = s
	}
	e.all[s] = true
	e.mu.Unlock()
	s.killers.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer s.killers.Done()
		s.kill(context.WithoutCancel(ctx))
	})
	s.stop = func() bool {
		stopped := stop()
		if stopped {
			s.killers.Done()
		}
		return stopped
	}
	return s, nil
}

// end unregisters the statement. When it returns no killer touches the
// connection any more, so the next statement on it is safe.
func (s *statement) end() {
	s.engine.mu.Lock()
	if s.engine.running[s.queryID] == s {
		delete(s.engine.running, s.queryID)
	}
	delete(s.engine.all, s)
	s.engine.mu.Unlock()
	close(s.done)
	s.stop()
	s.killers.Wait()
}

// kill asks the engine to cancel the statement until it has ended or ctx ends.
// It asks repeatedly: a statement may not be in the process list yet.
func (s *statement) kill(ctx context.Context) {
	wait := 5 * time.Millisecond
	for {
		select {
		case <-s.done:
			return
		case <-ctx.Done():
			return
		default:
		}
		s.engine.killConnection(s.conn.id)
		timer := time.NewTimer(wait)
		select {
		case <-s.done:
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		wait = min(2*wait, time.Second)
	}
}

// killConnection cancels whatever runs on one connection. Connections are told
// apart by log_comment, which each got when it was opened, since libchdb lets
// nobody choose a query id.
func (e *engine) killConnection(id string) {
	e.controlMu.Lock()
	defer e.controlMu.Unlock()
	result := e.lib.queryText(e.control.c, "KILL QUERY WHERE Settings['log_comment'] = '"+id+"' ASYNC", "Null")
	e.lib.destroy(result)
}

// killQuery cancels the statement with the query id and waits until it ended.
// It reports whether there was one.
func (e *engine) killQuery(ctx context.Context, queryID string) bool {
	e.mu.Lock()
	s := e.running[queryID]
	if s == nil {
		e.mu.Unlock()
		return false
	}
	s.killers.Add(1)
	e.mu.Unlock()
	defer s.killers.Done()
	s.kill(ctx)
	return true
}

// killAll cancels every statement, once.
func (e *engine) killAll() {
	e.mu.Lock()
	var running []*statement
	for s := range e.all {
		s.killers.Add(1)
		running = append(running, s)
	}
	e.mu.Unlock()
	for _, s := range running {
		e.killConnection(s.conn.id)
		s.killers.Done()
	}
}

// queryText runs a statement without parameters to its end.
func (l *library) queryText(c unsafe.Pointer, sql, format string) unsafe.Pointer {
	defer runtime.KeepAlive(sql)
	return l.query(c, bytesOf(sql), uintptr(len(sql)), bytesOf(format), uintptr(len(format)), nil, nil, nil, nil, 0)
}
