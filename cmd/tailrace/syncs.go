package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/project"
)

func syncsCommand(c *config) *cobra.Command {
	cmd := &cobra.Command{
		Use: "syncs", Short: "How syncs stand; pause and resume them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listSyncs(cmd, c, false, selection{}) },
	}
	cmd.AddCommand(listSyncsCommand(c), showSyncCommand(c), pauseCommand(c, "pause"), pauseCommand(c, "resume"),
		testRowsCommand(c), adoptCommand(c), releaseCommand(c), restoredCommand(c))
	return cmd
}

func listSyncsCommand(c *config) *cobra.Command {
	var held bool
	var chosen selection
	cmd := &cobra.Command{
		Use: "list", Short: "List syncs: state, schedule, last run, what the destination holds", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listSyncs(cmd, c, held, chosen) },
	}
	chosen.bind(cmd)
	cmd.Flags().BoolVar(&held, "held", false, "only those that wait for a person")
	return cmd
}

func listSyncs(cmd *cobra.Command, c *config, held bool, chosen selection) error {
	return withClient(cmd, c, func(cl *client) error {
		var page pageOf[api.SyncView]
		if err := cl.get(cmd.Context(), "/api/v1/syncs", nil, &page); err != nil {
			return err
		}
		all := page.Items
		if !chosen.empty() {
			names, err := chosen.names(cmd.Context(), c, project.KindSync, nil)
			if err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(s api.SyncView) bool { return !slices.Contains(names, s.Name) })
		}
		if held {
			all = slices.DeleteFunc(all, func(s api.SyncView) bool { return s.State != "held" && s.State != "restored" })
		}
		if c.JSON {
			return printJSON(cmd.OutOrStdout(), all)
		}
		rows := make([][]string, len(all))
		for i, s := range all {
			run, when, words := "–", "–", ""
			if r := s.LastRun; r != nil {
				run, when = fmt.Sprintf("%d %s", r.No, runState(*r)), ago(r.At, time.Now())
				words = r.Reason
			}
			rows[i] = []string{s.Name, syncState(s.State), s.Schedule, run, when, count(s.Holds), s.Destination, words}
		}
		return printTable(cmd.OutOrStdout(), []string{"sync", "state", "schedule", "last run", "when", "holds", "destination", ""}, rows)
	})
}

// syncState colours how a sync stands.
func syncState(state string) string {
	switch state {
	case "active":
		return styleGood.Render(state)
	case "missing", "restored":
		return styleBad.Render(state)
	default:
		return styleWarn.Render(state)
	}
}

func showSyncCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use: "show SYNC", Short: "Show one sync and its last run", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, c, func(cl *client) error {
				var s api.SyncView
				if err := cl.get(cmd.Context(), syncPath(args[0], ""), nil, &s); err != nil {
					return err
				}
				if c.JSON {
					return printJSON(cmd.OutOrStdout(), s)
				}
				w := cmd.OutOrStdout()
				state := syncState(s.State)
				if s.PausedBy != "" {
					state += map[string]string{"file": " (paused: in its file)", "api": " (`tailrace syncs resume " + s.Name + "` ends the pause)"}[s.PausedBy]
				}
				fmt.Fprintf(w, "%s: %s\n", styleHead.Render(s.Name), state)
				for _, line := range [][2]string{{"reads", string(s.Reads.Kind) + " " + s.Reads.Name}, {"destination", s.Destination + ", object " + s.Object + ", mode " + s.Mode},
					{"target", s.Target}, {"schedule", s.Schedule}, {"consent", strings.Join(s.Consent, ", ")}, {"holds", count(s.Holds) + " rows"}, {"id", s.SyncID}} {
					if line[1] != "" {
						fmt.Fprintf(w, "  %-12s %s\n", line[0], line[1])
					}
				}
				if s.LastRun == nil {
					_, err := fmt.Fprintln(w, "  it never ran")
					return err
				}
				fmt.Fprintln(w)
				return printRun(w, *s.LastRun)
			})
		},
	}
}

func pauseCommand(c *config, verb string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   verb + " SYNC",
		Short: map[string]string{"pause": "Start no more runs; withdrawn consent is still taken out", "resume": "Start runs again"}[verb],
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, c, func(cl *client) error {
				var s api.SyncView
				if err := cl.post(cmd.Context(), syncPath(args[0], "/"+verb), map[string]string{"reason": reason}, &s); err != nil {
					return err
				}
				if c.JSON {
					return printJSON(cmd.OutOrStdout(), s)
				}
				if verb == "resume" && s.PausedBy == "file" {
					return fmt.Errorf("%s: its file says paused: true, so it stays paused; take that out", args[0])
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %sd\n", args[0], verb)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit log and, of a pause, for syncs show")
	return cmd
}

func syncPath(name, rest string) string { return "/api/v1/syncs/" + url.PathEscape(name) + rest }
