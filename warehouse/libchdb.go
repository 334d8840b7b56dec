package warehouse

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is libchdb, loaded: the C functions that the engine needs, bound
// without cgo. Their contracts are in libchdb's public header, chdb.h.
//
// Handles are opaque C pointers. chdb_connect returns a pointer to the
// connection; every other call takes the connection itself.
type library struct {
	path    string
	version func() string

	setSignalHandlersEnabled func(enabled int32)
	connect                  func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn                func(conn unsafe.Pointer)

	query        queryFunction
	streamQuery  queryFunction
	streamFetch  func(conn, result unsafe.Pointer) unsafe.Pointer
	streamCancel func(conn, result unsafe.Pointer)
	destroy      func(result unsafe.Pointer)

	insert        queryFunction
	insertAppend  func(stream unsafe.Pointer, data *byte, n uintptr) int32
	insertDone    func(stream unsafe.Pointer) unsafe.Pointer
	insertCancel  func(stream unsafe.Pointer)
	insertError   func(stream unsafe.Pointer) string
	insertDestroy func(stream unsafe.Pointer)

	resultBuffer  func(result unsafe.Pointer) unsafe.Pointer
	resultLength  func(result unsafe.Pointer) uintptr
	resultError   func(result unsafe.Pointer) string
	resultWritten func(result unsafe.Pointer) uint64

	classify func(conn unsafe.Pointer, q *byte, qlen uintptr, db *byte, dblen uintptr, out unsafe.Pointer) int32
}

// queryFunction takes a statement, a format and named parameters, each with its
// length, and returns a handle that must be destroyed.
type queryFunction func(conn unsafe.Pointer, q *byte, qlen uintptr, format *byte, flen uintptr,
	names, nameLens, values, valueLens unsafe.Pointer, count uintptr) unsafe.Pointer

// loadLibrary opens the shared library at path and binds every function that
// the engine calls. A missing file and a library without one of them (an older
// release) are both a *LibraryError that says what to run.
func loadLibrary(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, &LibraryError{Path: path, Reason: "it can't be loaded", Err: err}
	}
	lib := &library{path: path}
	bindings := map[string]any{
		"chdb_version":                     &lib.version,
		"chdb_set_signal_handlers_enabled": &lib.setSignalHandlersEnabled,
		"chdb_connect":                     &lib.connect,
		"chdb_close_conn":                  &lib.closeConn,
		"chdb_query_with_params_n":         &lib.query,
		"chdb_stream_query_with_params_n":  &lib.streamQuery,
		"chdb_stream_fetch_result":         &lib.streamFetch,
		"chdb_stream_cancel_query":         &lib.streamCancel,
		"chdb_destroy_query_result":        &lib.destroy,
		"chdb_stream_insert_with_params_n": &lib.insert,
		"chdb_stream_append":               &lib.insertAppend,
		"chdb_stream_done":                 &lib.insertDone,
		"chdb_stream_cancel_insert":        &lib.insertCancel,
		"chdb_stream_insert_error":         &lib.insertError,
		"chdb_destroy_insert_stream":       &lib.insertDestroy,
		"chdb_result_buffer":               &lib.resultBuffer,
		"chdb_result_length":               &lib.resultLength,
		"chdb_result_error":                &lib.resultError,
		"chdb_result_rows_written":         &lib.resultWritten,
		"chdb_classify_query_n":            &lib.classify,
	}
	var missing []string
	for name, target := range bindings {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			missing = append(missing, name)
			continue
		}
		purego.RegisterFunc(target, symbol)
	}
	if len(missing) > 0 {
		return nil, &LibraryError{Path: path, Reason: fmt.Sprintf("it is too old (it lacks %d functions, such as %s)", len(missing), missing[0])}
	}
	return lib, nil
}

// open starts a connection with the given arguments (`--path=…`, settings).
// libchdb reports no reason when it refuses.
func (l *library) open(args []string) (handle, conn unsafe.Pointer, err error) {
	pin := new(runtime.Pinner)
	defer pin.Unpin()
	argv := make([]unsafe.Pointer, len(args)+1)
	for i, arg := range args {
		b := append([]byte(arg), 0)
		pin.Pin(&b[0])
		argv[i] = unsafe.Pointer(&b[0])
	}
	pin.Pin(&argv[0])
	handle = l.connect(int32(len(args)), unsafe.Pointer(&argv[0]))
	if handle == nil {
		return nil, nil, errors.New("libchdb refused to connect")
	}
	return handle, *(*unsafe.Pointer)(handle), nil
}

// bytesOf returns the address of s for the length of one call; never nil,
// since libchdb builds std::string from it.
func bytesOf(s string) *byte {
	if s == "" {
		return &empty[0]
	}
	return unsafe.StringData(s)
}

var empty = [1]byte{}

// parameters are C arrays of names and values, pinned while they are in use.
type parameters struct {
	pin                      runtime.Pinner
	names, values            []unsafe.Pointer
	nameLengths, valueLength []uintptr
}

func newParameters(values map[string]string) *parameters {
	p := &parameters{}
	for name, value := range values {
		n, v := bytesOf(name), bytesOf(value)
		p.pin.Pin(n)
		p.pin.Pin(v)
		p.names = append(p.names, unsafe.Pointer(n))
		p.values = append(p.values, unsafe.Pointer(v))
		p.nameLengths = append(p.nameLengths, uintptr(len(name)))
		p.valueLength = append(p.valueLength, uintptr(len(value)))
	}
	if len(values) > 0 {
		p.pin.Pin(&p.names[0])
		p.pin.Pin(&p.values[0])
		p.pin.Pin(&p.nameLengths[0])
		p.pin.Pin(&p.valueLength[0])
	}
	return p
}

// pointers returns the arrays as chdb wants them: names, their lengths,
// values, their lengths, count.
func (p *parameters) pointers() (names, nameLengths, values, valueLengths unsafe.Pointer, count uintptr) {
	if len(p.names) == 0 {
		return nil, nil, nil, nil, 0
	}
	return unsafe.Pointer(&p.names[0]), unsafe.Pointer(&p.nameLengths[0]),
		unsafe.Pointer(&p.values[0]), unsafe.Pointer(&p.valueLength[0]), uintptr(len(p.names))
}

func (p *parameters) release() { p.pin.Unpin() }

// queryAnalysis mirrors chdb_query_analysis_v1.
type queryAnalysis struct {
	structSize, statementCount, flags, class uint32
}
