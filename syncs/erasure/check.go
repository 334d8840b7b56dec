package erasure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/warehouse"
)

// partsPlace is the check of parts that the engine has put aside and is about to delete.
const partsPlace = "parts to be deleted"

// look scans every column of every table of ours that can hold a text, the files of the data folder, and what the engine
// is about to delete, as the caller counted it, and writes down what it found of the values. The sum is without such parts.
func (e *Engine) look(ctx context.Context, erasureID string, in set, values map[string]bool, old uint64) (found uint64, err error) {
	checks, err := e.lookAtTables(ctx, in)
	if err != nil {
		return 0, err
	}
	checks = append(checks, PlaceCheck{Place: partsPlace, LookedAt: uint64(len(checks)), Found: old})
	files, err := e.lookAtFiles(ctx, values)
	if err != nil {
		return 0, err
	}
	checks = append(checks, files...)
	for _, c := range checks {
		if c.Place != partsPlace {
			found += c.Found
		}
	}
	return found, e.record(ctx, erasureID, checks)
}

func (e *Engine) record(ctx context.Context, erasureID string, checks []PlaceCheck) error {
	rows := make([][]any, len(checks))
	for i, c := range checks {
		rows[i] = []any{erasureID, c.Place, c.LookedAt, c.Found, e.now()}
	}
	if err := e.db.Insert(ctx, e.table("erasure_checks"), []string{"erasure_id", "place", "looked_at", "found", "at"}, rows, warehouse.InsertOptions{}); err != nil {
		return fmt.Errorf("recording a check: %w", err)
	}
	return nil
}

func (e *Engine) lookAtTables(ctx context.Context, in set) ([]PlaceCheck, error) {
	tables, err := e.tables(ctx)
	if err != nil {
		return nil, err
	}
	var checks []PlaceCheck
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		var names, counts []string
		for _, c := range tables[table] {
			if has := c.has(in); has != "" {
				names, counts = append(names, c.Name), append(counts, "countIf("+has+")")
			}
		}
		if len(names) == 0 {
			continue
		}
		var got struct {
			Rows  uint64   `ch:"rows"`
			Found []uint64 `ch:"found"`
		}
		// Rows that a mask hides are still there.
		err := e.db.Get(ctx, &got, "SELECT count() AS rows, ["+strings.Join(counts, ", ")+"] AS found FROM "+e.table(table), warehouse.Settings{"apply_deleted_mask": 0})
		if errors.Is(err, warehouse.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking through %s: %w", table, err)
		}
		for i, name := range names {
			checks = append(checks, PlaceCheck{Place: table + "." + name, LookedAt: got.Rows, Found: got.Found[i]})
		}
	}
	return checks, nil
}

// values are the marked values of an erasure that isn't over.
func (e *Engine) values(ctx context.Context, erasureID string) (map[string]bool, error) {
	var list []string
	if err := e.db.Select(ctx, &list, "SELECT DISTINCT lowerUTF8(value) FROM "+e.table("erasure_subjects")+" WHERE erasure_id = ? AND marked AND kind != 'hash'", erasureID); err != nil {
		return nil, fmt.Errorf("reading who is erased: %w", err)
	}
	out := map[string]bool{}
	for _, v := range list {
		out[v] = true
	}
	return out, nil
}

// Verify looks again, also after an erasure is over: the caller says who it was, since nothing here knows any more.
// What it finds is recorded with the erasure. Errors: ErrNotFound, *IdentifierError.
func (e *Engine) Verify(ctx context.Context, erasureID string, ids []Identifier) ([]PlaceCheck, error) {
	x, err := e.Get(ctx, erasureID)
	if err != nil {
		return nil, err
	}
	if err := check(ids); err != nil {
		return nil, err
	}
	subjects, err := e.borrow(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("finding who was erased: %w", err)
	}
	defer e.giveBack(ctx, subjects)
	values, err := e.values(ctx, subjects)
	if err != nil {
		return nil, err
	}
	rewritten := x.At.Add(-clocksApart)
	if x.State == Done {
		rewritten = time.Unix(0, 0) // all parts from before had gone by then; those put aside since were rewritten
	}
	old, err := e.oldParts(ctx, rewritten)
	if err != nil {
		return nil, err
	}
	if _, err := e.look(ctx, erasureID, e.subjectsOf(subjects), values, old); err != nil {
		return nil, err
	}
	return e.Checks(ctx, erasureID)
}

// borrow writes down who people are for the time of one look, and returns the id under which.
func (e *Engine) borrow(ctx context.Context, ids []Identifier) (string, error) {
	id := uuid.Must(uuid.NewV7()).String()
	return id, e.findSubjects(ctx, id, ids)
}

// giveBack forgets them; Sweep does where a process died before.
func (e *Engine) giveBack(ctx context.Context, id string) {
	if err := e.forget(context.WithoutCancel(ctx), id); err != nil {
		e.o.Log.Warn("who was looked for is forgotten later", "error", err)
	}
}

// Sweep forgets the people of looks, exports and requests that died an hour ago or earlier.
func (e *Engine) Sweep(ctx context.Context) error {
	var ids []string
	err := e.db.Select(ctx, &ids, "SELECT DISTINCT erasure_id FROM "+e.table("erasure_subjects")+" WHERE erasure_id NOT IN (SELECT erasure_id FROM "+
		e.table("erasures")+" GROUP BY erasure_id HAVING argMax(state, seq) IN ('requested', 'removing', 'erasing', 'verifying'))")
	if err != nil {
		return fmt.Errorf("looking for people to be forgotten: %w", err)
	}
	for _, id := range ids {
		parsed, err := uuid.Parse(id)
		if err != nil {
			continue
		}
		sec, nsec := parsed.Time().UnixTime()
		if e.now().Sub(time.Unix(sec, nsec)) < time.Hour {
			continue
		}
		if err := e.forget(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
