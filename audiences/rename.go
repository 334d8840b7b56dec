package audiences

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// carryOver gives a renamed file the versions and the history of its former
// name: changes first, which nobody sees before their versions, then the
// published versions in one block. Repeating it is harmless.
func (a *Audiences) carryOver(ctx context.Context, f *project.SQLFile) error {
	from := f.Header.RenamedFrom
	if from == "" {
		return nil
	}
	var have struct {
		Own     uint64 `ch:"own"`     // versions that were made under the new name
		Missing uint64 `ch:"missing"` // versions of the former name that weren't carried over yet
	}
	args := warehouse.P{"kind": string(f.Kind), "from": from, "to": f.Name}
	sql, err := a.statement("rename_state", nil)
	if err != nil {
		return err
	}
	if err := a.db.Get(ctx, &have, sql, args); err != nil {
		return fmt.Errorf("looking for versions of %s: %w", f.Name, err)
	}
	if have.Own > 0 || have.Missing == 0 {
		return nil
	}
	steps := []string{"rename_versions"}
	if f.Kind == project.KindAudience {
		clear := "DELETE FROM " + a.table("audience_changes_raw") + " WHERE name = {to:String}"
		if err := a.db.Exec(ctx, clear, args); err != nil {
			return fmt.Errorf("clearing the history of %s: %w", f.Name, err)
		}
		steps = []string{"rename_changes", "rename_versions"}
	}
	for _, step := range steps {
		sql, err := a.statement(step, nil)
		if err != nil {
			return err
		}
		if err := a.db.Exec(ctx, sql, args); err != nil {
			return fmt.Errorf("carrying the history of %s over to %s: %w", from, f.Name, err)
		}
	}
	a.log.InfoContext(ctx, "carried history over to a renamed file", "kind", f.Kind, "from", from, "to", f.Name)
	return nil
}
