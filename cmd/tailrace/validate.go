package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/project"
)

func validateCommand(c *config) *cobra.Command {
	var format string
	var offline bool
	var chosen selection
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the project's files: all mistakes at once, each with file, line and column",
		Long: `Checks syntax, references, mappings and connectors' settings without a database, and asks the warehouse for the columns
and types of each query where one is there: a running server, or the data folder. Exits 1 on errors.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := c.validate(cmd.Context(), offline, &chosen)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if c.JSON {
				format = "json"
			}
			switch format {
			case "json":
				raw, err := found.JSON()
				if err != nil {
					return err
				}
				fmt.Fprintln(out, string(raw))
			case "sarif":
				raw, err := found.SARIF(version)
				if err != nil {
					return err
				}
				fmt.Fprintln(out, string(raw))
			case "github":
				fmt.Fprint(out, found.GitHub(c.Project))
			case "text":
				fmt.Fprint(out, found.String())
			default:
				return fmt.Errorf("--format %q: use text, json, sarif or github", format)
			}
			if bad := len(found.Errors()); bad > 0 {
				return exitError{1, plural(bad, "error")}
			}
			if format == "text" {
				fmt.Fprintln(out, "the project is valid")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, json, sarif or github (annotations)")
	chosen.bind(cmd)
	cmd.Flags().BoolVar(&offline, "offline", false, "don't ask the warehouse")
	return cmd
}

// validate checks the files here, and lets the warehouse check columns when there is one. Mistakes of
// files that aren't chosen are left out.
func (c *config) validate(ctx context.Context, offline bool, chosen *selection) (project.Diagnostics, error) {
	p, found := project.Load(c.Project, os.LookupEnv)
	tell := func(string) bool { return true }
	if !chosen.empty() && len(p.SQLFiles())+len(p.Syncs) > 0 {
		var err error
		if tell, err = p.SelectFiles(chosen.chosen, chosen.exclude); err != nil {
			return nil, err
		}
	}
	found = found.With(checkProject(p, found))
	if !offline && c.hasWarehouse() {
		more, err := c.validateColumns(ctx, p)
		if err != nil {
			return nil, err
		}
		found = found.With(more)
	}
	found = slices.DeleteFunc(found, func(d project.Diagnostic) bool { return !tell(d.Path) })
	found.Sort()
	return found, nil
}

// validateColumns asks the server, or the data folder, which columns there are.
func (c *config) validateColumns(ctx context.Context, p *project.Project) (project.Diagnostics, error) {
	cl, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	var checked api.Validation
	err = cl.call(ctx, http.MethodPost, "/api/v1/project/validate", nil, map[string]json.RawMessage{"bundle": p.Bundle()}, &checked)
	if closed := cl.close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	return checked.Diagnostics, nil
}

// hasWarehouse reports whether there is a warehouse to ask without making one.
func (c *config) hasWarehouse() bool {
	if c.Server != "" || c.Warehouse != "" {
		return true
	}
	_, err := os.Stat(filepath.Join(c.Data, "warehouse"))
	return err == nil
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return count(n) + " " + word + "s"
}

func schemaCommand() *cobra.Command {
	kinds := strings.Join(project.SchemaKinds(), ", ")
	return &cobra.Command{
		Use:       "schema KIND",
		Short:     "Print the JSON Schema of a kind of project file, for editors",
		Long:      "Kinds: " + kinds + ". In VS Code, point yaml.schemas at the printed file to have it complete and check.",
		ValidArgs: project.SchemaKinds(),
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := project.Schema(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), string(raw))
			return nil
		},
	}
}
