package audiences

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// abandonedAfter is when a version without an end counts as lost.
const abandonedAfter = 24 * time.Hour

// Clean drops the rows of versions that nobody can reach: superseded an hour
// ago, discarded, failed, or left by a worker that died; then tables without
// rows. It returns how many partitions it dropped. Run it every few minutes.
func (a *Audiences) Clean(ctx context.Context) (int, error) {
	var parts []struct {
		Table     string    `ch:"table"`
		Partition string    `ch:"partition"`
		Modified  time.Time `ch:"modified"`
	}
	sql := "SELECT table, partition, max(modification_time) AS modified FROM system.parts" +
		" WHERE database = ? AND active AND (startsWith(table, 'm_trait_') OR startsWith(table, 'm_audience_')) GROUP BY table, partition"
	if err := a.db.Select(ctx, &parts, sql, a.db.Database()); err != nil {
		return 0, fmt.Errorf("listing the partitions of results: %w", err)
	}
	versions, err := a.records(ctx, a.newestWhere("l.state = 'published' OR (l.table_name, l.version) IN (SELECT table, toUInt64OrZero(partition)"+
		" FROM system.parts WHERE database = ? AND active)"), a.db.Database())
	if err != nil {
		return 0, err
	}
	kept := a.keep(versions)
	dropped := 0
	for _, part := range parts {
		version, err := strconv.ParseUint(part.Partition, 10, 64)
		if err != nil {
			return dropped, fmt.Errorf("table %s has partition %q, which is no version", part.Table, part.Partition)
		}
		state, known := kept[partitionKey{part.Table, version}]
		if state || (!known && a.now().Sub(part.Modified) < abandonedAfter) {
			continue
		}
		if err := a.db.Exec(ctx, "ALTER TABLE "+a.table(part.Table)+" DROP PARTITION "+strconv.FormatUint(version, 10)); err != nil {
			return dropped, fmt.Errorf("dropping version %d of %s: %w", version, part.Table, err)
		}
		dropped++
	}
	if err := a.dropLeftOver(ctx); err != nil {
		return dropped, err
	}
	return dropped, a.dropEmptyTables(ctx)
}

// dropLeftOver drops tables of profiles to compute anew whose worker died.
func (a *Audiences) dropLeftOver(ctx context.Context) error {
	var names []string
	sql := "SELECT name FROM system.tables WHERE database = ? AND startsWith(name, ?) AND metadata_modification_time < now() - INTERVAL 1 DAY"
	if err := a.db.Select(ctx, &names, sql, a.db.Database(), affectedPrefix); err != nil {
		return fmt.Errorf("listing left-over tables: %w", err)
	}
	for _, name := range names {
		if err := a.db.Exec(ctx, "DROP TABLE IF EXISTS "+a.table(name)+" SYNC"); err != nil {
			return fmt.Errorf("dropping the left-over table %s: %w", name, err)
		}
	}
	return nil
}

type partitionKey struct {
	table   string
	version uint64
}

// keep tells of each known version whether its rows must stay.
func (a *Audiences) keep(versions []Materialization) map[partitionKey]bool {
	highest := map[string]uint64{}
	for _, m := range versions {
		if m.State == StatePublished {
			id := string(m.Kind) + ":" + m.Name
			highest[id] = max(highest[id], m.Version)
		}
	}
	kept := map[partitionKey]bool{}
	for _, m := range versions {
		over := m.State.Over() && a.now().Sub(m.UpdatedAt) > a.limits.KeepFor
		if m.State == StatePublished {
			// What was superseded stays for as long as a reader may still be at it.
			over = m.Version < highest[string(m.Kind)+":"+m.Name] && a.supersededLongAgo(versions, m)
		}
		if m.State.Running() {
			over = a.now().Sub(m.UpdatedAt) > abandonedAfter && m.State != StateChecked && m.State != StateComputed
		}
		// A renamed file's versions are known under both names.
		at := partitionKey{m.Table, m.Version}
		kept[at] = kept[at] || !over
	}
	return kept
}

func (a *Audiences) supersededLongAgo(versions []Materialization, m Materialization) bool {
	for _, next := range versions {
		if next.Kind == m.Kind && next.Name == m.Name && next.Version > m.Version && next.State == StatePublished &&
			a.now().Sub(next.UpdatedAt) > a.limits.KeepFor {
			return true
		}
	}
	return false
}

// dropEmptyTables drops result tables without rows that no published version,
// and no recent one, is in: those of former shapes and of files that are gone.
func (a *Audiences) dropEmptyTables(ctx context.Context) error {
	var names []string
	sql, err := a.statement("empty_tables", nil)
	if err != nil {
		return err
	}
	if err := a.db.Select(ctx, &names, sql, warehouse.P{"database": a.db.Database()}); err != nil {
		return fmt.Errorf("listing empty result tables: %w", err)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "m_") {
			continue
		}
		if err := a.db.Exec(ctx, "DROP TABLE IF EXISTS "+a.table(name)+" SYNC"); err != nil {
			return fmt.Errorf("dropping the empty table %s: %w", name, err)
		}
	}
	return nil
}
