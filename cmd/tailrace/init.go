package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/tailrace/tailrace/sql"
)

func initCommand(c *config) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write an example project, which works, into a folder",
		Long: `Writes a project (sources, models, traits, audiences, destinations, syncs, tests) into DIR, default the current folder.
Files that exist are never overwritten. The examples:

` + exampleList(sql.Examples),
		Example: "  tailrace init my-shop\n  tailrace init my-app --example saas",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := c.Project
			if len(args) == 1 {
				dir = args[0]
			}
			example, err := sql.ExampleNamed(name)
			if err != nil {
				return err
			}
			written, err := writeProject(dir, example)
			if err != nil {
				return err
			}
			if c.JSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"dir": dir, "example": example.Name, "written": written})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wrote %d files to %s\n\nnext: cd %s && tailrace validate && tailrace serve\n", len(written), dir, dir)
			return nil
		},
	}
	exampleFlag(cmd, &name, sql.Examples)
	return cmd
}

// exampleFlag adds --example with completion.
func exampleFlag(cmd *cobra.Command, name *string, from []sql.Example) {
	var names []string
	var completions []cobra.Completion
	for _, e := range from {
		names = append(names, e.Name)
		completions = append(completions, cobra.CompletionWithDesc(e.Name, e.Title))
	}
	cmd.Flags().StringVar(name, "example", from[0].Name, "which example: "+strings.Join(names, ", "))
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("example", cobra.FixedCompletions(completions, cobra.ShellCompDirectiveNoFileComp)))
}

// exampleList is a line for each example.
func exampleList(from []sql.Example) string {
	var lines []string
	for _, e := range from {
		lines = append(lines, fmt.Sprintf("  %-8s %s", e.Name, e.Title))
	}
	return strings.Join(lines, "\n")
}

// writeProject writes an example's files into dir and returns their paths. It refuses, before it writes
// anything, when one of them exists.
func writeProject(dir string, example sql.Example) ([]string, error) {
	files, err := example.Files()
	if err != nil {
		return nil, err
	}
	var paths []string
	err = fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the example %s: %w", example.Name, err)
	}
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join(dir, path)); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s exists: choose an empty folder, nothing was written", filepath.Join(dir, path))
		}
	}
	for _, path := range paths {
		body, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, fmt.Errorf("reading %s of the example %s: %w", path, example.Name, err)
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
