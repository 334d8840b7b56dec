package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/syncs"
)

func planCommand(c *config) *cobra.Command {
	var selectors, exclude []string
	var samples int
	cmd := &cobra.Command{
		Use:   "plan [SYNC…]",
		Short: "What would change where, without touching anything",
		Long:  "Plans each sync against the live warehouse and prints how many rows would be added, changed and removed, with samples. Nothing is sent. Without names, all syncs; --select takes dbt's selectors.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, c, func(cl *client) error {
				names, err := c.syncNames(args, selectors, exclude)
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
	cmd.Flags().StringSliceVarP(&selectors, "select", "s", nil, "dbt's selectors: a name, tag:retention, +name, path/")
	cmd.Flags().StringSliceVar(&exclude, "exclude", nil, "selectors to leave out")
	cmd.Flags().IntVar(&samples, "samples", 5, "changes to show of each sync")
	return cmd
}

func syncCommand(c *config) *cobra.Command {
	var request syncRequest
	var selectors, exclude []string
	var noWait bool
	cmd := &cobra.Command{
		Use:     "sync SYNC…",
		Short:   "Run syncs now and wait for both sums",
		Example: "  tailrace sync lapsed_to_hubspot\n  tailrace sync --dry-run lapsed_to_hubspot\n  tailrace sync --select tag:retention",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && len(selectors) == 0 {
				return fmt.Errorf("name a sync, or --select some; `tailrace plan` lists all")
			}
			return withClient(cmd, c, func(cl *client) error {
				names, err := c.syncNames(args, selectors, exclude)
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
	cmd.Flags().StringSliceVarP(&selectors, "select", "s", nil, "dbt's selectors: a name, tag:retention, +name, path/")
	cmd.Flags().StringSliceVar(&exclude, "exclude", nil, "selectors to leave out")
	for _, verb := range []string{"pause", "resume"} {
		cmd.AddCommand(&cobra.Command{
			Use: verb + " SYNC", Short: strings.ToUpper(verb[:1]) + verb[1:] + " a sync", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return withClient(cmd, c, func(cl *client) error {
					if err := cl.post(cmd.Context(), "/api/v1/syncs/"+url.PathEscape(args[0])+"/"+verb, nil, nil); err != nil {
						return err
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %sd\n", args[0], verb)
					return nil
				})
			},
		})
	}
	return cmd
}

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
					return printRuns(cmd, c, []api.RunView{r}, false)
				})
			},
		}
		if verb == "approve" {
			sub.Flags().StringVar(&digest, "digest", "", "approve only if the plan still has this digest")
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

// syncRequest is the body of POST /syncs/{name}/runs.
type syncRequest struct {
	DryRun bool `json:"dry_run"`
	Full   bool `json:"full"`
	noWait bool
}

// syncNames turns arguments and selectors into the names of syncs; with neither, all of them.
func (c *config) syncNames(args, selectors, exclude []string) ([]string, error) {
	if len(args) > 0 && len(selectors) == 0 {
		return args, nil
	}
	p, found := project.Load(c.Project, os.LookupEnv)
	if bad := found.Errors(); len(bad) > 0 {
		return nil, &project.Invalid{Diagnostics: bad}
	}
	nodes, err := p.Select(append(selectors, args...), exclude)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, n := range nodes {
		if n.Kind == project.KindSync {
			names = append(names, n.Name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no sync is selected")
	}
	return names, nil
}

// runSyncs starts all, then waits for each.
func (c *client) runSyncs(ctx context.Context, names []string, request syncRequest) ([]api.RunView, error) {
	runs := make([]api.RunView, len(names))
	for i, name := range names {
		if err := c.post(ctx, "/api/v1/syncs/"+url.PathEscape(name)+"/runs", request, &runs[i]); err != nil {
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

// printRuns prints one run with its sums, or a table of several, with their ids where people choose one.
func printRuns(cmd *cobra.Command, c *config, runs []api.RunView, ids bool) error {
	if c.JSON {
		if err := printJSON(cmd.OutOrStdout(), runs); err != nil || ids {
			return err
		}
		return failedRuns(runs)
	}
	if len(runs) == 1 && !ids {
		if err := printRun(cmd.OutOrStdout(), runs[0]); err != nil {
			return err
		}
		return failedRuns(runs)
	}
	rows := make([][]string, len(runs))
	for i, r := range runs {
		s := r.Sums
		rows[i] = []string{r.Sync, count(r.No), stateStyle(string(r.State)), count(s.Selected), "+" + count(s.Add), "~" + count(s.Change), "-" + count(s.Remove),
			count(s.LeftOutTotal), count(s.Accepted), count(s.Planned - s.Accepted), count(r.Counts["requests"])}
		if ids {
			rows[i] = append(rows[i], ago(r.At, time.Now()), r.ID)
		}
	}
	head := []string{"sync", "run", "state", "selected", "add", "change", "remove", "left out", "accepted", "others", "requests"}
	if ids {
		head = append(head, "when", "id")
	}
	if err := printTable(cmd.OutOrStdout(), head, rows); err != nil || ids {
		return err // a list of what was succeeds, whatever the runs did
	}
	return failedRuns(runs)
}

// printRun prints one run with both sums, as the ledger counts them.
func printRun(w io.Writer, r api.RunView) error {
	s := r.Sums
	fmt.Fprintf(w, "%s run %d: %s  %s\n", styleHead.Render(r.Sync), r.No, stateStyle(string(r.State)), styleFaint.Render(r.ID))
	for _, words := range []string{r.FullReason, r.Reason, r.Error} {
		if words != "" {
			fmt.Fprintln(w, "  "+words)
		}
	}
	fmt.Fprintln(w, "  "+firstSum(s.Sums))
	fmt.Fprintln(w, "  "+secondSum(s.Sums))
	fmt.Fprintf(w, "  %s", plural(int(r.Counts["requests"]), "request"))
	for _, step := range []string{"snapshot", "plan", "deliver", "finish"} {
		if ms, ok := r.Timings[step]; ok {
			fmt.Fprintf(w, " · %s %s", step, (time.Duration(ms) * time.Millisecond).String())
		}
	}
	_, err := fmt.Fprintln(w)
	if r.State == syncs.Held {
		fmt.Fprintf(w, "  to go on: tailrace runs approve %s --digest %.12s… (or discard)\n", r.ID, r.PlanDigest)
	}
	return err
}

// firstSum is selected = add + change + unchanged + left out, with each reason.
func firstSum(s syncs.Sums) string {
	text := fmt.Sprintf("selected %s = add %s + change %s + unchanged %s", count(s.Selected), count(s.Add), count(s.Change), count(s.Unchanged))
	for _, reason := range slices.Sorted(maps.Keys(s.LeftOut)) {
		text += fmt.Sprintf(" + %s %s", strings.ReplaceAll(reason, "_", " "), count(s.LeftOut[reason]))
	}
	return text
}

// secondSum is planned = accepted + rejected + …, without the terms that are nought.
func secondSum(s syncs.Sums) string {
	text := fmt.Sprintf("planned %s = accepted %s", count(s.Planned), count(s.Accepted))
	for _, term := range []struct {
		name string
		n    uint64
	}{{"rejected", s.Rejected}, {"skipped", s.Skipped}, {"moved", s.Moved}, {"unknown", s.Unknown}, {"suppressed", s.Suppressed},
		{"held", s.Held}, {"cancelled", s.Cancelled}, {"open tickets", s.OpenTickets}, {"to go", s.ToGo}} {
		if term.n > 0 {
			text += fmt.Sprintf(" + %s %s", term.name, count(term.n))
		}
	}
	return text
}

func printPlans(w io.Writer, runs []api.RunView) error {
	rows := make([][]string, len(runs))
	for i, r := range runs {
		words := r.Reason
		if r.Error != "" {
			words = r.Error
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

// failedRuns makes a command fail when a run did; a partial run is told, not failed.
func failedRuns(runs []api.RunView) error {
	failed := 0
	for _, r := range runs {
		if r.State == syncs.Failed {
			failed++
		}
	}
	if failed > 0 {
		return exitError{1, plural(failed, "run") + " failed"}
	}
	return nil
}
