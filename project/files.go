package project

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode/utf8"
)

// maxFileBytes is far beyond any file that a person wrote.
const maxFileBytes = 1 << 20

// readFiles reads the files of a project, by their paths with slashes. Hidden
// files and folders, and folders that aren't of a project, are passed over.
func readFiles(dir string) (map[string]string, Diagnostics) {
	files, out := map[string]string{}, Diagnostics{}
	root := os.DirFS(dir)
	read := func(name string) {
		if text, ok := readFile(root, name, &out); ok {
			files[name] = text
		}
	}
	if _, err := fs.Stat(root, ConfigFile); err == nil {
		read(ConfigFile)
	} else if !errors.Is(err, fs.ErrNotExist) {
		out.add(SeverityError, CodeUnreadableFile, ConfigFile, Position{}, "", "reading the file: %v", errors.Unwrap(err))
	}
	for _, folder := range sortedKeys(folders) {
		err := fs.WalkDir(root, folder, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && name == folder:
				return nil
			case err != nil:
				out.add(SeverityError, CodeUnreadableFile, name, Position{}, "", "reading the folder: %v", err)
				return nil
			case strings.HasPrefix(path.Base(name), "."):
				if entry.IsDir() {
					return fs.SkipDir
				}
			case entry.IsDir():
			case path.Ext(name) == folders[folder]:
				read(name)
			case misspelt(name, folders[folder]):
				out.add(SeverityError, CodeSuffix, name, Position{}, "rename it", "files of %s end in %s", folder, folders[folder])
			}
			return nil
		})
		if err != nil {
			out.add(SeverityError, CodeUnreadableFile, folder, Position{}, "", "reading the folder: %v", err)
		}
	}
	return files, out
}

// misspelt reports whether a file was surely meant to be read.
func misspelt(name, suffix string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == suffix || (suffix == ".yml" && (ext == ".yaml" || ext == ".json"))
}

func readFile(root fs.FS, name string, out *Diagnostics) (string, bool) {
	fail := func(code Code, format string, args ...any) (string, bool) {
		out.add(SeverityError, code, name, Position{}, "", format, args...)
		return "", false
	}
	info, err := fs.Stat(root, name)
	if err != nil {
		return fail(CodeUnreadableFile, "reading the file: %v", cause(err))
	}
	if info.Size() > maxFileBytes {
		return fail(CodeFileTooLarge, "the file has %d bytes, more than the %d that a project file may have", info.Size(), maxFileBytes)
	}
	if !info.Mode().IsRegular() {
		return fail(CodeUnreadableFile, "this is not a file")
	}
	raw, err := fs.ReadFile(root, name)
	if err != nil {
		return fail(CodeUnreadableFile, "reading the file: %v", cause(err))
	}
	if !utf8.Valid(raw) {
		return fail(CodeEncoding, "the file is not UTF-8")
	}
	return normalise(string(raw)), true
}

// cause drops the path from an error, since a diagnostic has it.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// normalise makes the same file of every editor's: no byte order mark, lines
// that end in a line feed.
func normalise(text string) string {
	text = strings.TrimPrefix(text, "\ufeff")
	return strings.ReplaceAll(text, "\r\n", "\n")
}
