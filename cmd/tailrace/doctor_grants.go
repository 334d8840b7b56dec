package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// grantsReport is what `doctor --grants` found.
type grantsReport struct {
	SQL      string   `json:"sql"`
	Embedded bool     `json:"embedded"`
	Tried    int      `json:"tried"`
	Work     []string `json:"work"` // forbidden statements that work: none should
	As       string   `json:"as"`   // how they were tried: through the gate, or as the models user
}

// grants prints the GRANTs that a server needs and tries the forbidden statements.
func (c *config) grants(cmd *cobra.Command, models string) (err error) {
	p, _ := project.Load(c.Project, os.LookupEnv)
	r := grantsReport{SQL: warehouse.Grants(c.Database, p.Config.Warehouse.Read, c.Cluster), Work: []string{}, As: "the gate"}
	r.Embedded = models == "" && (c.Warehouse == "" || strings.HasPrefix(c.Warehouse, "embedded://"))
	if !r.Embedded || c.hasWarehouse() {
		if err := c.tryForbidden(cmd.Context(), models, &r); err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	if c.JSON {
		err = printJSON(out, r)
	} else {
		printGrants(out, r)
	}
	if len(r.Work) > 0 {
		return errors.Join(err, exitError{1, plural(len(r.Work), "forbidden statement") + " worked"})
	}
	return err
}

func (c *config) tryForbidden(ctx context.Context, models string, r *grantsReport) (err error) {
	log, err := c.logger()
	if err != nil {
		return err
	}
	dsn, err := c.warehouseDSN()
	if err != nil {
		return err
	}
	if models != "" {
		r.As = "the user of --models-dsn"
	}
	db, err := warehouse.Open(ctx, warehouse.Options{DSN: cmp.Or(models, dsn), Database: c.Database, Log: log})
	if err != nil {
		return fmt.Errorf("trying the forbidden statements: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var work []string
	r.Tried, work, err = db.TryForbidden(ctx, c.Database, models != "")
	r.Work = append(r.Work, work...)
	return err
}

func printGrants(w io.Writer, r grantsReport) {
	if r.Embedded {
		fmt.Fprintln(w, "-- The embedded engine has no users and no grants: the gate stands in for them. A server needs:")
	}
	fmt.Fprintln(w, r.SQL)
	fmt.Fprintf(w, "-- %d forbidden statements tried through %s, %d work\n", r.Tried, r.As, len(r.Work))
	for _, statement := range r.Work {
		fmt.Fprintln(w, "-- WORKS: "+statement)
	}
}
