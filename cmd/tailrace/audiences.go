package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/audiences"
)

func audiencesCommand(c *config) *cobra.Command { return resultsCommand(c, "audiences") }
func traitsCommand(c *config) *cobra.Command    { return resultsCommand(c, "traits") }

// resultsCommand is the command of traits or audiences: both are versions of a SQL file's result.
func resultsCommand(c *config, plural string) *cobra.Command {
	cmd := listResultsCommand(c, plural)
	cmd.Use, cmd.Short = plural, fmt.Sprintf("List, materialize and inspect %s", plural)
	path := func(name, rest string) string { return "/api/v1/" + plural + "/" + url.PathEscape(name) + rest }
	cmd.AddCommand(
		listResultsCommand(c, plural),
		showCommand(c, plural),
		verifyCommand(c, plural),
		runResultsCommand(c, plural),
		&cobra.Command{
			Use: "members NAME", Short: fmt.Sprintf("Print the rows of the published version of one of the %s as JSON lines", plural), Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return withClient(cmd, c, func(cl *client) error { return cl.printLines(cmd, path(args[0], "/members"), nil) })
			},
		},
		&cobra.Command{
			Use: "versions NAME", Short: fmt.Sprintf("List the versions of one of the %s, the newest first", plural), Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return withClient(cmd, c, func(cl *client) error {
					var out pageOf[audiences.Materialization]
					if err := cl.get(cmd.Context(), path(args[0], "/versions"), nil, &out); err != nil {
						return err
					}
					return printMaterializations(cmd, c, out.Items)
				})
			},
		},
	)
	if plural == "audiences" {
		cmd.AddCommand(&cobra.Command{
			Use: "changes NAME", Short: "Print who entered and left, with why, as JSON lines", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return withClient(cmd, c, func(cl *client) error { return cl.printLines(cmd, path(args[0], "/changes"), nil) })
			},
		})
	}
	for _, verb := range []string{"approve", "discard"} {
		cmd.AddCommand(&cobra.Command{
			Use: verb + " ID", Short: fmt.Sprintf("%s a held version", map[string]string{"approve": "Publish", "discard": "Throw away"}[verb]), Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return withClient(cmd, c, func(cl *client) error {
					var m audiences.Materialization
					if err := cl.post(cmd.Context(), "/api/v1/materializations/"+url.PathEscape(args[0])+"/"+verb, nil, &m); err != nil {
						return err
					}
					return printMaterializations(cmd, c, []audiences.Materialization{m})
				})
			},
		})
	}
	return cmd
}

// materialize starts a materialization and waits until it is over or held.
func (c *client) materialize(ctx context.Context, path string) (audiences.Materialization, error) {
	var m audiences.Materialization
	if err := c.post(ctx, path, nil, &m); err != nil {
		return m, err
	}
	err := c.waitMaterialized(ctx, &m)
	return m, err
}

// waitMaterialized waits until a materialization is over or held.
func (c *client) waitMaterialized(ctx context.Context, m *audiences.Materialization) error {
	return poll(ctx, func() (bool, error) {
		err := c.get(ctx, "/api/v1/materializations/"+url.PathEscape(m.ID), nil, m)
		return !m.State.Running(), err
	})
}

// poll asks again, ever less often, until done or ctx ends.
func poll(ctx context.Context, ask func() (bool, error)) error {
	wait := 50 * time.Millisecond
	for {
		done, err := ask()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
			wait = min(wait*3/2, time.Second)
		}
	}
}

// printMaterializations prints versions, and fails when one of them did.
func printMaterializations(cmd *cobra.Command, c *config, all []audiences.Materialization) error {
	failed := 0
	rows := make([][]string, len(all))
	for i, m := range all {
		words := strings.Join(append(slices.DeleteFunc([]string{m.Reason}, func(s string) bool { return s == "" }), m.Warnings...), "; ")
		if m.Error != "" {
			words = m.Error
		}
		if m.State == audiences.StateFailed {
			failed++
		}
		rows[i] = []string{m.Name, count(m.Version), stateStyle(string(m.State)), count(m.Rows), "+" + count(m.Entered), "-" + count(m.Exited), words}
	}
	if c.JSON {
		if err := printJSON(cmd.OutOrStdout(), all); err != nil {
			return err
		}
	} else if err := printTable(cmd.OutOrStdout(), []string{"name", "version", "state", "rows", "entered", "exited", ""}, rows); err != nil {
		return err
	}
	for _, m := range all {
		if m.State == audiences.StateHeld && !c.JSON {
			fmt.Fprintf(cmd.OutOrStdout(), "%s is held. To go on: tailrace %ss approve %s (or discard)\n", m.Name, m.Kind, m.ID)
		}
	}
	if failed > 0 {
		return exitError{1, plural(failed, "materialization") + " failed"}
	}
	return nil
}
