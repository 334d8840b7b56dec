package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tailrace/tailrace/project"
)

// The collector takes bodies of 500 KB; a batch is cut well below.
const (
	importBodyBytes = 400 << 10
	importBodyRows  = 1000
)

func importCommand(c *config) *cobra.Command {
	var mapping importMapping
	var mappingFile, format, name, source, until, from string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Load events from CSV, TSV, columns or JSON lines",
		Long: `Reads a file of events or of rows that a mapping turns into events, and sends them through the collector, so that
they are checked, logged and loaded like any other event.

Each row has a message id made of the import's name (--name, default the file's) and its line, so an import that broke
off is simply run again: it goes on where it stopped, and nothing counts twice. Two equal lines stay two events.

JSON lines without a mapping are taken as events of the tracking API, with the message ids they have. Anything else needs a
mapping, which is a YAML file:

  format: columns                     # csv | tsv | columns | jsonl
  header: [customer, date, cds, dollars]
  event: Order Completed
  user_id: customer
  timestamp: { column: date, format: yyyymmdd }
  properties:
    quantity: { column: cds, type: int }
    total: { column: dollars, type: float }

Types are string, int, float, bool, json and time; formats of times rfc3339, date, datetime, yyyymmdd, unix, unix_ms, or a
layout such as "02.01.2006 15:04". Rows that can't be read are named and left out; if no row could be taken the command
fails.`,
		Example: "  tailrace import orders.csv --mapping orders.yml\n  tailrace import orders.csv --mapping orders.yml --from 2022-07-01",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if mappingFile != "" {
				var err error
				if mapping, err = readMapping(mappingFile); err != nil {
					return err
				}
			}
			mapping.Format = cmp.Or(format, mapping.Format)
			if name == "" {
				name = filepath.Base(args[0])
			}
			if mappingFile == "" && fileFormat(args[0], mapping.Format) != "jsonl" {
				return fmt.Errorf("%s needs a --mapping that says whose events its rows are; see `tailrace import --help`", args[0])
			}
			window, err := newImportWindow(from, until)
			if err != nil {
				return err
			}
			key, err := c.importKey(source)
			if err != nil {
				return err
			}
			return withClient(cmd, c, func(cl *client) error {
				imp := &importer{client: cl, key: key, name: name, path: args[0], mapping: mapping, window: window, errs: cmd.ErrOrStderr(),
					checkpoint: filepath.Join(c.Data, "imports", importID(name+from+until, 0)+".json"), quiet: c.JSON || !term.IsTerminal(int(os.Stderr.Fd()))}
				sum, err := imp.run(cmd.Context())
				if err != nil {
					return err
				}
				if err := cl.waitLoaded(cmd.Context()); err != nil {
					return err
				}
				if c.JSON {
					return errors.Join(printJSON(cmd.OutOrStdout(), sum), sum.verdict())
				}
				fmt.Fprintf(cmd.OutOrStdout(), "imported %s events of %s rows", count(sum.Sent), count(sum.Rows))
				if sum.Outside > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), ", %s outside the dates", count(sum.Outside))
				}
				if sum.Bad > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), ", %s left out", plural(sum.Bad, "bad row"))
				}
				if sum.Aside > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), ", %s set aside (SELECT reason, payload FROM events_rejected)", plural(sum.Aside, "event"))
				}
				fmt.Fprintln(cmd.OutOrStdout())
				return sum.verdict()
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&mappingFile, "mapping", "", "YAML file that says how a row becomes an event")
	f.StringVar(&format, "format", "", "csv, tsv, columns or jsonl (default by the file's name)")
	f.StringVar(&name, "name", "", "name of the import: the same rows under the same name count once (default the file's name)")
	f.StringVar(&source, "source", "", "source that the events come from (default the only one of kind import, else of kind server)")
	f.StringVar(&from, "from", "", "only rows at or after this day (YYYY-MM-DD, UTC)")
	f.StringVar(&until, "until", "", "only rows before this day (YYYY-MM-DD, UTC)")
	return cmd
}

// verdict is an error where rows were there and none was taken.
func (s importSum) verdict() error {
	if s.Sent == 0 && s.Bad+s.Aside > 0 {
		return errors.New("nothing was imported")
	}
	return nil
}

// importWindow leaves out rows outside two days; a zero time is open.
type importWindow struct{ from, until time.Time }

func newImportWindow(from, until string) (w importWindow, err error) {
	for _, bound := range []struct {
		text string
		into *time.Time
	}{{from, &w.from}, {until, &w.until}} {
		if bound.text == "" {
			continue
		}
		if *bound.into, err = time.Parse(time.DateOnly, bound.text); err != nil {
			return w, fmt.Errorf("%q is no day of the form YYYY-MM-DD", bound.text)
		}
	}
	return w, nil
}

func (w importWindow) holds(at time.Time) bool {
	return (w.from.IsZero() || !at.Before(w.from)) && (w.until.IsZero() || at.Before(w.until))
}

// importKey returns the write key of the source that an import is from.
func (c *config) importKey(source string) (string, error) {
	p, found := project.Load(c.Project, os.LookupEnv)
	if bad := found.Errors(); len(bad) > 0 {
		return "", fmt.Errorf("reading the project for its sources: %w", &project.Invalid{Diagnostics: bad})
	}
	if source != "" {
		s := p.Source(source)
		if s == nil || s.WriteKey.IsZero() {
			return "", fmt.Errorf("no source %s with a write key in %s", source, c.Project)
		}
		return s.WriteKey.Reveal(), nil
	}
	for _, kind := range []string{"import", "server", "web"} {
		var one *project.Source
		for _, s := range p.Sources {
			if s.Kind == kind && !s.WriteKey.IsZero() && !s.Paused {
				if one != nil {
					return "", fmt.Errorf("%s and %s could both be meant: say --source", one.Name, s.Name)
				}
				one = s
			}
		}
		if one != nil {
			return one.WriteKey.Reveal(), nil
		}
	}
	return "", fmt.Errorf("no source with a write key in %s: add sources/import.yml with kind: import", c.Project)
}
