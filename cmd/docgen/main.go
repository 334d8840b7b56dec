package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "Error: "+err.Error())
		os.Exit(1)
	}
}

func run() error {
	root, err := repository()
	if err != nil {
		return err
	}
	pages, err := pages(root)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "docs", "reference")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of reference pages: %w", err)
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("writing a reference page: %w", err)
		}
	}
	return nil
}

// pages makes all reference pages, by file name. root is the repository's folder.
func pages(root string) (map[string]string, error) {
	out := map[string]string{}
	for name, make := range map[string]func(root string) (string, error){
		"diagnostics.md":    diagnosticsPage,
		"project-schema.md": schemaPage,
		"connectors.md":     connectorsPage,
		"tables.md":         tablesPage,
		"functions.md":      functionsPage,
	} {
		text, err := make(root)
		if err != nil {
			return nil, fmt.Errorf("making %s: %w", name, err)
		}
		out[name] = text
	}
	return out, nil
}

// repository finds the folder of go.mod, from the working directory upwards.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return "", errors.New("finding the repository: no go.mod in this folder or above it")
	}
}
