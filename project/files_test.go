package project

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadingFilesNamesWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := writeProject(t, map[string]string{
		"tailrace.yml":           "",
		"audiences/latin.sql":    "/* audience */ SELECT 'caf\xe9'",
		"models/huge.sql":        "/* model */ SELECT 1 AS one -- " + strings.Repeat("x", maxFileBytes),
		"sources/.hidden.yml":    "not: read",
		"sources/README.md":      "not read",
		"other/folder.yml":       "not: read",
		"audiences/.git/bad.sql": "not read",
	})
	require.NoError(t, os.Symlink(filepath.Join(dir, "missing.sql"), filepath.Join(dir, "models/link.sql")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "syncs.yml"), 0o755))
	_, out := Load(dir, testEnv)
	require.Equal(t, strings.Join([]string{
		"encoding audiences/latin.sql: the file is not UTF-8",
		"file-too-large models/huge.sql: the file has 1048607 bytes, more than the 1048576 that a project file may have",
		"unreadable-file models/link.sql: reading the file: no such file or directory",
	}, "\n"), withCodes(out))
}

func TestAMissingFolderIsNoProject(t *testing.T) {
	t.Parallel()
	p, out := Load(filepath.Join(t.TempDir(), "nowhere"), testEnv)
	require.NotNil(t, p)
	require.Equal(t, "no-project tailrace.yml: this folder holds no project (tailrace init writes one)", withCodes(out))
	require.Empty(t, p.Graph().Nodes())
}

func TestEditorsWriteTheSameProject(t *testing.T) {
	t.Parallel()
	files := map[string]string{"tailrace.yml": "name: shop\n", "models/m.sql": "/* model */\nSELECT 1 AS one\n"}
	unix, out := Load(writeProject(t, files), testEnv)
	require.Empty(t, out)
	for name, text := range files {
		files[name] = "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n")
	}
	dos, out := Load(writeProject(t, files), testEnv)
	require.Empty(t, out)
	require.Equal(t, unix.Hash, dos.Hash)
}
