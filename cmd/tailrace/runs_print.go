package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/syncs"
)

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
		rows[i] = []string{r.Sync, count(r.No), runState(r), count(s.Selected), "+" + count(s.Add), "~" + count(s.Change), "-" + count(s.Remove),
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
	fmt.Fprintf(w, "%s run %d: %s  %s\n", styleHead.Render(r.Sync), r.No, runState(r), styleFaint.Render(r.ID))
	for _, words := range []string{r.FullReason, r.Reason, r.Error, r.Waiting} {
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
		fmt.Fprintf(w, "  to go on: tailrace runs approve %s --digest %s (or discard)\n", r.ID, r.PlanDigest)
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

// What a command that waits for runs exits with, the worst of several runs.
const (
	exitFailed  = 1
	exitHeld    = 3
	exitPartial = 4
)

const exitWords = "Exits 0 when all succeeded, 1 when one failed or was stopped, 3 when one is held until a person decides, " +
	"4 when one is partial: rows were rejected, or nobody knows what became of them."

// failedRuns makes a command fail when a run needs a look.
func failedRuns(runs []api.RunView) error {
	failed, held, partial := 0, 0, 0
	for _, r := range runs {
		switch r.State {
		case syncs.Failed, syncs.Cancelled, syncs.Discarded:
			if r.DryRun && r.Waiting != "" {
				continue // it can only be planned later
			}
			failed++
		case syncs.Held:
			held++
		case syncs.Partial:
			partial++
		}
	}
	switch {
	case failed > 0:
		return exitError{exitFailed, plural(failed, "run") + " failed or was stopped"}
	case held > 0:
		return exitError{exitHeld, plural(held, "run") + " held: approve or discard"}
	case partial > 0:
		return exitError{exitPartial, plural(partial, "run") + " got only part through"}
	}
	return nil
}

// runState is a run's state as a table shows it; a dry run sends nothing, whatever its state.
func runState(r api.RunView) string {
	if r.DryRun {
		return stateStyle(string(r.State)) + " (dry run)"
	}
	return stateStyle(string(r.State))
}
