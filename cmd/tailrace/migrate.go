package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func migrateCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Apply the warehouse's schema migrations",
		Long:  "Applies what is missing and nothing else; `serve` does the same at its start. A warehouse that is newer than this binary is refused.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := c.logger()
			if err != nil {
				return err
			}
			db, err := openWarehouse(cmd.Context(), c, log)
			if err != nil {
				return err
			}
			applied, err := db.Migrate(cmd.Context())
			if closed := db.Close(); err == nil {
				err = closed
			}
			if err != nil {
				return err
			}
			if c.JSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"applied": append([]string{}, applied...)})
			}
			for _, name := range applied {
				fmt.Fprintln(cmd.OutOrStdout(), "applied "+name)
			}
			if len(applied) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to do")
			}
			return nil
		},
	}
}
