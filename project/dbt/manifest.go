package dbt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The schemas of manifest.json that are read. 20 is Fusion's name for 12.
const (
	oldestSchema = 7
	newestSchema = 12
	fusionSchema = 20
)

// Manifest is what manifest.json says about tables.
type Manifest struct {
	Schema      int
	Project     string
	Invocation  string // one id for each run of dbt
	GeneratedAt time.Time
	Nodes       map[string]*Node // by unique id: models, seeds, snapshots and sources
}

// Node is a model, seed, snapshot or source.
type Node struct {
	ID          string
	Type        string // model | seed | snapshot | source
	Package     string
	Name        string
	SourceName  string // of a source: the name of its group
	Version     string // of a versioned model
	Table       string // database.table of ClickHouse; empty for what dbt builds no table of
	View        bool   // it holds no rows of its own
	Description string
	Columns     map[string]string // descriptions by column
	DependsOn   []string          // unique ids
}

// rawNode is a node as the file has it. Keys that were renamed between schemas
// aren't among them.
type rawNode struct {
	UniqueID     string          `json:"unique_id"`
	ResourceType string          `json:"resource_type"`
	PackageName  string          `json:"package_name"`
	Name         string          `json:"name"`
	SourceName   string          `json:"source_name"`
	Version      json.RawMessage `json:"version,omitempty"`
	RelationName *string         `json:"relation_name"`
	Schema       string          `json:"schema"`
	Alias        string          `json:"alias"`
	Identifier   string          `json:"identifier"`
	Description  string          `json:"description"`
	Config       struct {
		Materialized string `json:"materialized"`
		Enabled      *bool  `json:"enabled,omitempty"`
	} `json:"config"`
	Columns   map[string]rawColumn `json:"columns"`
	DependsOn struct {
		Nodes []string `json:"nodes"`
	} `json:"depends_on"`
}

// ErrNotDbt says that a file isn't what dbt writes.
var ErrNotDbt = errors.New("this is no file of dbt's")

// ReadManifest reads manifest.json node by node; what names no tables (macros,
// docs, tests, compiled SQL) is passed over without being kept. Errors:
// ErrNotDbt, and those of r.
func ReadManifest(r io.Reader) (*Manifest, error) {
	m := &Manifest{Nodes: map[string]*Node{}}
	err := readObject(json.NewDecoder(r), func(d *json.Decoder, key string) error {
		switch key {
		case "metadata":
			return m.readMetadata(d)
		case "nodes", "sources":
			return readObject(d, func(d *json.Decoder, id string) error { return m.readNode(d, id) })
		}
		return skip(d)
	})
	if err != nil {
		return nil, fmt.Errorf("reading dbt's manifest: %w", err)
	}
	if m.Schema == 0 {
		return nil, fmt.Errorf("reading dbt's manifest: %w: it names no metadata.dbt_schema_version; give target/manifest.json", ErrNotDbt)
	}
	return m, nil
}

var schemaVersion = regexp.MustCompile(`/manifest/v(\d+)(\.json|/|$)`)

func (m *Manifest) readMetadata(d *json.Decoder) error {
	var meta rawMetadata
	if err := d.Decode(&meta); err != nil {
		return err
	}
	match := schemaVersion.FindStringSubmatch(meta.Schema)
	if match == nil {
		return fmt.Errorf("%w: metadata.dbt_schema_version is %q; give target/manifest.json", ErrNotDbt, meta.Schema)
	}
	version, err := strconv.Atoi(match[1])
	if err != nil || version < oldestSchema || (version > newestSchema && version != fusionSchema) {
		return fmt.Errorf("%w: it has schema v%s, and v%d to v%d are read", ErrNotDbt, match[1], oldestSchema, newestSchema)
	}
	m.Schema, m.Project, m.Invocation, m.GeneratedAt = version, meta.Project, meta.Invocation, meta.GeneratedAt
	return nil
}

func (m *Manifest) readNode(d *json.Decoder, id string) error {
	var raw rawNode
	if err := d.Decode(&raw); err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	if !slices.Contains([]string{"model", "seed", "snapshot", "source"}, raw.ResourceType) || (raw.Config.Enabled != nil && !*raw.Config.Enabled) {
		return nil
	}
	n := &Node{ID: id, Type: raw.ResourceType, Package: raw.PackageName, Name: raw.Name, SourceName: raw.SourceName, Table: raw.table(),
		View: raw.Config.Materialized == "view", Description: raw.Description, DependsOn: raw.DependsOn.Nodes, Columns: map[string]string{},
		Version: strings.Trim(strings.TrimPrefix(string(raw.Version), "null"), `"`)}
	for key, c := range raw.Columns {
		if c.Description != "" {
			if c.Name != "" {
				key = c.Name
			}
			n.Columns[key] = c.Description
		}
	}
	m.Nodes[id] = n
	return nil
}

// MarshalJSON writes a manifest with no more than ReadManifest keeps: a
// hundredth of dbt's own, for sending it.
func (m *Manifest) MarshalJSON() ([]byte, error) {
	nodes := map[string]rawNode{}
	for id, n := range m.Nodes {
		raw := rawNode{UniqueID: n.ID, ResourceType: n.Type, PackageName: n.Package, Name: n.Name, SourceName: n.SourceName, Description: n.Description}
		raw.DependsOn.Nodes = n.DependsOn
		raw.Config.Materialized = "table"
		if n.Version != "" {
			raw.Version = json.RawMessage(strconv.Quote(n.Version))
		}
		switch database, table, _ := strings.Cut(n.Table, "."); {
		case n.Table == "":
			raw.Config.Materialized = "ephemeral"
		default:
			relation := "`" + database + "`.`" + table + "`"
			raw.RelationName = &relation
		}
		if n.View {
			raw.Config.Materialized = "view"
		}
		raw.Columns = map[string]rawColumn{}
		for name, description := range n.Columns {
			raw.Columns[name] = rawColumn{name, description}
		}
		nodes[id] = raw
	}
	return json.Marshal(map[string]any{
		"metadata": rawMetadata{fmt.Sprintf("https://schemas.getdbt.com/dbt/manifest/v%d.json", m.Schema), m.Project, m.Invocation, m.GeneratedAt},
		"nodes":    nodes,
	})
}

type rawMetadata struct {
	Schema      string    `json:"dbt_schema_version"`
	Project     string    `json:"project_name,omitempty"`
	Invocation  string    `json:"invocation_id"`
	GeneratedAt time.Time `json:"generated_at"`
}

type rawColumn struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// table is the node's table: of relation_name, else of schema and alias. In
// ClickHouse dbt's schema is the database, so the last two names count.
func (r *rawNode) table() string {
	if r.Config.Materialized == "ephemeral" {
		return ""
	}
	if r.RelationName != nil && *r.RelationName != "" {
		parts := splitRelation(*r.RelationName)
		if len(parts) < 2 {
			return ""
		}
		return parts[len(parts)-2] + "." + parts[len(parts)-1]
	}
	name := r.Alias
	if name == "" {
		name = r.Identifier
	}
	if name == "" {
		name = r.Name
	}
	if r.Schema == "" {
		return ""
	}
	return r.Schema + "." + name
}

// splitRelation cuts `a`.`b` or "a"."b" or a.b at the dots outside quotes.
func splitRelation(s string) []string {
	var parts []string
	var part strings.Builder
	quote := rune(0)
	for _, c := range s {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '`' || c == '"'):
			quote = c
		case quote == 0 && c == '.':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteRune(c)
		}
	}
	return append(parts, part.String())
}

// readObject calls each for every key of a JSON object; it must take the value.
func readObject(d *json.Decoder, each func(d *json.Decoder, key string) error) error {
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return fmt.Errorf("%w: a key is %v", ErrNotDbt, token)
		}
		if err := each(d, key); err != nil {
			return err
		}
	}
	return expect(d, json.Delim('}'))
}

func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%w: %v stands where %v should", ErrNotDbt, token, want)
	}
	return nil
}

// skip passes over one value token by token, so that a large one isn't kept.
func skip(d *json.Decoder) error {
	depth := 0
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
