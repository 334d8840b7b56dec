package project

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// External describes a table of another database: how a change of it is
// noticed, and what a sync that sends it as it is has to know. An entry with
// neither freshness nor poll counts as changed when dbt's hook says so.
type External struct {
	// Key is the column that names a row, for syncs that send the table as it is; the first column if it isn't written.
	Key string `yaml:"key" json:"key,omitempty"`
	// Freshness is a column whose highest value moves when rows come in.
	Freshness string `yaml:"freshness" json:"freshness,omitempty"`
	// Poll is how often the table counts as changed; with freshness, how often that column is looked at.
	Poll Duration `yaml:"poll" json:"poll,omitempty"`
	// Description for people.
	Description string `yaml:"description" json:"description,omitempty"`
	// Owner to ask about it.
	Owner string `yaml:"owner" json:"owner,omitempty"`
}

// minPoll is the shortest poll: a look costs a statement.
const minPoll = time.Second

var externalName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$`)

// engineDatabases are those of ClickHouse itself: they tell about every table and query of the server.
var engineDatabases = []string{"system", "information_schema", "INFORMATION_SCHEMA"}

// ExternalModel is the name of the model that stands for an external table
// which a sync sends as it is: analytics.customers is analytics__customers.
func ExternalModel(table string) string { return strings.ReplaceAll(table, ".", "__") }

// ExternalTables are the tables of other databases that the project reads, as
// database.table, sorted.
func (p *Project) ExternalTables() []string {
	var out []string
	if p.graph == nil {
		return out
	}
	for _, n := range p.graph.nodes {
		if n.Kind == KindExternal {
			out = append(out, n.Name)
		}
	}
	slices.Sort(out)
	return out
}

func (p *Project) ownDatabase() string {
	if p.Config.Warehouse.Database != "" {
		return p.Config.Warehouse.Database
	}
	return defaultDatabase
}

// mayRead reports whether warehouse.read lists the database of a table.
func (p *Project) mayRead(table string) bool {
	database, _, _ := strings.Cut(table, ".")
	return slices.Contains(p.Config.Warehouse.Read, database)
}

// checkExternal holds what tailrace.yml says about other databases against
// itself.
func (l *loader) checkExternal() {
	c := &l.p.Config
	own := l.p.ownDatabase()
	for i, database := range c.Warehouse.Read {
		at := c.Positions.At("warehouse", "read", strconv.Itoa(i))
		switch {
		case slices.Contains(engineDatabases, database):
			l.fail(CodeExternal, ConfigFile, at, "", "%s is ClickHouse's own: it tells about every table and query of the server, so a project can't read it", database)
		case database == own || database == own+"_project":
			l.fail(CodeExternal, ConfigFile, at, "name the public tables without a database", "%s is Tailrace's own database", database)
		}
	}
	for _, name := range sortedKeys(c.External) {
		at := c.Positions.Key("external", name)
		e := c.External[name]
		switch {
		case !externalName.MatchString(name):
			l.fail(CodeExternal, ConfigFile, at, "write database.table", "%s is no table of another database", name)
		case !l.p.mayRead(name):
			l.fail(CodeReadsExternal, ConfigFile, at, "list it under warehouse.read", "%s is of a database that the project may not read", name)
		}
		if e.Poll != 0 && e.Poll.Std() < minPoll {
			l.fail(CodeValue, ConfigFile, c.Positions.At("external", name, "poll"), "", "poll is at least %s", minPoll)
		}
	}
}

// externalModels adds a model for each external table that a sync sends as it
// is, so that it is a view with a key, like any other.
func (l *loader) externalModels() {
	for _, s := range l.p.Syncs {
		name := ExternalModel(s.External)
		if s.External == "" || !externalName.MatchString(s.External) || !l.p.mayRead(s.External) || l.p.Model(name) != nil {
			continue
		}
		database, table, _ := strings.Cut(s.External, ".")
		e, described := l.p.Config.External[s.External]
		at := s.Positions.At("external")
		f := &SQLFile{Origin: Origin{Name: name, Path: s.Path, Positions: newPositions()}, Kind: KindModel}
		if described {
			f.Path, at = ConfigFile, l.p.Config.Positions.Key("external", s.External)
			f.Positions.values["key"] = l.p.Config.Positions.At("external", s.External, "key")
		}
		f.Positions.values[""] = at
		f.Header = Header{Description: e.Description, Owner: e.Owner, Key: e.Key, Entity: "profile", Schedule: Schedule{Kind: OnChange}}
		if f.Header.Description == "" {
			f.Header.Description = "The table " + s.External + " as it is"
		}
		f.BodyLine = max(at.Line, 1)
		f.SQL = "SELECT * FROM " + s.External
		f.Refs = []Ref{{Database: database, Name: table, Position: at}}
		l.p.addSQL(f)
	}
}

// checkNoticed warns of external tables whose changes nothing tells.
func (l *loader) checkNoticed() {
	told := map[string]bool{}
	for _, f := range l.p.SQLFiles() {
		for _, r := range f.Refs {
			name := r.String()
			_, described := l.p.Config.External[name]
			if described || told[name] || !slices.Contains(l.p.graph.nodes, Node{KindExternal, name}) {
				continue
			}
			told[name] = true
			l.warn(CodeUnnoticed, f.Path, r.Position, "add it to external: in tailrace.yml, with freshness or poll, or as {} where dbt's hook tells",
				"nothing says when %s changes", name)
		}
	}
}

// checkExternalColumns holds external tables against what the warehouse knows
// of them; no columns mean that the table isn't there.
func (l *loader) checkExternalColumns(columns map[string][]ResultColumn) {
	c := &l.p.Config
	for _, name := range sortedKeys(c.External) {
		cols, asked := columns[name]
		if !asked {
			continue
		}
		if len(cols) == 0 {
			l.warn(CodeUnknownTable, ConfigFile, c.Positions.Key("external", name), "is it built yet, and may the warehouse's user read it?", "the warehouse shows no table %s", name)
			continue
		}
		known := columnNames(cols)
		check := func(key, column string) {
			if column != "" && !slices.Contains(known, column) {
				l.fail(CodeUnknownColumn, ConfigFile, c.Positions.At("external", name, key), "", "%s has no column %s%s", name, column, suggest(column, known))
			}
		}
		check("freshness", c.External[name].Freshness)
		if l.p.Model(ExternalModel(name)) == nil {
			check("key", c.External[name].Key)
		}
	}
}
