package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/project"
)

// plannable are the syncs that a plan is about. Plans are of the project in force: where the files here are broken, or
// say something else, that is told on stderr, and a broken file doesn't keep the others' syncs from being planned.
func (c *client) plannable(cmd *cobra.Command, cfg *config, chosen selection, args []string) ([]string, error) {
	if !hasFiles(cfg.Project) {
		return chosen.names(cmd.Context(), cfg, project.KindSync, args)
	}
	var inForce api.ProjectView
	if err := c.get(cmd.Context(), "/api/v1/project", nil, &inForce); err != nil {
		return nil, err
	}
	p, found := project.Load(cfg.Project, os.LookupEnv)
	bad := found.With(checkProject(p, found)).Errors()
	if last := inForce.LastReload; len(bad) == 0 && last != nil && p.Hash != inForce.Hash {
		bad = last.Diagnostics.Errors() // such as columns, which only the warehouse knows
	}
	switch {
	case len(bad) > 0:
		fmt.Fprintf(cmd.ErrOrStderr(), "this is the plan of the project in force (%.12s): the files here have %s\n%s", inForce.Hash, plural(len(bad), "error"), bad)
	case p.Hash != inForce.Hash:
		fmt.Fprintf(cmd.ErrOrStderr(), "this is the plan of the project in force (%.12s): the files here say something else (%.12s)\n", inForce.Hash, p.Hash)
	}
	if len(bad) == 0 || len(args) > 0 {
		return chosen.names(cmd.Context(), cfg, project.KindSync, args)
	}
	var names []string
	if !chosen.empty() {
		var err error
		if names, err = chosen.of(p, project.KindSync, nil); err != nil {
			return nil, err
		}
	}
	var out []string
	for _, s := range inForce.Syncs {
		if chosen.empty() || slices.Contains(names, s.Name) {
			out = append(out, s.Name)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no sync of the project in force is selected; mend the files first: tailrace validate")
	}
	return out, nil
}
