package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/audiences"
)

// verifyCommand proves that an incremental result is what a full pass gives.
func verifyCommand(c *config, plural string) *cobra.Command {
	return &cobra.Command{
		Use: "verify NAME", Short: fmt.Sprintf("Compute one of the incremental %s in full too, and compare; exits 1 if they differ", plural), Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, c, func(cl *client) error {
				var v audiences.Verification
				if err := cl.post(cmd.Context(), "/api/v1/"+plural+"/"+url.PathEscape(args[0])+"/verify", nil, &v); err != nil {
					return err
				}
				if c.JSON {
					if err := printJSON(cmd.OutOrStdout(), v); err != nil {
						return err
					}
				} else if err := printVerification(cmd, v); err != nil {
					return err
				}
				if v.Different > 0 {
					return exitError{1, fmt.Sprintf("%s: %s of %s rows differ from a full pass", v.Name, count(v.Different), count(v.Rows))}
				}
				return nil
			})
		},
	}
}

func printVerification(cmd *cobra.Command, v audiences.Verification) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s: version %d and %s computed anew, in %d ms; in full %s rows, in %d ms\n",
		v.Name, v.Base, plural(int(v.Recomputed), "profile"), v.StepMs, count(v.Rows), v.FullMs)
	if v.Different == 0 {
		fmt.Fprintln(out, "They are equal.")
		return nil
	}
	rows := make([][]string, len(v.Differences))
	for i, d := range v.Differences {
		rows[i] = []string{d.Key, orNone(string(d.Full)), orNone(string(d.Incremental))}
	}
	return printTable(out, []string{"key", "in full", "incrementally"}, rows)
}

// orNone shows a row that isn't there.
func orNone(row string) string {
	if strings.Trim(row, `"`) == "" {
		return "no row"
	}
	return row
}
