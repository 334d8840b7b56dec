package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func queryCommand(c *config) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "query SQL",
		Short: "Run read-only SQL on the warehouse",
		Long:  "Runs one SELECT over the public tables, models, traits and audiences. `-` reads it from standard input.",
		Example: `  tailrace query "SELECT event, count() FROM events GROUP BY event ORDER BY 2 DESC"
  tailrace query --format CSVWithNames "SELECT * FROM lapsed_big_spenders" > members.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := args[0]
			if text == "-" {
				raw, err := io.ReadAll(cmd.InOrStdin())
				if err != nil {
					return fmt.Errorf("reading SQL from standard input: %w", err)
				}
				text = string(raw)
			}
			if format == "" {
				format = "PrettyCompact"
				if c.JSON || !term.IsTerminal(int(os.Stdout.Fd())) {
					format = "JSONEachRow"
				}
			}
			return withClient(cmd, c, func(cl *client) error {
				res, err := cl.stream(cmd.Context(), http.MethodPost, "/api/v1/query", nil, map[string]string{"sql": strings.TrimSpace(text), "format": format})
				if err != nil {
					return err
				}
				defer res.Close()
				if _, err := io.Copy(cmd.OutOrStdout(), res); err != nil {
					return fmt.Errorf("reading the result: %w", err)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "ClickHouse format (default PrettyCompact on a terminal, JSONEachRow elsewhere)")
	return cmd
}
