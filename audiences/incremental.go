package audiences

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// progressKey is where input_versions says how far an incremental version read.
const progressKey = "incremental"

// progress is how far an incremental version read, and when it was last computed
// in full. The next one reads on from there.
type progress struct {
	Loaded int64  `json:"loaded"` // newest loaded_at, in ms
	Until  int64  `json:"until"`  // events loaded later are read again: Loaded less the lookback
	Old    uint64 `json:"old"`    // events up to Until
	Recent uint64 `json:"recent"` // events between the two
	Merges uint64 `json:"merges"` // newest version of identity_merges
	Full   string `json:"full"`   // UTC day of the last full pass
	Print  string `json:"print"`  // of the file, its header's incremental, and the models between
}

// step is how a version is made of the one before.
type step struct {
	base     *Materialization
	affected string // table of the profiles that are computed anew, quoted
	profiles uint64 // how many
}

const fullDay = time.DateOnly

// progressOf is what a version says of itself; nil if it says nothing, or nothing readable: the next one is computed in full then.
func (a *Audiences) progressOf(m *Materialization) *progress {
	if m == nil || m.InputVersions[progressKey] == "" {
		return nil
	}
	var p progress
	if err := json.Unmarshal([]byte(m.InputVersions[progressKey]), &p); err != nil {
		a.log.Warn("how far an incremental version got can't be read; the next is computed in full", "name", m.Name, "version", m.Version, "error", err)
		return nil
	}
	return &p
}

// progress reads how far everything is, beside what is left of before.
func (a *Audiences) progress(ctx context.Context, p *project.Project, f *project.SQLFile, before *progress) (now progress, lost bool, err error) {
	var row struct {
		Newest    int64  `ch:"newest"`
		Old       uint64 `ch:"old"`
		Recent    uint64 `ch:"recent"`
		OldNow    uint64 `ch:"old_now"`
		RecentNow uint64 `ch:"recent_now"`
		Merges    uint64 `ch:"merges"`
	}
	if before == nil {
		before = &progress{}
	}
	sql, err := a.statement("progress", nil)
	if err != nil {
		return now, false, err
	}
	lookback := f.Header.Incremental.Lookback.Std().Milliseconds()
	if err := a.db.Get(ctx, &row, sql, warehouse.P{"lookback": lookback, "loaded": before.Loaded, "until": before.Until}); err != nil {
		return now, false, fmt.Errorf("looking at what is new for %s: %w", f.Name, err)
	}
	now = progress{Loaded: row.Newest, Until: row.Newest - lookback, Old: row.Old, Recent: row.Recent, Merges: row.Merges, Print: incrementalPrint(p, f)}
	return now, row.OldNow != before.Old || row.RecentNow < before.Recent, nil
}

// incrementalPrint changes whenever rows of another version can't be kept.
func incrementalPrint(p *project.Project, f *project.SQLFile) string {
	prints := []string{f.RowFingerprint(), fmt.Sprintf("%+v", *f.Header.Incremental)}
	_, models := reads(p, project.Node{Kind: f.Kind, Name: f.Name})
	for _, m := range models {
		prints = append(prints, m.Name, p.Model(m.Name).RowFingerprint())
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(prints, "\n"))))[:16]
}

// lastStep is the published version and how far its rows are known to be right:
// as far as the newest version that came out equal to it.
func (a *Audiences) lastStep(ctx context.Context, kind project.Kind, name string) (*Materialization, *progress, error) {
	base, err := a.published(ctx, kind, name)
	if err != nil || base == nil {
		return nil, nil, err
	}
	recent, err := a.newestVersions(ctx, kind, name)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range recent {
		if m.State == StateUnchanged && m.Version > base.Version {
			return base, a.progressOf(&m), nil
		}
	}
	return base, a.progressOf(base), nil
}

// increment decides whether a version is made of the one before, and prepares
// it. It returns nil for a full pass, which why explains. What it notes in m is
// read before anything else of the version is.
func (a *Audiences) increment(ctx context.Context, p *project.Project, f *project.SQLFile, m *Materialization, s *shape) (*step, error) {
	base, before, err := a.lastStep(ctx, f.Kind, f.Name)
	if err != nil {
		return nil, err
	}
	now, lost, err := a.progress(ctx, p, f, before)
	if err != nil {
		return nil, err
	}
	today := m.LogicalTime.UTC().Format(fullDay)
	why := ""
	switch {
	case base == nil:
		why = "first version"
	case before == nil || before.Print != now.Print || base.Table != s.tableName():
		why = "its files have changed"
	case before.Full < today:
		why = "nightly"
	case lost:
		why = "events were erased, or came later than the lookback"
	}
	now.Full = today
	var made *step
	if why == "" {
		now.Full = before.Full
		made, err = a.affected(ctx, f, base, *before, &now, m.LogicalTime, fmt.Sprintf("%s_%d", m.ID, m.Version))
		if err != nil {
			return nil, err
		}
		if made == nil {
			why, now.Full = "profiles went on being merged", today
		} else if many, err := a.tooMany(ctx, made.profiles); err != nil {
			return nil, err
		} else if many {
			a.dropAffected(ctx, made)
			why, now.Full, made = fmt.Sprintf("%d profiles have new events, more than pays", made.profiles), today, nil
		}
	}
	text, err := json.Marshal(now)
	if err != nil {
		return nil, fmt.Errorf("noting how far %s is: %w", f.Name, err)
	}
	m.InputVersions[progressKey] = string(text)
	if made == nil {
		m.addReason("full pass: %s", why)
		return nil, nil
	}
	m.addReason("incremental: %d profiles computed anew", made.profiles)
	return made, nil
}

// tooMany tells whether a full pass is the cheaper way: looking up the events
// of many profiles costs more than reading all in order. Measured over 300,000
// events, 1 % of the profiles took half of a full pass, 29 % three times as long.
func (a *Audiences) tooMany(ctx context.Context, profiles uint64) (bool, error) {
	const few, share = 1000, 20
	if profiles <= few {
		return false, nil
	}
	var all uint64
	if err := a.db.Get(ctx, &all, "SELECT uniq(profile_id) FROM "+a.table("identities")); err != nil {
		return false, fmt.Errorf("counting profiles: %w", err)
	}
	return profiles*share > all, nil
}

// affected writes the profiles that are to be computed anew into a table of its
// own, as of one state of merges; nil if that didn't come to rest.
func (a *Audiences) affected(ctx context.Context, f *project.SQLFile, base *Materialization, before progress, now *progress, at time.Time, id string) (*step, error) {
	table := a.table(affectedPrefix + strings.ReplaceAll(id, "-", ""))
	s := &step{base: base, affected: table}
	parts := map[string]string{"affected": table, "expired": ""}
	args := warehouse.P{"until": before.Until, "merges": before.Merges}
	if column := f.Header.Incremental.Expires; column != "" {
		parts["expired"] = fmt.Sprintf("UNION ALL SELECT toUUIDOrZero(key) FROM %s WHERE version = {base:UInt64} AND %s <= {at:DateTime64(3, 'UTC')}",
			a.table(base.Table), warehouse.QuoteIdentifier(column))
		args["base"], args["at"] = base.Version, at
	}
	var merges uint64
	for range 3 {
		if err := a.db.Exec(ctx, "CREATE OR REPLACE TABLE "+table+" (id UUID, profile_id UUID) ENGINE = MergeTree ORDER BY id"); err != nil {
			return nil, fmt.Errorf("making the table of profiles to compute anew: %w", err)
		}
		for _, name := range []string{"affected", "affected_merged"} {
			sql, err := a.statement(name, parts)
			if err != nil {
				return nil, err
			}
			if err := a.db.Exec(ctx, sql, args); err != nil {
				a.dropAffected(ctx, s)
				return nil, fmt.Errorf("finding the profiles of %s to compute anew: %w", f.Name, err)
			}
		}
		if err := a.db.Get(ctx, &merges, "SELECT max(version) FROM "+a.table("identity_merges")); err != nil {
			a.dropAffected(ctx, s)
			return nil, fmt.Errorf("looking for merges: %w", err)
		}
		if merges == now.Merges {
			err := a.db.Get(ctx, &s.profiles, "SELECT count() FROM "+table+" WHERE id = profile_id")
			return s, err
		}
		now.Merges = merges
	}
	a.dropAffected(ctx, s)
	return nil, nil
}

// affectedPrefix begins the names of tables of profiles to compute anew.
const affectedPrefix = "affected_"

// dropAffected drops the table of a step. One that stays behind is the janitor's.
func (a *Audiences) dropAffected(ctx context.Context, s *step) {
	if err := a.db.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+s.affected+" SYNC"); err != nil {
		a.log.WarnContext(ctx, "a table of profiles to compute anew is left over", "table", s.affected, "error", err)
	}
}

// carry copies the rows of the version before, but for those computed anew.
func (a *Audiences) carry(ctx context.Context, s *shape, version uint64, by *step) error {
	columns := []string{columnKey}
	for _, c := range s.stored {
		if c.Name != columnKey {
			columns = append(columns, warehouse.QuoteIdentifier(c.Name))
		}
	}
	sql, err := a.statement("carry_over", map[string]string{"table": a.table(s.tableName()), "columns": strings.Join(columns, ", "), "affected": by.affected})
	if err != nil {
		return err
	}
	if err := a.db.Exec(ctx, sql, warehouse.P{"version": version, "base": by.base.Version}); err != nil {
		return fmt.Errorf("carrying over what hasn't changed of %s: %w", s.file.Name, err)
	}
	return nil
}

// keptDrops are the rows without a key that a full pass would have dropped too:
// they are of the profile of nobody, and aren't computed again unless it has new events.
func (a *Audiences) keptDrops(ctx context.Context, by *step) (uint64, error) {
	var again bool
	err := a.db.Get(ctx, &again, "SELECT count() > 0 FROM "+by.affected+" WHERE id = toUUID('"+zeroUUID+"')")
	if err != nil || again {
		return 0, err
	}
	return by.base.DroppedKeys, nil
}

// fullPassDue tells whether the nightly full pass of an incremental file is due.
func (a *Audiences) fullPassDue(f *project.SQLFile, last *Materialization) bool {
	before := a.progressOf(last)
	return f.Header.Incremental != nil && before != nil && before.Full < a.now().UTC().Format(fullDay) &&
		!slices.Contains([]State{StateFailed, StateHeld}, last.State)
}
