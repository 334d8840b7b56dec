package dbt

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Exposure is one use of dbt's tables that dbt should know.
type Exposure struct {
	Name        string // becomes letters, digits and underscores
	Label       string
	Description string
	URL         string
	Owner       string   // an address, or a name
	Tables      []string // database.table
}

// The YAML of an exposure: https://docs.getdbt.com/reference/exposure-properties
type exposureFile struct {
	Version   int             `yaml:"version"`
	Exposures []exposureEntry `yaml:"exposures"`
}

type exposureEntry struct {
	Name        string        `yaml:"name"`
	Label       string        `yaml:"label,omitempty"`
	Type        string        `yaml:"type"`
	Description string        `yaml:"description,omitempty"`
	URL         string        `yaml:"url,omitempty"`
	DependsOn   []string      `yaml:"depends_on"`
	Owner       exposureOwner `yaml:"owner"`
}

type exposureOwner struct {
	Name  string `yaml:"name,omitempty"`
	Email string `yaml:"email,omitempty"`
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// WriteExposures writes the exposures that use tables of the manifest as a
// properties file of dbt's, and returns how many those are. One that uses none
// is left out: dbt has nothing to tie it to.
func (m *Manifest) WriteExposures(w io.Writer, all []Exposure) (written int, err error) {
	byTable := map[string]*Node{}
	for _, n := range m.Nodes {
		// A table that one package builds and another declares as a source is the model.
		if old := byTable[n.Table]; old == nil || old.Type == "source" && n.Type != "source" || old.Type == n.Type && n.ID < old.ID {
			byTable[n.Table] = n
		}
	}
	file := exposureFile{Version: 2, Exposures: []exposureEntry{}}
	for _, e := range all {
		entry := exposureEntry{Name: notInName.ReplaceAllString(e.Name, "_"), Label: e.Label, Type: "application", Description: e.Description, URL: e.URL}
		for _, table := range e.Tables {
			if n := byTable[table]; n != nil && table != "" {
				entry.DependsOn = append(entry.DependsOn, m.reference(n))
			}
		}
		if len(entry.DependsOn) == 0 {
			continue
		}
		slices.Sort(entry.DependsOn)
		entry.DependsOn = slices.Compact(entry.DependsOn)
		if strings.Contains(e.Owner, "@") {
			entry.Owner.Email = e.Owner
		} else {
			entry.Owner.Name = e.Owner
		}
		file.Exposures = append(file.Exposures, entry)
	}
	raw, err := yaml.MarshalWithOptions(file, yaml.IndentSequence(true))
	if err != nil {
		return 0, fmt.Errorf("writing exposures: %w", err)
	}
	if _, err := w.Write(raw); err != nil {
		return 0, fmt.Errorf("writing exposures: %w", err)
	}
	return len(file.Exposures), nil
}

// reference names a node as dbt's files do.
func (m *Manifest) reference(n *Node) string {
	if n.Type == "source" {
		return fmt.Sprintf("source('%s', '%s')", n.SourceName, n.Name)
	}
	name := "'" + n.Name + "'"
	if n.Package != "" && m.Project != "" && n.Package != m.Project {
		name = "'" + n.Package + "', " + name
	}
	if n.Version != "" {
		version := n.Version
		if strings.Trim(version, "0123456789") != "" {
			version = "'" + version + "'"
		}
		name += ", v=" + version
	}
	return "ref(" + name + ")"
}
