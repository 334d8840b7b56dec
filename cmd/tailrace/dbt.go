package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/project/dbt"
)

// afterDbt is what `run --after-dbt` did, for --json.
type afterDbt struct {
	api.DbtResult
	Materializations []audiences.Materialization `json:"materializations"`
	Runs             []api.RunView               `json:"runs"`
}

func runCommand(c *config) *cobra.Command {
	var after, noWait bool
	var manifest, results string
	cmd := &cobra.Command{
		Use:   "run --after-dbt",
		Short: "Tell that dbt has run, and run what depends on the tables that it built",
		Long: `Reads dbt's target/manifest.json (schemas v7 to v12: dbt 1.3 and newer) and target/run_results.json. What depends on a table
that was built becomes due: with a running server it starts by itself, and this command waits for it; without one this
command materializes and sends. A table whose model failed keeps its dependants as they are. Traits, audiences and syncs
that run by the clock, by hand, or are paused, wait for that.`,
		Example: "  dbt build && tailrace run --after-dbt\n  tailrace run --after-dbt --manifest warehouse/target/manifest.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !after {
				return errors.New("say after what: tailrace run --after-dbt (traits, audiences and syncs run by name: tailrace audiences run, tailrace sync)")
			}
			m, run, err := readTarget(manifest, results)
			if err != nil {
				return err
			}
			return withClient(cmd, c, func(cl *client) error {
				var out afterDbt
				if err := cl.call(cmd.Context(), http.MethodPost, "/api/v1/hooks/dbt", nil, map[string]any{"manifest": m, "run_results": run}, &out.DbtResult); err != nil {
					return err
				}
				if !c.JSON {
					printBuilt(cmd.OutOrStdout(), out.DbtResult)
				}
				if noWait {
					if c.JSON {
						return printJSON(cmd.OutOrStdout(), out.DbtResult)
					}
					return nil
				}
				return cl.runAfter(cmd, c, &out)
			})
		},
	}
	cmd.Flags().BoolVar(&after, "after-dbt", false, "read what dbt left in its target folder")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "tell the server, and don't wait for what it starts")
	bindManifest(cmd, &manifest)
	cmd.Flags().StringVar(&results, "run-results", "", "dbt's run_results.json (default: beside the manifest, if it is there)")
	return cmd
}

func bindManifest(cmd *cobra.Command, manifest *string) {
	cmd.Flags().StringVar(manifest, "manifest", filepath.Join("target", "manifest.json"), "dbt's manifest.json")
}

// readTarget reads what dbt left. Without a path of its own, run_results.json is read where it is.
func readTarget(manifest, results string) (*dbt.Manifest, *dbt.Run, error) {
	m, err := readManifest(manifest)
	if err != nil {
		return nil, nil, err
	}
	given := results != ""
	if !given {
		results = filepath.Join(filepath.Dir(manifest), "run_results.json")
	}
	file, err := os.Open(results)
	if errors.Is(err, os.ErrNotExist) && !given {
		return m, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening dbt's run results: %w", err)
	}
	defer file.Close()
	run, err := dbt.ReadRun(file)
	return m, run, err
}

func readManifest(path string) (*dbt.Manifest, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: run dbt first, or name the file with --manifest", path)
	}
	if err != nil {
		return nil, fmt.Errorf("opening dbt's manifest: %w", err)
	}
	defer file.Close()
	return dbt.ReadManifest(file)
}

// runAfter materializes and sends what became due, what is read first.
func (c *client) runAfter(cmd *cobra.Command, cfg *config, out *afterDbt) error {
	ctx := cmd.Context()
	out.Materializations, out.Runs = []audiences.Materialization{}, []api.RunView{}
	for _, d := range out.Due {
		if d.Waits {
			continue
		}
		if d.Kind == project.KindSync {
			run, err := c.runPaused(ctx, d.Name)
			if err != nil {
				return err
			}
			if run != nil {
				out.Runs = append(out.Runs, *run)
			}
			continue
		}
		m, err := c.materialize(ctx, "/api/v1/"+string(d.Kind)+"s/"+url.PathEscape(d.Name)+"/materializations")
		if err != nil {
			return err
		}
		out.Materializations = append(out.Materializations, m)
	}
	if cfg.JSON {
		return errors.Join(printJSON(cmd.OutOrStdout(), out), failedRuns(out.Runs), failedMaterializations(out.Materializations))
	}
	if len(out.Materializations) > 0 {
		if err := printMaterializations(cmd, cfg, out.Materializations); err != nil {
			return err
		}
	}
	if len(out.Runs) > 0 {
		return printRuns(cmd, cfg, out.Runs, false)
	}
	return failedMaterializations(out.Materializations)
}

// runPaused runs a sync and waits; nil where it is paused or waits for a person.
func (c *client) runPaused(ctx context.Context, name string) (*api.RunView, error) {
	runs, err := c.runSyncs(ctx, []string{name}, syncRequest{})
	var refused *refusal
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &runs[0], nil
}

func failedMaterializations(all []audiences.Materialization) error {
	for _, m := range all {
		if m.State == audiences.StateFailed {
			return exitError{1, m.Name + ": " + m.Error}
		}
	}
	return nil
}

func printBuilt(w io.Writer, r api.DbtResult) {
	for _, t := range r.Tables {
		state := styleGood.Render("built")
		if !t.Built {
			state = styleWarn.Render("not built")
		}
		fmt.Fprintf(w, "%s  %s %s\n", t.Table, state, styleFaint.Render(t.Node+": "+t.Reason))
	}
	for _, d := range r.Due {
		words := "due"
		if d.Waits {
			words = "waits: " + d.Schedule
			if d.Schedule == "" || d.Schedule == string(project.OnChange) {
				words = "waits: paused"
			}
		}
		fmt.Fprintf(w, "  %s %s  %s %s\n", d.Kind, d.Name, words, styleFaint.Render("reads "+strings.Join(d.Reads, ", ")))
	}
	if len(r.Due) == 0 {
		fmt.Fprintln(w, "nothing became due")
	}
}

func externalCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use: "external", Short: "List the tables of other databases that the project reads", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withClient(cmd, c, func(cl *client) error {
				var out pageOf[api.ExternalView]
				if err := cl.get(cmd.Context(), "/api/v1/external", nil, &out); err != nil {
					return err
				}
				if c.JSON {
					return printJSON(cmd.OutOrStdout(), out.Items)
				}
				rows := make([][]string, len(out.Items))
				for i, v := range out.Items {
					told := "dbt's hook"
					switch {
					case v.Freshness != "":
						told = "max(" + v.Freshness + ")"
					case v.Poll != "":
						told = "every " + v.Poll
					}
					state := v.Mark
					if v.Missing {
						state = "not there"
					}
					var readers []string
					for _, n := range v.ReadBy {
						readers = append(readers, n.String())
					}
					rows[i] = []string{v.Table, told, state, strings.Join(readers, ", ")}
				}
				return printTable(cmd.OutOrStdout(), []string{"table", "changes are told by", "state", "read by"}, rows)
			})
		},
	}
}

func exposuresCommand(c *config) *cobra.Command {
	var manifest, file, address string
	cmd := &cobra.Command{
		Use:   "exposures",
		Short: "Write the syncs that use dbt's tables as exposures for dbt",
		Long: `Writes a properties file for dbt with one exposure for each sync that depends on tables of dbt's manifest, so that dbt's
lineage and docs show where data goes, and dbt build --select +exposure:tailrace_NAME builds what a sync needs. Syncs that
use none are left out.`,
		Example: "  tailrace exposures --out models/tailrace_exposures.yml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := readManifest(manifest)
			if err != nil {
				return err
			}
			p, found := project.Load(c.Project, os.LookupEnv)
			if bad := found.Errors(); len(bad) > 0 {
				return &project.Invalid{Diagnostics: bad}
			}
			var text strings.Builder
			n, err := m.WriteExposures(&text, exposures(p, address))
			if err != nil {
				return err
			}
			if n == 0 {
				return errors.New("no sync depends on a table of this manifest: `tailrace external` lists the tables that the project reads")
			}
			if file == "" {
				_, err = io.WriteString(cmd.OutOrStdout(), text.String())
				return err
			}
			if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
				return fmt.Errorf("writing exposures: %w", err)
			}
			if c.JSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"file": file, "exposures": n})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", file, plural(n, "exposure"))
			return nil
		},
	}
	bindManifest(cmd, &manifest)
	cmd.Flags().StringVar(&file, "out", "", "file to write, such as models/tailrace_exposures.yml of the dbt project (default: print it)")
	cmd.Flags().StringVar(&address, "url", "", "address of this Tailrace, for the exposures' links")
	return cmd
}

// exposures tells what each sync of a project depends on.
func exposures(p *project.Project, address string) []dbt.Exposure {
	var out []dbt.Exposure
	for _, s := range p.Syncs {
		kind, name := s.Reads()
		e := dbt.Exposure{Name: "tailrace_" + s.Name, Label: s.Name + " to " + s.Destination, URL: address, Owner: s.Owner, Description: s.Description}
		if e.Owner == "" {
			e.Owner = p.Destination(s.Destination).Owner
		}
		if e.Owner == "" {
			e.Owner = "Tailrace"
		}
		if e.Description == "" {
			e.Description = fmt.Sprintf("Tailrace sends the %s %s to %s (%s, mode %s).", kind, name, s.Destination, s.Object, s.Mode)
		}
		for _, n := range p.Graph().Upstream(project.Node{Kind: project.KindSync, Name: s.Name}) {
			if n.Kind == project.KindExternal {
				e.Tables = append(e.Tables, n.Name)
			}
		}
		out = append(out, e)
	}
	return out
}
