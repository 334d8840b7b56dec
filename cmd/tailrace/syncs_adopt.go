package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/syncs"
)

const adoptPart = 5000

// adopting is the body of POST /syncs/{name}/adoptions.
type adopting struct {
	Adoption string                `json:"adoption,omitempty"`
	Members  []syncs.AdoptedMember `json:"members,omitempty"`
	More     bool                  `json:"more,omitempty"`
	List     bool                  `json:"list,omitempty"`
	Replace  bool                  `json:"replace,omitempty"`
	DryRun   bool                  `json:"dry_run,omitempty"`
}

func adoptCommand(c *config) *cobra.Command {
	var from string
	var request adopting
	cmd := &cobra.Command{
		Use: "adopt SYNC", Short: "Take what the destination holds already as sent by this sync", Args: cobra.ExactArgs(1),
		Long: `Fills the ledger with what the destination lists, or with a CSV file, so that the first run after leaving another tool sends
only the difference, and people who don't belong are removed (that run is held until somebody approves it). Nothing is sent.

The file has a header. A column "key" is the key of the sync's rows; columns named as identifiers of the sync's match, such as
email, name the member; "ref" is the vendor's id; other columns are fields. What the file doesn't say is taken to be as the
selection has it. Only for a sync that never ran, unless --replace says that the file is right and the ledger isn't.`,
		Example: "  tailrace syncs adopt lapsed_to_mailchimp --dry-run\n  tailrace syncs adopt exclusions_to_meta --from members.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, c, func(cl *client) error {
				var out syncs.Adoption
				request.List = from == ""
				send := func(members []syncs.AdoptedMember, more bool) error {
					request.Members, request.More, request.Adoption = members, more, out.ID
					return cl.post(cmd.Context(), syncPath(args[0], "/adoptions"), request, &out)
				}
				if from == "" {
					if err := send(nil, false); err != nil {
						return err
					}
				} else {
					var sync api.SyncView
					if err := cl.get(cmd.Context(), syncPath(args[0], ""), nil, &sync); err != nil {
						return err
					}
					if err := readMembers(from, sync.Match, send); err != nil {
						return err
					}
				}
				if c.JSON {
					return printJSON(cmd.OutOrStdout(), out)
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s listed = %s matched + %s strangers + %s duplicates + %s invalid; %s dropped from the ledger%s\n", args[0], count(out.Listed),
					count(out.Matched), count(out.Strangers), count(out.Duplicates), count(out.Invalid), count(out.Dropped), map[bool]string{true: " (dry run: nothing changed)"}[out.DryRun])
				return err
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "CSV file with a header; - is standard input (default: what the destination lists)")
	cmd.Flags().BoolVar(&request.Replace, "replace", false, "also of a sync that has run: what isn't listed isn't held any more")
	cmd.Flags().BoolVar(&request.DryRun, "dry-run", false, "only count")
	return cmd
}

// readMembers streams a CSV file in parts. identifiers are the columns that name a member.
func readMembers(path string, identifiers []string, send func(members []syncs.AdoptedMember, more bool) error) error {
	file := io.Reader(os.Stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("reading members: %w", err)
		}
		defer f.Close()
		file = f
	}
	rows := csv.NewReader(file)
	rows.ReuseRecord = true
	first, err := rows.Read()
	if err != nil {
		return fmt.Errorf("reading the header of %s: %w", path, err)
	}
	header := make([]string, len(first))
	for i, name := range first {
		header[i] = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
	}
	var part []syncs.AdoptedMember
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return send(part, false)
		}
		if err != nil {
			return fmt.Errorf("reading members: %w", err)
		}
		if len(part) == adoptPart {
			if err := send(part, true); err != nil {
				return err
			}
			part = part[:0]
		}
		part = append(part, member(header, row, identifiers))
	}
}

func member(header, row, identifiers []string) syncs.AdoptedMember {
	m := syncs.AdoptedMember{IDs: map[string]string{}, Fields: map[string]string{}}
	for i, name := range header {
		switch {
		case name == "key":
			m.Key = row[i]
		case name == "ref":
			m.Ref = row[i]
		case slices.Contains(identifiers, name):
			m.IDs[name] = row[i]
		default:
			m.Fields[name] = row[i]
		}
	}
	return m
}
