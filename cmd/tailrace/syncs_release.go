package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
)

func releaseCommand(c *config) *cobra.Command {
	var all bool
	var reason string
	cmd := &cobra.Command{
		Use: "release [SYNC…]", Short: "Let syncs send again after the ledger was restored from a backup",
		Long: "A ledger that was restored from a backup doesn't know what was sent since, so every sync is held until somebody has looked. " +
			"docs/operations.md says how to bring each destination in line: adopt what it lists, or `tailrace sync --full`.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return errors.New("name the syncs to release, or say --all")
			}
			return withClient(cmd, c, func(cl *client) error {
				return cl.postLedger(cmd, c, "/releases", map[string]any{"syncs": args, "all": all, "reason": reason})
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all syncs")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	return cmd
}

func restoredCommand(c *config) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "restored", Short: "Say that the ledger was restored from a backup: hold all syncs", Args: cobra.NoArgs,
		Long: "For a restore that can't be noticed by itself: the whole data folder was put back, and neither Redis nor TAILRACE_MARK_FILE remembers. Run it before `tailrace serve`.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withClient(cmd, c, func(cl *client) error {
				return cl.postLedger(cmd, c, "/restores", map[string]any{"reason": reason})
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	return cmd
}

// postLedger does something about a restored ledger and prints which syncs are still held.
func (c *client) postLedger(cmd *cobra.Command, cfg *config, path string, in map[string]any) error {
	var out api.LedgerView
	if err := c.post(cmd.Context(), "/api/v1/ledger"+path, in, &out); err != nil {
		return err
	}
	if cfg.JSON {
		return printJSON(cmd.OutOrStdout(), out)
	}
	words := "no sync is held"
	if len(out.Held) > 0 {
		words = "held: " + strings.Join(out.Held, ", ")
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), words)
	return err
}
