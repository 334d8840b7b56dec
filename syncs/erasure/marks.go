package erasure

import (
	"context"
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/warehouse"
)

// Marks name people where a record must say of whom it is but not who they are: kind:hash, the first 64 bits of the keyed
// hash by which erased people stay suppressed. One mark for each identifier, in order.
func (e *Engine) Marks(ctx context.Context, ids []Identifier) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if err := e.secret(ctx); err != nil {
		return nil, fmt.Errorf("making marks of people: %w", err)
	}
	kinds, values := make([]string, len(ids)), make([]string, len(ids))
	for i, id := range ids {
		kinds[i], values[i] = id.Kind, id.Stored()
	}
	var marks []string
	err := e.db.Select(ctx, &marks, "SELECT arrayJoin(arrayMap((k, v) -> concat(k, ':', lower(substring(hex(SHA256(concat("+e.secretSQL()+
		", k, ':', v))), 1, 16))), {kinds:Array(String)}, {values:Array(String)}))", warehouse.P{"kinds": kinds, "values": values})
	if err != nil {
		return nil, fmt.Errorf("making marks of people: %w", err)
	}
	return marks, nil
}

// MarksOf are the marks of all identifiers that a person is known by here. Of somebody who was erased that is the one given.
// Errors: *IdentifierError.
func (e *Engine) MarksOf(ctx context.Context, id Identifier) ([]string, error) {
	if err := check([]Identifier{id}); err != nil {
		return nil, err
	}
	known, err := e.people(ctx, []Identifier{id})
	if err != nil {
		return nil, fmt.Errorf("finding what a person is called: %w", err)
	}
	var ids []Identifier
	for _, kind := range Kinds {
		for _, value := range known.values(kind) {
			ids = append(ids, Identifier{Kind: kind, Value: value})
		}
	}
	marks, err := e.Marks(ctx, ids)
	slices.Sort(marks)
	return slices.Compact(marks), err
}
