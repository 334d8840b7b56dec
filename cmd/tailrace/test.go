package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

func testCommand(c *config) *cobra.Command {
	var selection selection
	var junit string
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the project's unit tests: given these rows, who is in?",
		Long: `Runs tests/*.yml on an embedded ClickHouse of its own: no server, no data folder and no network is touched. A selector
names tests, or files whose tests run. Exits 1 when a test fails or can't run.`,
		Example: "  tailrace test\n  tailrace test --select lapsed_big_spenders\n  tailrace test --select tag:retention --junit report.xml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, found := project.Load(c.Project, os.LookupEnv)
			if bad := found.Errors(); len(bad) > 0 {
				return project.Invalid{Diagnostics: bad}
			}
			tests, err := p.SelectTests(selection.chosen, selection.exclude)
			if err != nil {
				return err
			}
			began := time.Now()
			results, err := c.runTests(cmd.Context(), p, tests)
			if err != nil {
				return err
			}
			if junit != "" {
				if err := writeJUnit(junit, results); err != nil {
					return err
				}
			}
			if c.JSON {
				if err := printJSON(cmd.OutOrStdout(), results); err != nil {
					return err
				}
			} else {
				printTests(cmd.OutOrStdout(), results, time.Since(began))
			}
			for _, r := range results {
				if r.Status != audiences.UnitPassed {
					return exitError{code: 1}
				}
			}
			return nil
		},
	}
	selection.bind(cmd)
	cmd.Flags().StringVar(&junit, "junit", "", "also write the results to this file as JUnit XML, for CI")
	return cmd
}

// runTests runs tests on an engine in a temporary folder.
func (c *config) runTests(ctx context.Context, p *project.Project, tests []*project.UnitTest) (_ []audiences.UnitResult, err error) {
	results := []audiences.UnitResult{}
	if len(tests) == 0 {
		return results, nil
	}
	log, err := c.logger()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tailrace-unit-tests-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the tests' engine: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// Nothing here outlives the command, so nothing is synced to disk.
	database := p.Config.Warehouse.Database
	db, err := warehouse.Open(ctx, warehouse.Options{DSN: "embedded://" + dir + "?fsync_metadata=0", Database: database, Log: log})
	if err != nil {
		return nil, fmt.Errorf("opening an engine for the tests: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Migrate(ctx); err != nil {
		return nil, fmt.Errorf("making the tables for the tests: %w", err)
	}
	units, err := audiences.NewUnits(ctx, db, p, log)
	if err != nil {
		return nil, err
	}
	for _, t := range tests {
		r, err := units.Run(ctx, t)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}
