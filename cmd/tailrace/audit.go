package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/syncs/audit"
)

// errTampered ends a command that found the audit log changed.
var errTampered = errors.New("the audit log isn't as it was written: each row above was changed, deleted or inserted by other ways than Tailrace; compare with a backup")

func auditCommand(c *config) *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Check the record of what persons and tokens did"}
	cmd.AddCommand(&cobra.Command{
		Use: "verify", Short: "Find rows of the audit log that were changed, deleted or inserted", Args: cobra.NoArgs,
		Long: `Goes through the hash chains of the audit log. Each process writes one of its own. What an erasure blanked still
verifies. The head is a hash over the ends of all chains: kept elsewhere, with the day, it shows what was written by then.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withClient(cmd, c, func(cl *client) error {
				var found audit.Report
				if err := cl.get(cmd.Context(), "/api/v1/audit/verify", nil, &found); err != nil {
					return err
				}
				return printAudit(cmd, c, found)
			})
		},
	})
	return cmd
}

func printAudit(cmd *cobra.Command, c *config, found audit.Report) error {
	if c.JSON {
		if err := printJSON(cmd.OutOrStdout(), found); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "%s rows in %s chains, head %s\n", count(found.Rows), count(found.Chains), found.Head)
		if found.Erased+found.Unchained > 0 {
			fmt.Fprintf(cmd.OutOrStdout(), "%s blanked by erasures; %s from before there were chains\n", count(found.Erased), count(found.Unchained))
		}
		rows := make([][]string, len(found.Findings))
		for i, f := range found.Findings {
			rows[i] = []string{f.Writer, count(f.Seq), f.ID, f.What}
		}
		if len(rows) > 0 {
			if err := printTable(cmd.OutOrStdout(), []string{"chain", "row", "entry", "what"}, rows); err != nil {
				return err
			}
		}
	}
	if len(found.Findings) > 0 {
		return errTampered
	}
	return nil
}
