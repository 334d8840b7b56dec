package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/project"
)

// selection is what --select and --exclude say.
type selection struct{ chosen, exclude []string }

func (s *selection) bind(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&s.chosen, "select", "s", nil, "dbt's selectors: a name, tag:retention, +name, name+, path/; \"a,b\" is both at once, \"a b\" either")
	cmd.Flags().StringArrayVar(&s.exclude, "exclude", nil, "selectors to leave out")
}

func (s *selection) empty() bool { return len(s.chosen)+len(s.exclude) == 0 }

// names are the definitions of a kind that a command is about: those named as arguments, and those that are selected.
// With neither, all of them. The files here say what there is, and what is read stands before what reads it.
func (s *selection) names(_ context.Context, c *config, kind project.Kind, args []string) ([]string, error) {
	if len(args) > 0 && s.empty() {
		return args, nil
	}
	p, found := project.Load(c.Project, os.LookupEnv)
	if bad := found.Errors(); len(bad) > 0 {
		return nil, project.Invalid{Diagnostics: bad}
	}
	return s.of(p, kind, args)
}

// of are the selected definitions of a kind among a project's files.
func (s *selection) of(p *project.Project, kind project.Kind, args []string) ([]string, error) {
	nodes, err := p.Select(append(s.chosen, args...), s.exclude)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, n := range nodes {
		if n.Kind == kind {
			names = append(names, n.Name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no %s is selected", kind)
	}
	return names, nil
}
