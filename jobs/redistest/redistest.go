package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// Server is one redis-server.
type Server struct {
	t    testing.TB
	args []string
	dir  string
	port int
	cmd  *exec.Cmd
}

// Start runs a redis-server until the test ends. extra are further settings, as on its command line
// ("--appendonly", "no"). Without extra it keeps an append-only file and never evicts.
func Start(t testing.TB, extra ...string) *Server {
	t.Helper()
	_, err := exec.LookPath("redis-server")
	require.NoError(t, err, "redis-server is missing: apt-get install redis-server")
	s := &Server{t: t, dir: t.TempDir(), port: freePort(t)}
	s.args = append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
	}, extra...)
	s.Restart()
	t.Cleanup(s.Kill)
	return s
}

// URL is what to give to a client.
func (s *Server) URL() string { return fmt.Sprintf("redis://127.0.0.1:%d/0", s.port) }

// Kill ends the server with kill -9, and returns when it is gone.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	s.signal(syscall.SIGKILL)
	_, err := s.cmd.Process.Wait()
	require.NoError(s.t, err)
	s.cmd = nil
}

// Restart starts the server again, on the same port with the same files, and returns when it answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	log, err := os.OpenFile(filepath.Join(s.dir, "redis.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, log.Close()) }()
	cmd := exec.Command("redis-server", s.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithParent()
	require.NoError(s.t, cmd.Start())
	s.cmd = cmd
	client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.port)})
	defer func() { require.NoError(s.t, client.Close()) }()
	require.Eventually(s.t, func() bool { return client.Ping(context.Background()).Err() == nil },
		10*time.Second, 20*time.Millisecond, "redis-server doesn't answer")
}

// Freeze stops the server without ending it; Thaw lets it go on.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(sig))
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}
