package warehouse

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// pathLock says that this process owns a data path. libchdb has a lock of its
// own, but reports no reason when it refuses, so ours is taken first. The
// kernel drops it when the process dies, however it dies.
type pathLock struct{ file *os.File }

const pathLockName = "tailrace.lock"

// lockPath takes the lock or returns ErrLocked, naming the owner's process id.
func lockPath(dir string) (*pathLock, error) {
	name := filepath.Join(dir, pathLockName)
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data path: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		owner, readErr := io.ReadAll(io.LimitReader(file, 32))
		file.Close()
		if pid := strings.TrimSpace(string(owner)); readErr == nil && pid != "" {
			return nil, fmt.Errorf("opening %s: %w (process %s)", dir, ErrLocked, pid)
		}
		return nil, fmt.Errorf("opening %s: %w", dir, ErrLocked)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("locking the data path %s: %w", dir, err)
	}
	if err := writePid(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("locking the data path %s: %w", dir, err)
	}
	return &pathLock{file}, nil
}

func writePid(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// release drops the lock. The file stays: removing it would let two processes
// lock two files of one name.
func (l *pathLock) release() { l.file.Close() }
