package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
)

// kindOf is what one of the traits or audiences is.
func kindOf(plural string) project.Kind { return project.Kind(strings.TrimSuffix(plural, "s")) }

func listResultsCommand(c *config, plural string) *cobra.Command {
	var chosen selection
	cmd := &cobra.Command{
		Use: "list", Short: "List " + plural, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withClient(cmd, c, func(cl *client) error {
				var out pageOf[audiences.Definition]
				if err := cl.get(cmd.Context(), "/api/v1/"+plural, nil, &out); err != nil {
					return err
				}
				if !chosen.empty() {
					names, err := chosen.names(cmd.Context(), c, kindOf(plural), nil)
					if err != nil {
						return err
					}
					out.Items = slices.DeleteFunc(out.Items, func(d audiences.Definition) bool { return !slices.Contains(names, d.Name) })
				}
				return printDefinitions(cmd, c, out.Items)
			})
		},
	}
	chosen.bind(cmd)
	return cmd
}

// runResultsCommand materializes those that are named or selected, what is read before what reads it.
func runResultsCommand(c *config, plural string) *cobra.Command {
	var chosen selection
	cmd := &cobra.Command{
		Use: "run NAME…", Short: fmt.Sprintf("Materialize %s now and wait for the result", plural),
		Example: fmt.Sprintf("  tailrace %s run --select tag:retention\n  tailrace %s run --select 'orders+'", plural, plural),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && chosen.empty() {
				return fmt.Errorf("name one of the %s, or --select some; `tailrace %s list` lists all", plural, plural)
			}
			return withClient(cmd, c, func(cl *client) error {
				names, err := chosen.names(cmd.Context(), c, kindOf(plural), args)
				if err != nil {
					return err
				}
				var results []audiences.Materialization
				for _, name := range names {
					m, err := cl.materialize(cmd.Context(), "/api/v1/"+plural+"/"+url.PathEscape(name)+"/materializations")
					if err != nil {
						return err
					}
					results = append(results, m)
				}
				return printMaterializations(cmd, c, results)
			})
		},
	}
	chosen.bind(cmd)
	return cmd
}

func printDefinitions(cmd *cobra.Command, c *config, all []audiences.Definition) error {
	if c.JSON {
		return printJSON(cmd.OutOrStdout(), all)
	}
	rows := make([][]string, len(all))
	for i, d := range all {
		state, published := "no result yet", "–"
		if d.Last != nil {
			state = string(d.Last.State)
		}
		if d.Published != nil {
			published = ago(d.Published.UpdatedAt, time.Now())
			if n := len(d.Published.Warnings); n > 0 {
				state += ", " + styleWarn.Render(plural(n, "warning"))
			}
		}
		if d.Stale {
			state += ", " + styleWarn.Render("stale")
		}
		rows[i] = []string{d.Name, count(d.Members), state, published, d.Schedule, d.Description}
	}
	return printTable(cmd.OutOrStdout(), []string{"name", "members", "state", "published", "schedule", "description"}, rows)
}
