package syncs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/warehouse"
)

// TriggerAdopt is the trigger of a run that sends nothing: it takes what the
// destination holds already as what was applied.
const TriggerAdopt = "adopt"

// AdoptedMember is one thing that a destination holds, as a person or a list says.
type AdoptedMember struct {
	// Key is the selection's, where it is known.
	Key string `json:"key,omitempty"`
	// IDs are identifiers by the names of the sync's match, in clear.
	IDs map[string]string `json:"identifiers,omitempty"`
	// Fields are what the destination holds, by the names of the sync's fields.
	// One that isn't there is taken to be as the selection has it.
	Fields map[string]string `json:"fields,omitempty"`
	// Ref is the vendor's id.
	Ref string `json:"ref,omitempty"`
}

// Adopting says what is adopted, in as many calls as it takes.
type Adopting struct {
	Adoption string          // of the call before; "" begins one
	Members  []AdoptedMember // ignored with List
	More     bool            // keep these, more come
	List     bool            // ask the destination who is there
	Replace  bool            // of a sync that has run: what the ledger knows is replaced
	DryRun   bool
	Actor    string
}

// Adoption is what an adoption found.
type Adoption struct {
	ID         string `json:"adoption" doc:"To be given with the next part"`
	RunID      string `json:"run_id,omitempty"`
	DryRun     bool   `json:"dry_run"`
	Listed     uint64 `json:"listed" doc:"Members that were given or listed"`
	Matched    uint64 `json:"matched" doc:"Known to the selection"`
	Strangers  uint64 `json:"strangers" doc:"Unknown to it; a sync that removes takes them out with its next run, which is held"`
	Duplicates uint64 `json:"duplicates"`
	Invalid    uint64 `json:"invalid" doc:"With nothing to know them by"`
	Dropped    uint64 `json:"dropped" doc:"With replace: held after the ledger, and not listed"`
}

// AdoptError is an adoption that can't be, with what to do instead.
type AdoptError struct{ Words, Next string }

// Error implements error.
func (a *AdoptError) Error() string { return a.Words }

var adoptionID = regexp.MustCompile(`^[0-9a-f]{32}$`)

const adoptChunk = 5000

// Adopt takes what a destination holds as the state of a sync, so that leaving
// another tool is no full resend, removals work, and a restored ledger catches
// up. Members are matched to the selection by key or by any identifier; those
// unknown to it get keys of their own. Nothing is sent. Errors: ErrNotFound,
// *AdoptError, *OpenRunError (a held run too).
func (e *Engine) Adopt(ctx context.Context, syncName string, o Adopting) (Adoption, error) {
	a, err := e.adopt(ctx, syncName, o)
	if err != nil {
		return a, fmt.Errorf("adopting what sync %s finds: %w", syncName, err)
	}
	return a, nil
}

func (e *Engine) adopt(ctx context.Context, syncName string, o Adopting) (a Adoption, err error) {
	a = Adoption{ID: o.Adoption, DryRun: o.DryRun}
	if a.ID == "" {
		a.ID = strings.ReplaceAll(uuid.Must(uuid.NewV7()).String(), "-", "")
	}
	if !adoptionID.MatchString(a.ID) {
		return a, &AdoptError{"the adoption isn't one that was begun here", "Leave it out to begin one."}
	}
	def, err := e.definition(ctx, syncName)
	if err != nil {
		return a, err
	}
	j, err := e.resolve(ctx, &Run{SyncID: def.SyncID, Trigger: TriggerAdopt})
	if err != nil {
		return a, err
	}
	if j.sync.Forwards() {
		return a, &AdoptError{"a sync in mode append holds nothing that could be adopted", "since: in its file says where it begins."}
	}
	last, err := e.lastFinished(ctx, def.SyncID)
	if err != nil {
		return a, err
	}
	if last > 0 && !o.Replace {
		return a, &AdoptError{"the sync has run, so the ledger knows already what the destination holds", "Replace that on purpose: --replace."}
	}
	staged := e.table("adopt_" + a.ID)
	if err := e.db.Exec(ctx, "CREATE TABLE IF NOT EXISTS "+staged+" (n UInt64, key String, ids Map(String, String), fields Map(String, String), ref String) ENGINE = MergeTree ORDER BY n"); err != nil {
		return a, fmt.Errorf("making the adoption's table: %w", err)
	}
	if !o.More {
		defer func() {
			if dropErr := e.db.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+staged+" SYNC"); dropErr != nil {
				e.o.Log.Warn("an adoption's table is left over", "adoption", a.ID, "error", dropErr)
			}
		}()
	}
	if err := e.stage(ctx, j, a.ID, o); err != nil {
		return a, err
	}
	if err := e.db.Get(ctx, &a.Listed, "SELECT count() FROM "+staged); err != nil || o.More {
		return a, err
	}
	return a, e.adoptStaged(ctx, j, &a, o)
}

// stage keeps members until all are there.
func (e *Engine) stage(ctx context.Context, j *job, id string, o Adopting) error {
	var n uint64
	if err := e.db.Get(ctx, &n, "SELECT count() FROM "+e.table("adopt_"+id)); err != nil {
		return err
	}
	var block [][]any
	flush := func() error {
		if len(block) == 0 {
			return nil
		}
		err := e.insert(ctx, "adopt_"+id, []string{"n", "key", "ids", "fields", "ref"}, block, fmt.Sprintf("adopt:%s:%d", id, n))
		block = block[:0]
		return err
	}
	add := func(m AdoptedMember) error {
		n++
		ids, fields := m.IDs, m.Fields
		if ids == nil {
			ids = map[string]string{}
		}
		if fields == nil {
			fields = map[string]string{}
		}
		block = append(block, []any{n, m.Key, ids, fields, m.Ref})
		if len(block) < adoptChunk {
			return nil
		}
		return flush()
	}
	if !o.List {
		for _, m := range o.Members {
			if err := e.checkMember(j, m); err != nil {
				return err
			}
			if err := add(m); err != nil {
				return err
			}
		}
		return flush()
	}
	err := j.dst.List(ctx, j.sync.Object, j.sync.Target, func(listed connectors.Member) error {
		m := AdoptedMember{IDs: listed.IDs, Ref: listed.Ref, Fields: map[string]string{}}
		for name, v := range listed.Fields {
			m.Fields[name] = plainText(v)
		}
		if err := e.checkMember(j, m); err != nil {
			return err
		}
		return add(m)
	})
	if errors.Is(err, connectors.ErrUnsupported) {
		return &AdoptError{fmt.Sprintf("%s of destination %s can't be listed", j.object.Name, j.sync.Destination), "Export them there and adopt the file: --from members.csv."}
	}
	if err != nil {
		return err
	}
	return flush()
}

// checkMember refuses one that no identifier of the sync can name.
func (e *Engine) checkMember(j *job, m AdoptedMember) error {
	if m.Key != "" {
		return nil
	}
	var has []string
	for name := range m.IDs {
		if _, ok := j.sync.Match[name]; ok {
			return nil
		}
		has = append(has, name)
	}
	return &AdoptError{fmt.Sprintf("the members are known by %s, and the sync matches by %s", strings.Join(has, ", "), strings.Join(j.matchNames(), ", ")),
		"Adopt a file with one of these, or with the key."}
}

// plainText is a value's text: a string's own, ” for null, else its JSON.
func plainText(v connectors.Value) string {
	var text string
	switch {
	case string(v) == "null":
		return ""
	case json.Unmarshal([]byte(v), &text) == nil:
		return text
	}
	return string(v)
}

// adoptStaged matches and takes what is staged, as a run of its own.
func (e *Engine) adoptStaged(ctx context.Context, j *job, a *Adoption, o Adopting) (err error) {
	if err := e.audit(ctx, o.Actor, "sync.adopt", j.def.SyncID, fmt.Sprintf("%s: %d members, replace %t, dry run %t", j.def.Name, a.Listed, o.Replace, o.DryRun)); err != nil {
		return err
	}
	a.RunID = uuid.Must(uuid.NewV7()).String()
	defer e.tests.set(a.RunID, TestRows{})() // this process does it, nobody else
	r, err := e.start(ctx, j.def.Name, StartOptions{Trigger: TriggerAdopt, Actor: o.Actor, DryRun: o.DryRun, RunID: a.RunID})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && !r.Over() {
			err = errors.Join(err, e.move(context.WithoutCancel(ctx), r, Failed, func(next *Run) { next.Error = err.Error() }))
		}
	}()
	planID := uuid.Must(uuid.NewV7()).String()
	if err := e.move(ctx, r, Planning, func(next *Run) { next.PlanID = planID }); err != nil {
		return err
	}
	j.run = r
	snap, err := e.takeSnapshot(ctx, j)
	if err != nil {
		return err
	}
	matched := e.table("adopt_" + strings.ReplaceAll(planID, "-", ""))
	if err := e.db.Exec(ctx, "CREATE TABLE "+matched+" (kind LowCardinality(String), key String, ids String, payload String, hash UInt128, ref String) ENGINE = MergeTree ORDER BY (kind, key)"); err != nil {
		return fmt.Errorf("making the adoption's table: %w", err)
	}
	defer func() {
		if dropErr := e.db.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+matched+" SYNC"); dropErr != nil {
			e.o.Log.Warn("an adoption's table is left over", "adoption", a.ID, "error", dropErr)
		}
	}()
	if err := e.matchMembers(ctx, j, a, snap, matched, o.Replace); err != nil {
		return err
	}
	counts := map[string]uint64{"folded": 1, "adopted": a.Matched, "strangers": a.Strangers, "dropped": a.Dropped}
	if !o.DryRun {
		err := e.through(ctx, "exec:adopt", func() error {
			return e.db.Exec(ctx, e.statement("adopt_fold", map[string]string{"matched": matched, "kinds": j.adopts()}), warehouse.P{"sync_id": j.def.SyncID,
				"run_no": r.No, "version": r.No<<32 | 1, "encoding": uint16(Encoding), "at": e.now(), "replace": o.Replace})
		})
		if err != nil {
			return fmt.Errorf("taking what is there as the state: %w", err)
		}
	}
	err = e.move(ctx, r, Planned, func(next *Run) {
		next.Counts, next.FullReason = counts, fmt.Sprintf("adopted %d of %d members, %d unknown to the selection", a.Matched, a.Listed, a.Strangers)
	})
	if err != nil || o.DryRun {
		return err
	}
	if err := e.move(ctx, r, Finishing, nil); err != nil {
		return err
	}
	return e.Finish(ctx, r.ID)
}

// adopts are the kinds of members that become state: what no run would ever take
// out is nobody's business.
func (j *job) adopts() string {
	if j.behaviour.removes {
		return "'matched', 'stranger'"
	}
	return "'matched'"
}

// matchMembers finds the members' rows in the selection and counts.
func (e *Engine) matchMembers(ctx context.Context, j *job, a *Adoption, snap *snapshot, matched string, replace bool) error {
	texts := map[string]string{}
	for name := range j.sync.Match {
		texts[name] = "a.ids[" + quote(name) + "]"
	}
	_, ids, _, err := j.idsSQL(texts)
	if err != nil {
		return err
	}
	err = e.db.Exec(ctx, e.statement("adopt_match", map[string]string{"staged": e.table("adopt_" + a.ID), "matched": matched, "ids": ids,
		"fold_p": j.foldSQL("p.2"), "fold_says": j.foldSQL("says[p.1]"), "fold_was": j.foldSQL("p.2"), "row_hash": rowHashSQL("key, ids, payload")}),
		warehouse.P{"sync_id": j.def.SyncID, "version": snap.version})
	if err != nil {
		return fmt.Errorf("matching members with the selection: %w", err)
	}
	var found []struct {
		Kind string `ch:"kind"`
		Rows uint64 `ch:"rows"`
	}
	if err := e.db.Select(ctx, &found, "SELECT toString(kind) AS kind, count() AS rows FROM "+matched+" GROUP BY kind"); err != nil {
		return fmt.Errorf("counting what was matched: %w", err)
	}
	for _, f := range found {
		*map[string]*uint64{"matched": &a.Matched, "stranger": &a.Strangers, "duplicate": &a.Duplicates, "invalid": &a.Invalid}[f.Kind] = f.Rows
	}
	if !replace {
		return nil
	}
	err = e.db.Get(ctx, &a.Dropped, "SELECT count() FROM "+e.table("sync_state")+" FINAL WHERE sync_id = ? AND applied_hash != 0 AND key NOT IN (SELECT key FROM "+
		matched+" WHERE kind IN ("+j.adopts()+"))", j.def.SyncID)
	if err != nil {
		return fmt.Errorf("counting what isn't listed: %w", err)
	}
	return nil
}

// afterAdoption reports whether the run that a plan was made after was an
// adoption: then its removals are of members whom the sync never sent.
func (e *Engine) afterAdoption(ctx context.Context, r *Run) (bool, error) {
	var n uint64
	err := e.db.Get(ctx, &n, "SELECT count() FROM "+e.table("sync_runs")+" WHERE sync_id = ? AND run_no = ? AND trigger = 'adopt'", r.SyncID, r.StateRunNo)
	if err != nil {
		return false, fmt.Errorf("asking whether the state was adopted: %w", err)
	}
	return n > 0, nil
}
