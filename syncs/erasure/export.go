package erasure

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/tailrace/tailrace/warehouse"
)

// Export writes everything that is known of the people behind the identifiers: one JSON object a line, with the table
// that it stands in as "_table". It reads the places that an erasure erases, so what one shows the other reaches. Memory
// stays flat. Errors: *IdentifierError before anything was written.
func (e *Engine) Export(ctx context.Context, w io.Writer, ids []Identifier) error {
	if err := check(ids); err != nil {
		return err
	}
	subjects, err := e.borrow(ctx, ids)
	if err != nil {
		return fmt.Errorf("finding whose data it is: %w", err)
	}
	defer e.giveBack(ctx, subjects)
	if err := e.keepSent(ctx, subjects); err != nil {
		return fmt.Errorf("finding what destinations hold: %w", err)
	}
	in := e.subjectsOf(subjects)
	places, err := e.places(ctx, in, e.ledger(subjects))
	if err != nil {
		return err
	}
	for _, p := range places {
		// What persons of the house did isn't the person's own data; requests and snapshots repeat what the ledger says, and
		// hold others' data beside theirs.
		switch p.table {
		case "audit_log", "erasures", "sync_exchanges", "sync_snapshot_rows", "sync_runs", "sync_definitions", "materialization_log":
			continue
		}
		final := ""
		if strings.HasPrefix(p.table, "identit") || p.table == "consents" || p.table == "suppressions" || p.table == "sync_state" || p.table == "events_raw" {
			final = " FINAL"
		}
		if p.table == "identity_refusals" {
			final = ""
		}
		sql := "SELECT '" + p.table + "' AS _table, * FROM " + e.table(p.table) + final + " WHERE " + p.rows(in)
		if err := e.db.StreamFormat(ctx, w, sql, "JSONEachRow", warehouse.Settings{"output_format_json_quote_64bit_integers": 1}); err != nil {
			return fmt.Errorf("reading %s: %w", p.table, err)
		}
	}
	return nil
}
