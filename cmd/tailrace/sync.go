package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
)

func planCommand(c *config) *cobra.Command {
	var chosen selection
	var samples int
	cmd := &cobra.Command{
		Use:   "plan [SYNC…]",
		Short: "What would change where, without touching anything",
		Long:  "Plans each sync against the live warehouse and prints how many rows would be added, changed and removed, with samples. Nothing is sent. It tells when a guard would hold the plan, and why rows are left out. Without names, all syncs; --select takes dbt's selectors.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, c, func(cl *client) error {
				names, err := cl.plannable(cmd, c, chosen, args)
				if err != nil {
					return err
				}
				runs, err := cl.runSyncs(cmd.Context(), names, syncRequest{DryRun: true})
				if err != nil {
					return err
				}
				if c.JSON {
					return printJSON(cmd.OutOrStdout(), runs)
				}
				if err := printPlans(cmd.OutOrStdout(), runs); err != nil {
					return err
				}
				for _, r := range runs {
					if err := cl.printSamples(cmd, r, samples); err != nil {
						return err
					}
				}
				return failedRuns(runs)
			})
		},
	}
	chosen.bind(cmd)
	cmd.Flags().IntVar(&samples, "samples", 5, "changes to show of each sync")
	return cmd
}

func syncCommand(c *config) *cobra.Command {
	var request syncRequest
	var chosen selection
	var noWait bool
	cmd := &cobra.Command{
		Use:     "sync SYNC…",
		Short:   "Run syncs now and wait for both sums",
		Long:    "Runs syncs now, waits until each is over or needs a person, and prints both sums. " + exitWords,
		Example: "  tailrace sync lapsed_to_hubspot\n  tailrace sync --dry-run lapsed_to_hubspot\n  tailrace sync --select tag:retention",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && chosen.empty() {
				return fmt.Errorf("name a sync, or --select some; `tailrace plan` lists all")
			}
			return withClient(cmd, c, func(cl *client) error {
				names, err := chosen.names(cmd.Context(), c, project.KindSync, args)
				if err != nil {
					return err
				}
				request.noWait = noWait
				runs, err := cl.runSyncs(cmd.Context(), names, request)
				if err != nil {
					return err
				}
				return printRuns(cmd, c, runs, false)
			})
		},
	}
	cmd.Flags().BoolVar(&request.DryRun, "dry-run", false, "plan only")
	cmd.Flags().BoolVar(&request.Full, "full", false, "send everything again, on purpose")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "start and return")
	chosen.bind(cmd)
	return cmd
}

// syncRequest is the body of POST /syncs/{name}/runs.
type syncRequest struct {
	DryRun bool `json:"dry_run"`
	Full   bool `json:"full"`
	noWait bool
}

// maxBusy bounds how many runs of a busy sync a command waits for before it gives up.
const maxBusy = 20

// startRun starts a run; where one of the sync is under way already, it waits for that one first.
func (c *client) startRun(ctx context.Context, name string, request syncRequest, r *api.RunView) error {
	path := "/api/v1/syncs/" + url.PathEscape(name)
	for tries := 0; ; tries++ {
		err := c.post(ctx, path+"/runs", request, r)
		var refused *refusal
		if !errors.As(err, &refused) || refused.Status != http.StatusConflict || request.noWait {
			return err
		}
		var sync api.SyncView
		if err := c.get(ctx, path, nil, &sync); err != nil {
			return err
		}
		if sync.Paused || sync.LastRun == nil || sync.LastRun.State == syncs.Held || tries == maxBusy {
			return err
		}
		if err := c.waitRun(ctx, sync.LastRun); err != nil {
			return err
		}
	}
}

// runSyncs starts all, then waits for each.
func (c *client) runSyncs(ctx context.Context, names []string, request syncRequest) ([]api.RunView, error) {
	runs := make([]api.RunView, len(names))
	for i, name := range names {
		if err := c.startRun(ctx, name, request, &runs[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for i := range runs {
		if request.noWait {
			break
		}
		if err := c.waitRun(ctx, &runs[i]); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

func printPlans(w io.Writer, runs []api.RunView) error {
	rows := make([][]string, len(runs))
	for i, r := range runs {
		words := r.Reason
		switch {
		case r.Waiting != "":
			words = r.Waiting
		case r.Error != "":
			words = r.Error
		}
		for _, reason := range slices.Sorted(maps.Keys(r.Sums.LeftOut)) {
			words = strings.TrimPrefix(words+"; left out: "+count(r.Sums.LeftOut[reason])+" "+strings.ReplaceAll(reason, "_", " "), "; ")
		}
		rows[i] = []string{r.Sync, "+" + count(r.Sums.Add), "~" + count(r.Sums.Change), "-" + count(r.Sums.Remove), count(r.Sums.Unchanged), count(r.Sums.LeftOutTotal), words}
	}
	return printTable(w, []string{"sync", "add", "change", "remove", "unchanged", "left out", ""}, rows)
}

// printSamples shows a few changes of a plan, field by field.
func (c *client) printSamples(cmd *cobra.Command, r api.RunView, n int) error {
	if n == 0 || r.Sums.Planned == 0 {
		return nil
	}
	var page pageOf[syncs.ChangeView]
	if err := c.get(cmd.Context(), runPath(r.ID, "/changes"), url.Values{"limit": {fmt.Sprint(n)}}, &page); err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "\n%s\n", styleHead.Render(r.Sync))
	for _, change := range page.Items {
		mark := map[string]string{"add": styleGood.Render("+"), "change": styleWarn.Render("~"), "remove": styleBad.Render("-")}[string(change.Op)]
		fmt.Fprintf(w, "  %s %s %s\n", mark, change.Key, styleFaint.Render(strings.Join(change.ChangedFields, ", ")))
	}
	if rest := r.Sums.Planned - uint64(len(page.Items)); rest > 0 {
		fmt.Fprintf(w, "  … and %s more: tailrace runs changes %s\n", count(rest), r.ID)
	}
	return nil
}
