package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	e2eToken    = "e2e-admin-token-of-the-tests"
	e2eWriteKey = "e2e_write_key"
	patience    = 60 * time.Second // how long a condition may take on a machine that has much else to do
)

// process is the real binary, serving, as a child of this test. It can be killed and started again on the same data.
type process struct {
	t             testing.TB
	data, project string
	addr, log     string
	env, args     []string
	cmd           *exec.Cmd
	exited        chan struct{} // closed when cmd is gone
	err           error         // of cmd, once exited is closed
	http          *http.Client
}

// setup writes a project into a fresh folder and returns a server that isn't started yet.
func setup(t testing.TB, files map[string]string, env ...string) *process {
	t.Helper()
	dir := t.TempDir()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	p := &process{t: t, data: filepath.Join(dir, "data"), project: filepath.Join(dir, "project"), log: filepath.Join(dir, "serve.log"),
		addr: freeAddr(t), http: &http.Client{Transport: transport, Timeout: patience},
		env: append(cleanEnv(t), append([]string{"TAILRACE_ADMIN_TOKEN=" + e2eToken}, env...)...)}
	for name, text := range files {
		p.write(name, text)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s's log:\n%s", t.Name(), p.tail(6000))
		}
	})
	return p
}

// cleanEnv is this process's environment without what would steer the binary elsewhere.
func cleanEnv(t testing.TB) []string {
	var out []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TAILRACE_") {
			out = append(out, v)
		}
	}
	return append(out, "TAILRACE_LIBCHDB="+engine(t))
}

func (p *process) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.project, name)
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(p.t, os.WriteFile(path, []byte(text), 0o644))
}

// launch starts the process without waiting for it.
func (p *process) launch() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(p.t, err)
	defer log.Close()
	args := append([]string{"serve", "--project", p.project, "--data", p.data, "--addr", p.addr}, p.args...)
	cmd := exec.Command(binary(p.t), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = p.env, log, log, dieWithParent()
	require.NoError(p.t, cmd.Start())
	exited := make(chan struct{})
	p.cmd, p.exited = cmd, exited
	go func() {
		defer close(exited)
		p.err = cmd.Wait()
	}()
}

// start launches the process and returns when /readyz answers 200.
func (p *process) start() {
	p.t.Helper()
	p.launch()
	p.eventually("ready", func() bool {
		select {
		case <-p.exited:
			require.FailNow(p.t, "the server ended before it was ready", "%v\n%s", p.err, p.tail(4000))
		default:
		}
		res, err := p.http.Get("http://" + p.addr + "/readyz")
		if err != nil {
			return false
		}
		_, err = io.Copy(io.Discard, res.Body)
		return errors.Join(err, res.Body.Close()) == nil && res.StatusCode == http.StatusOK
	})
}

// kill ends the process as the kernel would, and returns when it is gone.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // fails only when it is gone already
	<-p.exited
	p.cmd = nil
	p.http.CloseIdleConnections()
}

// terminate sends SIGTERM, waits for the end and returns how long it took and how it went.
func (p *process) terminate() (time.Duration, error) {
	p.t.Helper()
	began := time.Now()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.exited:
	case <-time.After(patience):
		require.FailNow(p.t, "SIGTERM didn't end the server")
	}
	p.cmd = nil
	return time.Since(began), p.err
}

func (p *process) tail(n int) string {
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-n):])
}

// eventually polls a condition until it holds, ever more rarely: asking costs the server as much as working does.
func (p *process) eventually(what string, holds func() bool) {
	p.t.Helper()
	p.within(patience, what, holds)
}

// within is eventually for what may take longer.
func (p *process) within(limit time.Duration, what string, holds func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(limit)
	wait := 20 * time.Millisecond
	tick := time.NewTicker(wait)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			require.FailNow(p.t, "this didn't come true: "+what, p.tail(4000))
		}
		<-tick.C
		wait = min(wait*5/4, 200*time.Millisecond)
		tick.Reset(wait)
	}
}

// ask makes a request as the admin and returns the answer; it fails only where no answer came.
func (p *process) ask(method, path string, in any) (int, []byte, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return 0, nil, fmt.Errorf("encoding a request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, "http://"+p.addr+path, body)
	if err != nil {
		return 0, nil, fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+e2eToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := p.http.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("asking the server: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, raw, err
}

// call makes a request that must succeed and decodes the answer.
func call[T any](p *process, method, path string, in any) (out T) {
	p.t.Helper()
	status, raw, err := p.ask(method, path, in)
	require.NoError(p.t, err)
	require.Less(p.t, status, 300, "%s %s: %s", method, path, raw)
	require.NoError(p.t, json.Unmarshal(raw, &out), "%s", raw)
	return out
}

// queryRows runs SQL through the API and decodes each row.
func queryRows[T any](p *process, sql string) []T {
	p.t.Helper()
	status, raw, err := p.ask(http.MethodPost, "/api/v1/query", map[string]string{"sql": sql, "format": "JSONEachRow"})
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusOK, status, "%s: %s", sql, raw)
	out := []T{}
	for dec := json.NewDecoder(bytes.NewReader(raw)); dec.More(); {
		var row T
		require.NoError(p.t, dec.Decode(&row), "%s", raw)
		out = append(out, row)
	}
	return out
}

// tailrace runs another command of the binary on the same project and data.
func (p *process) tailrace(args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	return p.tailraceOn(p.data, args...)
}

func (p *process) tailraceOn(data string, args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	cmd := exec.Command(binary(p.t), append([]string{"--project", p.project, "--data", data}, args...)...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = p.env, &out, &errs, dieWithParent()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(p.t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// post sends one batch of events; the error is one of the connection.
func (p *process) post(events []map[string]any) (int, error) {
	body, err := json.Marshal(map[string]any{"batch": events})
	if err != nil {
		return 0, fmt.Errorf("encoding events: %w", err)
	}
	status, _, err := p.postRaw("/v1/batch", body, nil)
	return status, err
}

// postRaw sends bytes to the collector.
func (p *process) postRaw(path string, body []byte, header http.Header) (int, string, error) {
	req, err := http.NewRequest(http.MethodPost, "http://"+p.addr+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("making a request: %w", err)
	}
	req.SetBasicAuth(e2eWriteKey, "")
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := p.http.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("sending to the collector: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, string(answer), err
}

// loaded waits until every accepted event is in the warehouse.
func (p *process) loaded() {
	p.t.Helper()
	p.eventually("events loaded", func() bool {
		return call[struct {
			PendingBytes int64 `json:"pending_bytes"`
		}](p, http.MethodGet, "/api/v1/collector", nil).PendingBytes == 0
	})
}

// freePort reports an address that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// nextPort hands out ports below those that the kernel gives to connections and to listeners on port 0, so that nobody
// takes one between two lives of a server.
var nextPort atomic.Int32

// freeAddr is an address on this machine that only this test uses.
func freeAddr(t testing.TB) string {
	t.Helper()
	first := int32(20_000 + os.Getpid()%100*100)
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", first+nextPort.Add(1))
		if l, err := net.Listen("tcp", addr); err == nil {
			require.NoError(t, l.Close())
			return addr
		}
	}
	require.FailNow(t, "no free port")
	return ""
}
