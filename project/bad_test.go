package project

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// A bad file is a txtar archive: the files of a tiny project (an empty
// tailrace.yml is added unless the archive's comment says `bare`), and under
// `want` each diagnostic as `code path:line:col: message`.

func badFiles(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.bad.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

func testEnv(name string) (string, bool) {
	v, ok := map[string]string{"SET": "value", "KEY": "key", "TOKEN": "token"}[name]
	return v, ok
}

func readArchive(t *testing.T, path string) (files map[string]string, want string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	archive := txtar.Parse(raw)
	files = map[string]string{}
	if !strings.Contains(string(archive.Comment), "bare") {
		files["tailrace.yml"] = ""
	}
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = strings.TrimSpace(string(f.Data))
			continue
		}
		files[f.Name] = string(f.Data)
	}
	return files, want
}

func writeProject(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

// diagnose runs everything that can find a mistake.
func diagnose(t *testing.T, files map[string]string) Diagnostics {
	t.Helper()
	p, out := Load(writeProject(t, files), testEnv)
	out = append(out, p.Check(testCatalog{})...)
	out = append(out, CheckColumns(p, testColumns)...)
	out.Sort()
	return out
}

func withCodes(ds Diagnostics) string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = string(d.Code) + " " + d.String()
	}
	return strings.Join(lines, "\n")
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	for _, path := range badFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			files, want := readArchive(t, path)
			require.Equal(t, want, withCodes(diagnose(t, files)))
		})
	}
}

// unreachable are codes whose mistake can't be written into an archive; their
// own tests are named.
var unreachable = map[Code]string{
	CodeEncoding:       "TestReadingFilesNamesWhatCannotBeRead",
	CodeFileTooLarge:   "TestReadingFilesNamesWhatCannotBeRead",
	CodeUnreadableFile: "TestReadingFilesNamesWhatCannotBeRead",
}

func TestEveryCodeHasABadFile(t *testing.T) {
	t.Parallel()
	shown := map[Code]bool{}
	line := regexp.MustCompile(`(?m)^([a-z-]+) `)
	for _, path := range badFiles(t) {
		_, want := readArchive(t, path)
		for _, m := range line.FindAllStringSubmatch(want, -1) {
			shown[Code(m[1])] = true
		}
	}
	own, err := os.ReadFile("files_test.go")
	require.NoError(t, err)
	source, err := os.ReadFile("codes.go")
	require.NoError(t, err)
	codes := regexp.MustCompile(`Code = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	require.Len(t, Codes(), len(codes), "each code has a summary")
	for _, m := range codes {
		code := Code(m[1])
		require.NotEmpty(t, code.Summary(), code)
		if test, ok := unreachable[code]; ok {
			require.Contains(t, string(own), "func "+test+"(", code)
			continue
		}
		require.True(t, shown[code], "no testdata/*.bad.txtar shows %s", code)
	}
	for code := range shown {
		require.Contains(t, Codes(), code)
	}
	require.True(t, slices.IsSorted(badFiles(t)))
}
