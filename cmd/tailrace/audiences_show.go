package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/audiences"
)

// showCommand prints one trait or audience: its file, and how it stands.
func showCommand(c *config, plural string) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: fmt.Sprintf("Show one of the %s: what its file says and how it stands", plural), Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, c, func(cl *client) error {
				var d audiences.Definition
				if err := cl.get(cmd.Context(), "/api/v1/"+plural+"/"+url.PathEscape(args[0]), nil, &d); err != nil {
					return err
				}
				if c.JSON {
					return printJSON(cmd.OutOrStdout(), d)
				}
				return printTable(cmd.OutOrStdout(), []string{d.Name, ""}, definitionRows(d))
			})
		},
	}
}

// definitionRows are what is worth telling of a definition, word by word.
func definitionRows(d audiences.Definition) [][]string {
	var rows [][]string
	tell := func(word, text string) {
		if text != "" {
			rows = append(rows, []string{word, text})
		}
	}
	tell("description", d.Description)
	tell("file", d.Path)
	tell("owner", d.Owner)
	tell("tags", strings.Join(d.Tags, ", "))
	tell("schedule", d.Schedule)
	tell("reads", strings.Join(d.Reads, ", "))
	tell("read by", strings.Join(d.ReadBy, ", "))
	if d.Published != nil {
		tell("published", fmt.Sprintf("version %d, %s", d.Published.Version, ago(d.Published.UpdatedAt, time.Now())))
		tell("members", count(d.Members))
	}
	for _, m := range []*audiences.Materialization{d.Published, d.Last} {
		if m == nil || (m == d.Last && d.Published != nil && m.Version == d.Published.Version) {
			continue
		}
		for _, words := range m.Warnings {
			tell(fmt.Sprintf("warning, version %d", m.Version), words)
		}
	}
	if x := d.Experiment; x != nil {
		tell("held out", fmt.Sprintf("%s of %s members (%s, salt %s)", count(d.HeldOut), count(d.Members), x.Holdout, x.Salt))
	}
	if p := d.Priority; p != nil {
		tell("priority", fmt.Sprintf("rank %d of group %s", p.Rank, p.Group))
	}
	if d.Last != nil {
		tell("last attempt", fmt.Sprintf("version %d, %s", d.Last.Version, d.Last.State))
	}
	if d.Stale {
		tell("stale", d.StaleCause)
	}
	return rows
}
