package erasure

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// State is how far an erasure is.
type State string

// The states. A person must act where one ends in ManualActionRequired: its receipts and checks say on what.
const (
	Requested            State = "requested" // suppressed already
	Removing             State = "removing"  // destinations are told
	Erasing              State = "erasing"   // tables and files of ours
	Verifying            State = "verifying"
	Done                 State = "done"
	ManualActionRequired State = "manual_action_required"
	Failed               State = "failed"
)

// Over reports whether nothing more is done by itself.
func (s State) Over() bool { return s == Done || s == ManualActionRequired || s == Failed }

// Scan reads the table's word.
func (s *State) Scan(v any) error {
	switch text := v.(type) {
	case string:
		*s = State(text)
	case []byte:
		*s = State(text)
	default:
		return fmt.Errorf("reading an erasure's state: %T is no text", v)
	}
	return nil
}

// Erasure is one erasure as its newest transition tells it. It names nobody.
type Erasure struct {
	ID     string            `json:"id" ch:"erasure_id"`
	Seq    uint32            `json:"-" ch:"seq"`
	State  State             `json:"state" ch:"state" enum:"requested,removing,erasing,verifying,done,manual_action_required,failed"`
	At     time.Time         `json:"at" ch:"at" doc:"When it came into this state"`
	Actor  string            `json:"actor" ch:"actor"`
	Reason string            `json:"reason,omitempty" ch:"reason"`
	People uint64            `json:"people" ch:"people" doc:"Identifiers that were given"`
	Counts map[string]uint64 `json:"counts" ch:"counts" doc:"Rows erased, by table"`
	Error  string            `json:"error,omitempty" ch:"error"`
}

// RemovalReceipt is what came of an erasure at one destination. It names nobody.
type RemovalReceipt struct {
	ErasureID   string    `json:"-" ch:"erasure_id"`
	SyncID      string    `json:"sync_id" ch:"sync_id"`
	Sync        string    `json:"sync" ch:"sync"`
	Destination string    `json:"destination" ch:"destination"`
	Connector   string    `json:"connector" ch:"connector"`
	Object      string    `json:"object" ch:"object"`
	Action      string    `json:"action" ch:"action" enum:"erase,delete,remove_from_list,none"`
	Status      string    `json:"status" ch:"status" enum:"pending,accepted,manual_action_required"`
	Rows        uint64    `json:"rows" ch:"rows" doc:"People of the erasure there"`
	Tries       uint32    `json:"tries" ch:"tries"`
	RunID       string    `json:"run_id,omitempty" ch:"run_id"`
	Code        string    `json:"code,omitempty" ch:"code" doc:"The vendor's, of a row that wasn't accepted"`
	Words       string    `json:"words,omitempty" ch:"words" doc:"What a person has to do, or why"`
	At          time.Time `json:"at" ch:"at"`
	Version     uint64    `json:"-" ch:"version"`
}

// PlaceCheck is one look at one place for erased values.
type PlaceCheck struct {
	Place    string    `json:"place" ch:"place" doc:"table.column, a file, or parts that the engine is about to delete"`
	LookedAt uint64    `json:"looked_at" ch:"looked_at" doc:"Rows, or bytes of a file"`
	Found    uint64    `json:"found" ch:"found"`
	At       time.Time `json:"at" ch:"at"`
}

const columns = "erasure_id, seq, state, at, actor, reason, people, counts, error"

// Get reads one erasure. ErrNotFound.
func (e *Engine) Get(ctx context.Context, id string) (Erasure, error) {
	var found []Erasure
	if err := e.db.Select(ctx, &found, "SELECT "+columns+" FROM "+e.table("erasures")+" WHERE erasure_id = ? ORDER BY seq DESC LIMIT 1", id); err != nil {
		return Erasure{}, fmt.Errorf("reading erasure %s: %w", id, err)
	}
	if len(found) == 0 {
		return Erasure{}, fmt.Errorf("erasure %s: %w", id, ErrNotFound)
	}
	return found[0], nil
}

// Receipts are those of one erasure, by sync.
func (e *Engine) Receipts(ctx context.Context, id string) ([]RemovalReceipt, error) {
	found := []RemovalReceipt{}
	err := e.db.Select(ctx, &found, "SELECT erasure_id, sync_id, sync, destination, toString(connector) AS connector, object, toString(action) AS action, toString(status) AS status,"+
		" rows, tries, run_id, toString(code) AS code, words, at, version FROM "+e.table("erasure_receipts")+" AS r FINAL WHERE erasure_id = ? ORDER BY sync, sync_id", id)
	if err != nil {
		return nil, fmt.Errorf("reading the receipts of erasure %s: %w", id, err)
	}
	return found, nil
}

// Checks are the newest look at each place, those first where something was found.
func (e *Engine) Checks(ctx context.Context, id string) ([]PlaceCheck, error) {
	found := []PlaceCheck{}
	err := e.db.Select(ctx, &found, "SELECT place, argMax(c.looked_at, c.at) AS looked_at, argMax(c.found, c.at) AS found, max(c.at) AS at FROM "+e.table("erasure_checks")+
		" AS c WHERE erasure_id = ? GROUP BY place ORDER BY found = 0, place", id)
	if err != nil {
		return nil, fmt.Errorf("reading the checks of erasure %s: %w", id, err)
	}
	return found, nil
}

// move takes an erasure to a state. One that another process took further meanwhile stays where that is.
func (e *Engine) move(ctx context.Context, x *Erasure, to State, change func(*Erasure)) error {
	next := *x
	next.Counts = maps.Clone(x.Counts)
	next.Seq, next.State, next.At, next.Error = x.Seq+1, to, e.now(), ""
	if change != nil {
		change(&next)
	}
	if err := e.append(ctx, &next); err != nil {
		return fmt.Errorf("moving erasure %s to %s: %w", x.ID, to, err)
	}
	*x = next
	return nil
}

// append writes one transition. The token names its place: of two processes at the same step, one counts.
func (e *Engine) append(ctx context.Context, x *Erasure) error {
	return e.db.Insert(ctx, e.table("erasures"), []string{"erasure_id", "seq", "state", "at", "actor", "reason", "people", "counts", "error"},
		[][]any{{x.ID, x.Seq, string(x.State), x.At, x.Actor, x.Reason, x.People, x.Counts, x.Error}},
		warehouse.InsertOptions{Token: fmt.Sprintf("erasure:%s:%d", x.ID, x.Seq)})
}

func (e *Engine) writeReceipt(ctx context.Context, r RemovalReceipt) error {
	r.Version, r.At = r.Version+1, e.now()
	err := e.db.Insert(ctx, e.table("erasure_receipts"), []string{"erasure_id", "sync_id", "sync", "destination", "connector", "object", "action", "status",
		"rows", "tries", "run_id", "code", "words", "at", "version"},
		[][]any{{r.ErasureID, r.SyncID, r.Sync, r.Destination, r.Connector, r.Object, r.Action, r.Status, r.Rows, r.Tries, r.RunID, r.Code, r.Words, r.At, r.Version}},
		warehouse.InsertOptions{})
	if err != nil {
		return fmt.Errorf("writing a receipt of erasure %s: %w", r.ErasureID, err)
	}
	return nil
}
