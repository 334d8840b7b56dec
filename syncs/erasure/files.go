package erasure

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tailrace/tailrace/warehouse"
)

// longestToken bounds what is held of a file at once; a longer run of letters is looked at in pieces.
const longestToken = 4 << 10

// lookAtFiles reads every file of the data folder and counts the values that stand in it as they are. Of the engine's
// own files that is a look at what compression left readable: their content is looked at by SQL.
// Where it keeps who is being erased isn't looked at; that goes at the end, by its partition.
func (e *Engine) lookAtFiles(ctx context.Context, values map[string]bool) ([]PlaceCheck, error) {
	if e.o.Dir == "" {
		return nil, nil
	}
	var ours []string
	if err := e.db.Select(ctx, &ours, "SELECT arrayJoin(data_paths) FROM system.tables WHERE database = {db:String} AND name IN {working:Array(String)}",
		warehouse.P{"db": e.db.Database(), "working": working}); err != nil {
		return nil, fmt.Errorf("asking where the engine keeps its files: %w", err)
	}
	for i := range ours {
		ours[i] = real(ours[i])
	}
	total := PlaceCheck{Place: "files of the data folder"}
	var checks []PlaceCheck
	err := filepath.WalkDir(real(e.o.Dir), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the engine deletes parts all the time
		}
		if err == nil && entry.IsDir() && slices.Contains(ours, path) {
			return fs.SkipDir
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		size, found, err := lookAtFile(path, values)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		total.LookedAt += size
		if found > 0 {
			name, err := filepath.Rel(real(e.o.Dir), path)
			if err != nil {
				return err
			}
			checks = append(checks, PlaceCheck{Place: name, LookedAt: size, Found: found})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking through the data folder: %w", err)
	}
	return append(checks, total), nil
}

// real is a path without links and in one form, or as it is where it leads nowhere.
func real(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if linked, err := filepath.EvalSymlinks(path); err == nil {
		return linked
	}
	return filepath.Clean(path)
}

func lookAtFile(path string, values map[string]bool) (size, found uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	token := make([]byte, 0, longestToken)
	end := func() {
		if len(token) >= markedLength || strings.Contains(string(token), "@") {
			if values[strings.ToLower(strings.TrimRight(string(token), "."))] {
				found++
			}
		}
		token = token[:0]
	}
	for {
		b, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			end()
			return size, found, nil
		}
		if err != nil {
			return size, found, err
		}
		size++
		if !tokenByte(b) || len(token) == longestToken {
			end()
			continue
		}
		token = append(token, b)
	}
}

// tokenByte is what values are made of; everything else ends one.
func tokenByte(b byte) bool {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b >= utf8.RuneSelf:
		return true
	}
	return strings.IndexByte("@._-+%|#!$*~^", b) >= 0
}
