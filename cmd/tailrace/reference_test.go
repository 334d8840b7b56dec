package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCommandReference: docs/reference/cli.md is what the commands say; `make generate` writes it.
func TestCommandReference(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "cli.md"))
	require.NoError(t, err)
	require.Equal(t, string(page), cliReference(newRoot()))
}
