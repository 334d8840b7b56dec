package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// runtimeFile is what a running `serve` leaves in its data folder, so that commands on the same data talk to it.
type runtimeFile struct {
	URL   string `json:"url"`
	PID   int    `json:"pid"`
	Token string `json:"token"` // a local admin token, valid while this process runs
}

func runtimePath(data string) string { return filepath.Join(data, "serve.json") }

// write stores the file with mode 0600, whole or not at all.
func (r runtimeFile) write(data string) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", runtimePath(data), err)
	}
	tmp := runtimePath(data) + ".new"
	if err := os.WriteFile(tmp, body, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", tmp, err)
	}
	if err := os.Rename(tmp, runtimePath(data)); err != nil {
		return fmt.Errorf("writing %s: %w", runtimePath(data), err)
	}
	return nil
}

// readRuntime returns the running server of a data folder; ok is false where none runs.
func readRuntime(data string) (r runtimeFile, ok bool, err error) {
	body, err := os.ReadFile(runtimePath(data))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("reading the running server's address: %w", err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return r, false, fmt.Errorf("reading %s: %w", runtimePath(data), err)
	}
	return r, r.PID > 0 && syscall.Kill(r.PID, 0) == nil, nil
}
