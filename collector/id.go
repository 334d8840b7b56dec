package collector

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// logID reads the name of a log from its folder, or gives it one.
func logID(dir string) (string, error) {
	path := filepath.Join(dir, "id")
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the log's name: %w", err)
	}
	if id := strings.TrimSpace(string(raw)); uuid.Validate(id) == nil {
		return id, nil
	}
	id := uuid.Must(uuid.NewV7()).String()
	if err := os.WriteFile(path+".new", []byte(id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("naming the log: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return "", fmt.Errorf("naming the log: %w", err)
	}
	return id, syncDir(dir)
}
