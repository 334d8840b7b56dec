package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/syncs/erasure"
)

func eraseCommand(c *config) *cobra.Command {
	var file, reason string
	var noWait bool
	cmd := &cobra.Command{
		Use:   "erase KIND:VALUE…",
		Short: "Erase people here and in every destination",
		Long: `Erases people by any identifier: email:ada@example.com, user_id:42, anonymous_id:… or profile_id:…. A file (CSV or JSON
lines) needs kind and value. They are suppressed at once; then every destination is told to forget them, then every table
and file of ours is, and then each is looked through. A receipt says what each destination did. It can't be undone.`,
		Example: `  tailrace erase email:ada@example.com --reason "request 4711"
  tailrace erase --file requests.csv --no-wait
  tailrace erase verify 0190… email:ada@example.com`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return fromArgsOrFile(args, file, func(ids []api.Identifier) error {
				return withClient(cmd, c, func(cl *client) error {
					var x api.ErasureView
					if err := cl.post(cmd.Context(), "/api/v1/erasures", map[string]any{"items": ids, "reason": reason}, &x); err != nil {
						return err
					}
					for !noWait && !x.State.Over() {
						if err := cl.follow(cmd.Context(), &x); err != nil {
							return err
						}
					}
					return printErasure(cmd, c, x)
				})
			}, func(id api.Identifier, _ map[string]string) (api.Identifier, error) { return id, nil })
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "CSV or JSON lines with kind and value")
	cmd.Flags().StringVar(&reason, "reason", "", "for the record, such as a ticket's number; it must name nobody")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "return when they are suppressed and the erasure is recorded")
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List erasures, the newest first", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return withClient(cmd, c, func(cl *client) error {
					var out pageOf[erasure.Erasure]
					if err := cl.get(cmd.Context(), "/api/v1/erasures", nil, &out); err != nil {
						return err
					}
					if c.JSON {
						return printJSON(cmd.OutOrStdout(), out.Items)
					}
					rows := make([][]string, len(out.Items))
					for i, x := range out.Items {
						rows[i] = []string{x.ID, string(x.State), count(x.People), x.Reason, ago(x.At, time.Now())}
					}
					return printTable(cmd.OutOrStdout(), []string{"erasure", "state", "people", "reason", "since"}, rows)
				})
			},
		},
		&cobra.Command{
			Use: "show ERASURE", Short: "Show an erasure with its receipts", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return withClient(cmd, c, func(cl *client) error {
					var x api.ErasureView
					if err := cl.get(cmd.Context(), "/api/v1/erasures/"+url.PathEscape(args[0]), nil, &x); err != nil {
						return err
					}
					return printErasure(cmd, c, x)
				})
			},
		},
		eraseVerifyCommand(c),
	)
	return cmd
}

func eraseVerifyCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use: "verify ERASURE KIND:VALUE…", Short: "Look again for erased people in every table and file", Args: cobra.MinimumNArgs(2),
		Long: "Looks through every table and file for the people again. Say who they were: nothing here knows any more.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return fromArgsOrFile(args[1:], "", func(ids []api.Identifier) error {
				return withClient(cmd, c, func(cl *client) error {
					var x api.ErasureView
					if err := cl.post(cmd.Context(), "/api/v1/erasures/"+url.PathEscape(args[0])+"/verify", map[string]any{"items": ids}, &x); err != nil {
						return err
					}
					return printErasure(cmd, c, x)
				})
			}, func(id api.Identifier, _ map[string]string) (api.Identifier, error) { return id, nil })
		},
	}
}

func exportPersonCommand(c *config) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "export-person KIND:VALUE…",
		Short:   "Write everything that is known of people (subject access)",
		Long:    "Writes one JSON object a line, with the table that it stands in as _table: identifiers, events, consents, traits and audiences with their history, and what every destination was sent.",
		Example: "  tailrace export-person email:ada@example.com > ada.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			return fromArgsOrFile(args, file, func(ids []api.Identifier) error {
				return withClient(cmd, c, func(cl *client) error {
					res, err := cl.stream(cmd.Context(), http.MethodPost, "/api/v1/exports", nil, map[string]any{"items": ids})
					if err != nil {
						return err
					}
					defer res.Close()
					if _, err := io.Copy(cmd.OutOrStdout(), res); err != nil {
						return fmt.Errorf("reading the export: %w", err)
					}
					return nil
				})
			}, func(id api.Identifier, _ map[string]string) (api.Identifier, error) { return id, nil })
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "CSV or JSON lines with kind and value")
	return cmd
}

// follow looks at an erasure again after a while.
func (c *client) follow(ctx context.Context, x *api.ErasureView) error {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return c.get(ctx, "/api/v1/erasures/"+url.PathEscape(x.ID), nil, x)
}

// errManual ends a command whose erasure a person must finish.
var errManual = errors.New("a person must finish this erasure: the rows above that say manual_action_required, or found, name what is left")

func printErasure(cmd *cobra.Command, c *config, x api.ErasureView) error {
	if c.JSON {
		return printJSON(cmd.OutOrStdout(), x)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "erasure %s: %s\n", x.ID, x.State)
	if len(x.Receipts) > 0 {
		rows := make([][]string, len(x.Receipts))
		for i, r := range x.Receipts {
			rows[i] = []string{r.Sync, r.Destination, r.Action, r.Status, count(r.Rows), r.Words}
		}
		if err := printTable(cmd.OutOrStdout(), []string{"sync", "destination", "action", "status", "people", "to do"}, rows); err != nil {
			return err
		}
	}
	var found [][]string
	for _, k := range x.Checks {
		if k.Found > 0 {
			found = append(found, []string{k.Place, count(k.Found)})
		}
	}
	if len(found) > 0 {
		if err := printTable(cmd.OutOrStdout(), []string{"place", "found"}, found); err != nil {
			return err
		}
	} else if len(x.Checks) > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "looked at %s places: nothing found\n", count(len(x.Checks)))
	}
	if x.State == erasure.ManualActionRequired || len(found) > 0 {
		return errManual
	}
	return nil
}
