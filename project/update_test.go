package project

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite what testdata/*.bad.txtar want; look at the difference")

func TestUpdateBadFiles(t *testing.T) {
	if !*update {
		return
	}
	for _, path := range badFiles(t) {
		files, _ := readArchive(t, path)
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		archive := txtar.Parse(raw)
		var kept []txtar.File
		for _, f := range archive.Files {
			if f.Name != "want" {
				kept = append(kept, f)
			}
		}
		archive.Files = append(kept, txtar.File{Name: "want", Data: []byte(withCodes(diagnose(t, files)) + "\n")})
		require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
	}
}
