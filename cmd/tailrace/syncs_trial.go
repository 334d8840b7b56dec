package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/syncs"
)

func testRowsCommand(c *config) *cobra.Command {
	var keys []string
	var rows int
	cmd := &cobra.Command{
		Use: "test SYNC", Short: "Send a few rows now and show each request with its answer", Args: cobra.ExactArgs(1),
		Long: "Sends the rows of --key, changed or not, or the first --rows of the difference: at most 10, to the real destination, through the ledger, " +
			"so the next run knows of them. Nobody is removed, and no other row is touched. " + exitWords,
		Example: "  tailrace syncs test lapsed_to_hubspot --rows 1\n  tailrace syncs test lapsed_to_hubspot --key 0b9f2c8e-1df5-5d0c-9f6c-2f8a0a1f7a11",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(keys) == 0 && rows == 0 {
				rows = 1
			}
			return withClient(cmd, c, func(cl *client) error { return cl.testRows(cmd, c, args[0], keys, rows) })
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "key of a row to send; may be repeated")
	cmd.Flags().IntVar(&rows, "rows", 0, "how many rows of the difference to send (default 1)")
	return cmd
}

// testRows starts a test, waits for its end and shows what was said.
func (c *client) testRows(cmd *cobra.Command, cfg *config, name string, keys []string, rows int) error {
	var out struct {
		api.SyncTestView
		Exchanges []syncs.ExchangeView `json:"exchanges"`
	}
	in := map[string]any{"rows": rows}
	if len(keys) > 0 {
		in["keys"] = keys
	}
	if err := c.post(cmd.Context(), syncPath(name, "/tests"), in, &out.SyncTestView); err != nil {
		return err
	}
	if err := c.waitRun(cmd.Context(), &out.Run); err != nil {
		return err
	}
	var page pageOf[syncs.ExchangeView]
	if err := c.get(cmd.Context(), runPath(out.Run.ID, "/exchanges"), nil, &page); err != nil {
		return err
	}
	out.Exchanges = page.Items
	if cfg.JSON {
		if err := printJSON(cmd.OutOrStdout(), out); err != nil {
			return err
		}
		return failedRuns([]api.RunView{out.Run})
	}
	w := cmd.OutOrStdout()
	for _, x := range out.Exchanges {
		printExchange(w, x)
	}
	for _, k := range out.Keys {
		if k.State != "planned" {
			fmt.Fprintf(w, "%s: not sent, %s\n", k.Key, strings.ReplaceAll(k.State, "_", " "))
		}
	}
	if err := printRun(w, out.Run); err != nil {
		return err
	}
	return failedRuns([]api.RunView{out.Run})
}

// printExchange prints a request and its answer; secrets were hidden before they were kept.
func printExchange(w io.Writer, x syncs.ExchangeView) {
	headers := func(h map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(h)) {
			fmt.Fprintln(w, styleFaint.Render("  "+name+": "+h[name]))
		}
	}
	fmt.Fprintf(w, "%s %s\n", styleHead.Render(x.Method), x.Path)
	headers(x.RequestHeaders)
	fmt.Fprintln(w, "  "+x.RequestBody)
	if x.Error != "" {
		fmt.Fprintln(w, styleBad.Render(x.Error))
	}
	fmt.Fprintf(w, "%s %d ms\n", styleHead.Render(fmt.Sprint(x.Status)), x.DurationMs)
	headers(x.ResponseHeaders)
	fmt.Fprintf(w, "  %s\n\n", x.ResponseBody)
}
