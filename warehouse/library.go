package warehouse

import (
	"os"
	"path/filepath"
)

const libraryName = "libchdb.so"

// findLibrary returns the path of libchdb: TAILRACE_LIBCHDB, else beside the
// executable, else bin/ of the working directory or of one above it (where
// `make libchdb` puts it).
func findLibrary() (string, error) {
	if path := os.Getenv("TAILRACE_LIBCHDB"); path != "" {
		if !isFile(path) {
			return "", &LibraryError{Path: path, Reason: "TAILRACE_LIBCHDB names no file"}
		}
		return path, nil
	}
	var candidates []string
	if exe, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(exe); err == nil {
			exe = resolved
		}
		candidates = append(candidates, filepath.Join(filepath.Dir(exe), libraryName))
	}
	if dir, err := os.Getwd(); err == nil {
		for {
			candidates = append(candidates, filepath.Join(dir, "bin", libraryName))
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	for _, path := range candidates {
		if isFile(path) {
			return path, nil
		}
	}
	return "", &LibraryError{Reason: "it was not found beside the program or in bin/"}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
