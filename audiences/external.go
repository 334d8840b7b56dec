package audiences

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// Build is one build of a table of another database, as another tool told it.
type Build struct {
	Table       string            `json:"table" ch:"table_name"` // database.table
	Node        string            `json:"node" ch:"node"`        // the tool's own name for it
	Description string            `json:"description,omitempty" ch:"description"`
	Columns     map[string]string `json:"columns,omitempty" ch:"columns"` // descriptions by column
	Build       string            `json:"build" ch:"build"`               // one id for all tables of one build
	BuiltAt     time.Time         `json:"built_at" ch:"built_at"`
	Actor       string            `json:"actor,omitempty" ch:"actor"`
	At          time.Time         `json:"at" ch:"at"` // when it was told
}

var buildColumns = []string{"table_name", "node", "description", "columns", "build", "built_at", "actor", "at"}

// RecordBuilds notes that tables were built anew, so that what reads them
// becomes due. Telling of the same build again changes nothing.
func (a *Audiences) RecordBuilds(ctx context.Context, builds []Build) error {
	if len(builds) == 0 {
		return nil
	}
	rows := make([][]any, len(builds))
	sum := sha256.New()
	for i, b := range builds {
		if b.Columns == nil {
			b.Columns = map[string]string{}
		}
		rows[i] = []any{b.Table, b.Node, b.Description, b.Columns, b.Build, b.BuiltAt.UTC(), b.Actor, a.clock()}
		fmt.Fprintf(sum, "%s\x00%s\x00", b.Table, b.Build)
	}
	token := "external_builds:" + hex.EncodeToString(sum.Sum(nil))
	if err := a.db.Insert(ctx, "external_builds", buildColumns, rows, warehouse.InsertOptions{Token: token}); err != nil {
		return fmt.Errorf("recording builds of external tables: %w", err)
	}
	return nil
}

// Builds are the newest build of each table that was told of, by table.
func (a *Audiences) Builds(ctx context.Context) (map[string]Build, error) {
	var all []Build
	err := a.db.Select(ctx, &all, "SELECT "+strings.Join(buildColumns, ", ")+" FROM "+a.table("external_builds")+
		" ORDER BY table_name, at DESC, build LIMIT 1 BY table_name")
	if err != nil {
		return nil, fmt.Errorf("reading the builds of external tables: %w", err)
	}
	out := map[string]Build{}
	for _, b := range all {
		out[b.Table] = b
	}
	return out, nil
}

// externalLook is what an external table was found to hold, and when.
type externalLook struct {
	mark string
	at   time.Time
}

// ExternalMarks tells, of each table of another database that the project
// reads, a text that differs when the table has changed: from its freshness
// column, the turn of its poll, and the last build that was told of. A table of
// which none is known isn't in it.
func (a *Audiences) ExternalMarks(ctx context.Context) (map[string]string, error) {
	p := a.project()
	if p == nil {
		return nil, nil
	}
	return a.externalMarks(ctx, p)
}

func (a *Audiences) externalMarks(ctx context.Context, p *project.Project) (map[string]string, error) {
	tables := p.ExternalTables()
	if len(tables) == 0 {
		return nil, nil
	}
	builds, err := a.Builds(ctx)
	if err != nil {
		return nil, err
	}
	marks := map[string]string{}
	for _, table := range tables {
		var parts []string
		e := p.Config.External[table]
		switch {
		case e.Freshness != "":
			mark, err := a.freshness(ctx, table, e)
			if err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				// Its readers keep what they have; the next look tries again.
				a.log.WarnContext(ctx, "reading the freshness of an external table", "table", table, "error", err)
				continue
			}
			parts = append(parts, mark)
		case e.Poll > 0:
			parts = append(parts, strconv.FormatInt(a.now().UnixMilli()/e.Poll.Std().Milliseconds(), 10))
		}
		if b, ok := builds[table]; ok {
			parts = append(parts, "build "+b.Build)
		}
		if len(parts) > 0 {
			marks[table] = strings.Join(parts, " ")
		}
	}
	return marks, nil
}

// minLook is for how long a look at a table holds, however many ask.
const minLook = 2 * time.Second

// freshness is the highest value of a table's freshness column and its number
// of rows, which tells deletions too. It is looked up once a poll.
func (a *Audiences) freshness(ctx context.Context, table string, e project.External) (string, error) {
	key := table + "." + e.Freshness
	a.looking.Lock()
	last, seen := a.looks[key]
	a.looking.Unlock()
	if seen && a.now().Sub(last.at) < max(e.Poll.Std(), minLook) {
		return last.mark, nil // older than the rows that are read next, so nothing is missed
	}
	sql := "SELECT concat(toString(max(" + warehouse.QuoteIdentifier(e.Freshness) + ")), ' ', toString(count())) FROM " + quoteExternal(table)
	var mark string
	if err := a.db.Get(ctx, &mark, sql, warehouse.LaneUser, warehouse.Settings{"readonly": 1, "max_execution_time": 60}); err != nil {
		return "", err
	}
	a.looking.Lock()
	defer a.looking.Unlock()
	a.looks[key] = externalLook{mark, a.now()}
	return mark, nil
}

func quoteExternal(table string) string {
	database, name, _ := strings.Cut(table, ".")
	return warehouse.QuoteIdentifier(database) + "." + warehouse.QuoteIdentifier(name)
}

// ExternalColumns are the columns of tables of other databases, by
// database.table; a table that isn't there has none.
func (a *Audiences) ExternalColumns(ctx context.Context, tables []string) (map[string][]project.ResultColumn, error) {
	out := map[string][]project.ResultColumn{}
	for _, name := range tables {
		out[name] = nil
	}
	if len(tables) == 0 {
		return out, nil
	}
	var rows []struct {
		Table string `ch:"full_name"`
		Name  string `ch:"name"`
		Type  string `ch:"type"`
	}
	sql := "SELECT concat(database, '.', table) AS full_name, name, type FROM system.columns WHERE has({names:Array(String)}, concat(database, '.', table)) ORDER BY full_name, position"
	if err := a.db.Select(ctx, &rows, sql, warehouse.P{"names": tables}); err != nil {
		return nil, fmt.Errorf("reading the columns of external tables: %w", err)
	}
	for _, r := range rows {
		out[r.Table] = append(out[r.Table], project.ResultColumn{Name: r.Name, Type: r.Type})
	}
	return out, nil
}
