package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/syncs"
)

func runsCommand(c *config) *cobra.Command {
	cmd := &cobra.Command{Use: "runs", Short: "Inspect runs; approve, discard, cancel, retry them"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list SYNC", Short: "List the runs of a sync, the newest first", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return withClient(cmd, c, func(cl *client) error {
					var out pageOf[api.RunView]
					if err := cl.get(cmd.Context(), "/api/v1/syncs/"+url.PathEscape(args[0])+"/runs", nil, &out); err != nil {
						return err
					}
					return printRuns(cmd, c, out.Items, true)
				})
			},
		},
		&cobra.Command{
			Use: "show RUN", Short: "Show a run with both sums", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return withClient(cmd, c, func(cl *client) error {
					var r api.RunView
					if err := cl.get(cmd.Context(), runPath(args[0], ""), nil, &r); err != nil {
						return err
					}
					if c.JSON {
						return printJSON(cmd.OutOrStdout(), r)
					}
					return printRun(cmd.OutOrStdout(), r)
				})
			},
		},
		changesCommand(c),
	)
	for verb, short := range map[string]string{"approve": "Deliver a held plan, exactly as it was reviewed", "discard": "Throw a held plan away", "cancel": "Stop a run; what was accepted stays", "retry": "Run again what a run didn't get through"} {
		var digest string
		sub := &cobra.Command{
			Use: verb + " RUN", Short: short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return withClient(cmd, c, func(cl *client) error {
					in := map[string]string{}
					if digest != "" {
						in["digest"] = digest
					}
					var r api.RunView
					if err := cl.post(cmd.Context(), runPath(args[0], "/"+verb), in, &r); err != nil {
						return err
					}
					if err := cl.waitRun(cmd.Context(), &r); err != nil {
						return err
					}
					err := printRuns(cmd, c, []api.RunView{r}, false)
					if stopped := r.State == syncs.Discarded || r.State == syncs.Cancelled; stopped && (verb == "discard" || verb == "cancel") {
						return nil // as it was asked for
					}
					return err
				})
			},
		}
		if verb == "approve" {
			sub.Flags().StringVar(&digest, "digest", "", "of the plan that was reviewed: what is approved is that plan and no other")
		}
		cmd.AddCommand(sub)
	}
	return cmd
}

func changesCommand(c *config) *cobra.Command {
	query := map[string]*string{"op": new(string), "outcome": new(string), "q": new(string)}
	cmd := &cobra.Command{
		Use: "changes RUN", Short: "Print a run's changes as JSON lines: before, after, outcome, receipt", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values := url.Values{}
			for name, value := range query {
				if *value != "" {
					values.Set(name, *value)
				}
			}
			return withClient(cmd, c, func(cl *client) error { return cl.printLines(cmd, runPath(args[0], "/changes"), values) })
		},
	}
	cmd.Flags().StringVar(query["op"], "op", "", "add, change or remove")
	cmd.Flags().StringVar(query["outcome"], "outcome", "", "accepted, rejected, unknown …")
	cmd.Flags().StringVar(query["q"], "q", "", "part of a key, an identifier or a value")
	return cmd
}

func runPath(id, rest string) string { return "/api/v1/runs/" + url.PathEscape(id) + rest }

// waitRun waits until a run is over, or waits for a person.
func (c *client) waitRun(ctx context.Context, r *api.RunView) error {
	return poll(ctx, func() (bool, error) {
		if err := c.get(ctx, runPath(r.ID, ""), nil, r); err != nil {
			return false, err
		}
		return r.Over || r.State == syncs.Held, nil
	})
}

// printLines prints every page of a list as JSON lines.
func (c *client) printLines(cmd *cobra.Command, path string, query url.Values) error {
	if query == nil {
		query = url.Values{}
	}
	for {
		var page pageOf[json.RawMessage]
		if err := c.get(cmd.Context(), path, query, &page); err != nil {
			return err
		}
		for _, item := range page.Items {
			fmt.Fprintln(cmd.OutOrStdout(), string(item))
		}
		if page.NextCursor == "" {
			return nil
		}
		query.Set("cursor", page.NextCursor)
	}
}
