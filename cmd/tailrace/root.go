package main

import (
	"github.com/spf13/cobra"
)

// newRoot is the command line. Each command is a file of its own.
func newRoot() *cobra.Command {
	c := &config{}
	root := &cobra.Command{
		Use:   "tailrace",
		Short: "Warehouse-first reverse ETL: audiences as SQL, syncs that send only the difference",
		Long: `Tailrace loads events into ClickHouse, decides with SQL files who belongs where, and sends only the difference to
your ad, email and CRM tools.

  tailrace init shop && cd shop    a project that works
  tailrace serve                   collector, API, scheduler and workers in one process
  tailrace plan                    what would change where, without touching anything

Commands talk to the server given by --server, else to the one that serves the data folder, else they open the data
folder themselves.`,
		Version:           version,
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return c.settle() },
	}
	c.bind(root)
	root.AddGroup(&cobra.Group{ID: "start", Title: "Start:"}, &cobra.Group{ID: "work", Title: "Work:"}, &cobra.Group{ID: "data", Title: "Data:"}, &cobra.Group{ID: "operate", Title: "Operate:"})
	for group, commands := range map[string][]*cobra.Command{
		"start":   {initCommand(c), demoCommand(c), serveCommand(c)},
		"work":    {validateCommand(c), testCommand(c), planCommand(c), syncCommand(c), syncsCommand(c), runsCommand(c), runCommand(c), audiencesCommand(c), traitsCommand(c), externalCommand(c), exposuresCommand(c)},
		"data":    {queryCommand(c), importCommand(c), suppressCommand(c), consentCommand(c), eraseCommand(c), exportPersonCommand(c)},
		"operate": {warehouseCommand(c), migrateCommand(c), tokensCommand(c), auditCommand(c), doctorCommand(c), schemaCommand(), referenceCommand()},
	} {
		for _, command := range commands {
			command.GroupID = group
			root.AddCommand(command)
		}
	}
	return root
}
