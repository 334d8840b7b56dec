package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// cursor says how far the log is loaded. Its file is replaced as a whole, so
// that a crash leaves the old or the new one.
type cursor struct {
	dir   string
	state cursorState
}

type cursorState struct {
	Version int       `json:"version"`
	Done    position  `json:"done"`            // everything before it is in the warehouse
	Block   *blockRef `json:"block,omitempty"` // being loaded, if any
}

// blockRef is all that is needed to send a block again exactly as it was.
type blockRef struct {
	From  position `json:"from"`
	To    position `json:"to"`
	Token string   `json:"token"`
	// Omit has the indexes of the block's events that had been loaded before.
	Omit []int `json:"omit,omitempty"`
}

const (
	cursorFile    = "cursor.json"
	cursorVersion = 1
)

func openCursor(dir string) (*cursor, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the log's folder: %w", err)
	}
	c := &cursor{dir: dir, state: cursorState{Version: cursorVersion}}
	b, err := os.ReadFile(filepath.Join(dir, cursorFile))
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log's cursor: %w", err)
	}
	if err := json.Unmarshal(b, &c.state); err != nil {
		return nil, fmt.Errorf("reading the log's cursor %s: %w; without the file, the log is loaded from its start", filepath.Join(dir, cursorFile), err)
	}
	if c.state.Version != cursorVersion {
		return nil, fmt.Errorf("the log's cursor has version %d; this release knows %d", c.state.Version, cursorVersion)
	}
	return c, nil
}

// begin makes a block's bounds and token durable, before its first insert.
func (c *cursor) begin(b blockRef) error {
	next := c.state
	next.Block = &b
	return c.save(next)
}

// advance makes durable that everything before a position is loaded.
func (c *cursor) advance(to position) error {
	return c.save(cursorState{Version: cursorVersion, Done: to})
}

func (c *cursor) save(next cursorState) error {
	b, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("encoding the log's cursor: %w", err)
	}
	if err := replaceFile(c.dir, cursorFile, b); err != nil {
		return fmt.Errorf("saving the log's cursor: %w", err)
	}
	c.state = next
	return nil
}

// replaceFile writes a file aside, makes it durable and puts it in its place.
func replaceFile(dir, name string, content []byte) error {
	tmp := filepath.Join(dir, name+".tmp")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}
