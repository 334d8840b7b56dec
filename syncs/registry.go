package syncs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// The statuses of a definition.
const (
	statusActive   = "active"
	statusMissing  = "missing"  // its file went away; nothing is sent until a person drains it
	statusReplaced = "replaced" // the file now means another account or list
)

// syncNamespace makes sync ids: opaque, yet the same whoever registers first.
var syncNamespace = uuid.MustParse("5f1b0c0e-7a1e-5a64-9d3c-7461696c7262")

// Definition is one sync as the ledger knows it.
type Definition struct {
	SyncID       string    `ch:"sync_id" json:"sync_id"`
	Name         string    `ch:"name" json:"name"`
	JSON         string    `ch:"definition" json:"-"`
	Hash         string    `ch:"definition_hash" json:"definition_hash"`
	Destination  string    `ch:"destination" json:"destination"`
	Identity     string    `ch:"identity" json:"identity"`
	Standin      bool      `ch:"standin" json:"standin"`
	Status       string    `ch:"status" json:"status"`
	Paused       bool      `ch:"paused" json:"paused"`
	PausedReason string    `ch:"paused_reason" json:"paused_reason,omitempty"`
	FirstSeenAt  time.Time `ch:"first_seen_at" json:"first_seen_at"`
	RecordedAt   time.Time `ch:"recorded_at" json:"recorded_at"`
	Actor        string    `ch:"actor" json:"actor"`
	Version      uint64    `ch:"version" json:"-"`
}

var definitionColumns = []string{"sync_id", "name", "definition", "definition_hash", "destination", "identity", "standin",
	"status", "paused", "paused_reason", "first_seen_at", "recorded_at", "actor", "version"}

// Definitions are all syncs that the ledger knows.
func (e *Engine) Definitions(ctx context.Context) ([]Definition, error) {
	var all []Definition
	err := e.db.Select(ctx, &all, "SELECT "+joinColumns(definitionColumns)+" FROM "+e.table("sync_definitions")+" FINAL ORDER BY name, sync_id")
	if err != nil {
		return nil, fmt.Errorf("reading the syncs' definitions: %w", err)
	}
	return all, nil
}

// definition finds the active sync of a name.
func (e *Engine) definition(ctx context.Context, name string) (*Definition, error) {
	var d Definition
	err := e.db.Get(ctx, &d, "SELECT "+joinColumns(definitionColumns)+" FROM "+e.table("sync_definitions")+
		" FINAL WHERE name = ? AND status != 'replaced' ORDER BY status LIMIT 1", name)
	if errors.Is(err, warehouse.ErrNoRows) {
		return nil, fmt.Errorf("sync %s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("reading sync %s: %w", name, err)
	}
	return &d, nil
}

func (e *Engine) definitionByID(ctx context.Context, syncID string) (*Definition, error) {
	var d Definition
	err := e.db.Get(ctx, &d, "SELECT "+joinColumns(definitionColumns)+" FROM "+e.table("sync_definitions")+" FINAL WHERE sync_id = ?", syncID)
	if errors.Is(err, warehouse.ErrNoRows) {
		return nil, fmt.Errorf("sync %s: %w", syncID, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("reading sync %s: %w", syncID, err)
	}
	return &d, nil
}

// Reconcile registers the current project's syncs: new files get an id, a
// renamed one keeps it, another account or list is another sync, and a file
// that is gone is marked missing. Nothing is sent.
func (e *Engine) Reconcile(ctx context.Context) error {
	p := e.o.Project()
	known, err := e.Definitions(ctx)
	if err != nil {
		return err
	}
	byName := map[string]*Definition{}
	taken := map[string]bool{}
	for i := range known {
		taken[known[i].SyncID] = true
		if known[i].Status != statusReplaced {
			byName[known[i].Name] = &known[i]
		}
	}
	var errs []error
	for _, s := range p.Syncs {
		old := byName[s.Name]
		if old == nil && s.RenamedFrom != "" && p.Sync(s.RenamedFrom) == nil {
			old = byName[s.RenamedFrom]
		}
		if old != nil {
			delete(byName, old.Name)
		}
		errs = append(errs, e.register(ctx, p, s, old, taken))
	}
	for _, gone := range byName {
		if gone.Status == statusActive {
			gone.Status = statusMissing
			errs = append(errs, e.record(ctx, *gone))
		}
	}
	return errors.Join(errs...)
}

func (e *Engine) register(ctx context.Context, p *project.Project, s *project.Sync, old *Definition, taken map[string]bool) error {
	text, hash, err := describe(p, s)
	if err != nil {
		return fmt.Errorf("registering sync %s: %w", s.Name, err)
	}
	dst := p.Destination(s.Destination)
	if dst == nil {
		return fmt.Errorf("registering sync %s: destination %s isn't in the project", s.Name, s.Destination)
	}
	identity, standin := identityOf(dst, s)
	next := Definition{Name: s.Name, JSON: text, Hash: hash, Destination: s.Destination, Identity: identity, Standin: standin,
		Status: statusActive, FirstSeenAt: e.now(), Actor: "project"}
	if old != nil && old.Identity != identity {
		replaced := *old
		replaced.Status = statusReplaced
		if err := e.record(ctx, replaced); err != nil {
			return err
		}
		old = nil
	}
	if old != nil {
		next.SyncID, next.FirstSeenAt, next.Paused, next.PausedReason, next.Version = old.SyncID, old.FirstSeenAt, old.Paused, old.PausedReason, old.Version
		if old.Name == next.Name && old.Hash == hash && old.Status == statusActive && old.Destination == next.Destination {
			return nil
		}
		return e.record(ctx, next)
	}
	for n := 0; ; n++ {
		next.SyncID = uuid.NewSHA1(syncNamespace, fmt.Appendf(nil, "%s\x00%s\x00%d", s.Name, identity, n)).String()
		if !taken[next.SyncID] {
			taken[next.SyncID] = true
			return e.record(ctx, next)
		}
	}
}

// record appends a definition's next version.
func (e *Engine) record(ctx context.Context, d Definition) error {
	d.Version++
	d.RecordedAt = e.now()
	row := []any{d.SyncID, d.Name, d.JSON, d.Hash, d.Destination, d.Identity, d.Standin, d.Status, d.Paused, d.PausedReason, d.FirstSeenAt, d.RecordedAt, d.Actor, d.Version}
	sum := sha256.Sum256(fmt.Append(nil, row...))
	if err := e.insert(ctx, "sync_definitions", definitionColumns, [][]any{row}, "definition:"+hex.EncodeToString(sum[:])); err != nil {
		return fmt.Errorf("registering sync %s: %w", d.Name, err)
	}
	return nil
}

// describe gives a sync's text and the hash of all that decides what it sends.
func describe(p *project.Project, s *project.Sync) (text, hash string, err error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return "", "", err
	}
	kind, name := s.Reads()
	essence := map[string]any{"kind": kind, "name": name, "object": s.Object, "mode": s.Mode, "target": s.Target, "match": s.Match,
		"fields": s.Fields, "on_exit": s.OnExit, "purposes": p.Purposes(s), "encoding": Encoding}
	if s.Forwards() {
		essence["events"], essence["since"] = s.Events, s.Since
	}
	if f := sourceFile(p, s); f != nil && kind == project.KindModel {
		essence["sql"] = f.SQL
	}
	addExclusions(essence, p, s)
	rawEssence, err := json.Marshal(essence)
	if err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(rawEssence)
	return string(raw), hex.EncodeToString(sum[:16]), nil
}

// sourceFile is the file that a sync's rows come from.
func sourceFile(p *project.Project, s *project.Sync) *project.SQLFile {
	kind, name := s.Reads()
	f := p.SQL(name)
	if f == nil || f.Kind != kind {
		return nil
	}
	return f
}

// identityOf names whose data the state is about: connector, address, object
// and target, and whether it is a stand-in. The destination's file name and its
// credentials may change without being another place.
func identityOf(dst *project.Destination, s *project.Sync) (identity string, standin bool) {
	standin, _ = dst.Settings["sandbox"].(bool)
	address := dst.BaseURL
	if url, ok := dst.Settings["url"].(string); ok && address == "" {
		address = url
	}
	// An address may hold a secret, so only its hash is kept.
	if address != "" {
		sum := sha256.Sum256([]byte(strings.TrimRight(address, "/")))
		address = hex.EncodeToString(sum[:8])
	}
	parts := []string{dst.Connector, address, s.Object, s.Target}
	if standin {
		parts = append(parts, "standin")
	}
	return strings.Join(parts, "|"), standin
}
