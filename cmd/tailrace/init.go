package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/tailrace/tailrace/sql"
)

func initCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write the shop project, which works, into a folder",
		Long:  "Writes the shop project (sources, models, traits, audiences, destinations, syncs) into DIR, default the current folder. Files that exist are never overwritten.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := c.Project
			if len(args) == 1 {
				dir = args[0]
			}
			written, err := writeProject(dir)
			if err != nil {
				return err
			}
			if c.JSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"dir": dir, "written": written})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %d files to %s\n\nnext: cd %s && tailrace validate && tailrace serve\n", len(written), dir, dir)
			return nil
		},
	}
}

// writeProject writes the demo project's files into dir and returns their paths. It refuses, before it writes
// anything, when one of them exists.
func writeProject(dir string) ([]string, error) {
	files, err := fs.Sub(sql.Demo, "demo")
	if err != nil {
		return nil, fmt.Errorf("opening the shop project: %w", err)
	}
	var paths []string
	err = fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the shop project: %w", err)
	}
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join(dir, path)); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s exists: choose an empty folder, nothing was written", filepath.Join(dir, path))
		}
	}
	for _, path := range paths {
		body, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, fmt.Errorf("reading %s of the shop project: %w", path, err)
		}
		target := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return nil, fmt.Errorf("making %s: %w", filepath.Dir(target), err)
		}
		if err := os.WriteFile(target, body, 0o644); err != nil {
			return nil, fmt.Errorf("writing %s: %w", target, err)
		}
	}
	return paths, nil
}
