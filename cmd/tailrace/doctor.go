package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/project"
)

// finding is one thing that doctor looked at.
type finding struct {
	What  string `json:"what"`
	State string `json:"state"` // ok | warning | error
	Words string `json:"words"`
}

func doctorCommand(c *config) *cobra.Command {
	var grants bool
	var models string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong or unsafe in this installation",
		Long:  "Checks the project, the engine, the data folder, the warehouse, Redis (append-only file, eviction) and each destination (one harmless call). Exits 1 when something is wrong.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if grants {
				return c.grants(cmd, models)
			}
			findings := c.examine(cmd.Context())
			bad := 0
			for _, f := range findings {
				if f.State == "error" {
					bad++
				}
			}
			if c.JSON {
				if err := printJSON(cmd.OutOrStdout(), findings); err != nil {
					return err
				}
			} else {
				rows := make([][]string, len(findings))
				for i, f := range findings {
					state := map[string]string{"ok": styleGood.Render("ok"), "warning": styleWarn.Render("warning"), "error": styleBad.Render("error")}[f.State]
					rows[i] = []string{f.What, state, f.Words}
				}
				if err := printTable(cmd.OutOrStdout(), []string{"part", "state", "what we found"}, rows); err != nil {
					return err
				}
			}
			if bad > 0 {
				return exitError{1, plural(bad, "problem")}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&grants, "grants", false, "print the GRANTs that a server needs, and try what users' SQL must never do")
	cmd.Flags().StringVar(&models, "models-dsn", "", "DSN of the read-only user tailrace_models, to try the forbidden statements as it (with --grants)")
	return cmd
}

func (c *config) examine(ctx context.Context) []finding {
	var out []finding
	add := func(what string, err error, words string) {
		if err != nil {
			out = append(out, finding{what, "error", err.Error()})
			return
		}
		out = append(out, finding{what, "ok", words})
	}
	p, found := project.Load(c.Project, os.LookupEnv)
	found = found.With(checkProject(p, found))
	var projectErr error
	if bad := found.Errors(); len(bad) > 0 {
		projectErr = fmt.Errorf("%s; the first: %s", plural(len(bad), "error"), bad[0])
	}
	add("project", projectErr, fmt.Sprintf("%d audiences, %d traits, %d syncs", len(p.Audiences), len(p.Traits), len(p.Syncs)))

	cl, err := c.connect(ctx)
	if err != nil {
		add("server", err, "")
		return out
	}
	words := "a running server at " + cl.base
	if _, local := cl.doer.(inProcess); local {
		words = "none runs; the data folder was opened for this command"
	}
	add("server", nil, words)
	ready, err := cl.readiness(ctx)
	if err != nil {
		add("readiness", err, "")
	}
	for _, part := range []string{"warehouse", "queue", "collector"} {
		if state, ok := ready.Parts[part]; ok && state != "ok" {
			add(part, errors.New(state), "")
		} else if ok {
			add(part, nil, "answers")
		}
	}
	for _, warning := range ready.Warnings {
		out = append(out, finding{"configuration", "warning", warning})
	}
	for _, d := range p.Destinations {
		var account map[string]any
		err := cl.post(ctx, "/api/v1/destinations/"+d.Name+"/test", nil, &account)
		add("destination "+d.Name, err, "answers")
	}
	if err := cl.close(); err != nil {
		add("closing", err, "")
	}
	return out
}

// readiness asks /readyz, whose 503 is an answer too.
func (c *client) readiness(ctx context.Context) (api.Readiness, error) {
	var out api.Readiness
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/readyz", nil)
	if err != nil {
		return out, fmt.Errorf("asking for readiness: %w", err)
	}
	res, err := c.doer.Do(req)
	if err != nil {
		return out, fmt.Errorf("asking for readiness: %w", err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("reading readiness: %w", err)
	}
	return out, nil
}
