package project

import "strings"

// Positions says where each key and value of a YAML document stands. Keys are
// paths of mapping keys and list indexes.
type Positions struct {
	values, keys map[string]Position
}

func newPositions() Positions {
	return Positions{values: map[string]Position{}, keys: map[string]Position{}}
}

// At returns the position of the value at path (`At("fields", "firstname")`),
// or of its nearest parent that stands in the file.
func (p Positions) At(path ...string) Position { return p.lookup(p.values, path) }

// Key returns the position of the key at path, or of its nearest parent.
func (p Positions) Key(path ...string) Position { return p.lookup(p.keys, path) }

func (p Positions) lookup(in map[string]Position, path []string) Position {
	for n := len(path); n > 0; n-- {
		if at, ok := in[strings.Join(path[:n], pathSeparator)]; ok {
			return at
		}
		if at, ok := p.values[strings.Join(path[:n], pathSeparator)]; ok {
			return at
		}
	}
	return p.values[""]
}

// pathSeparator joins the keys of a path; no YAML key of ours holds it.
const pathSeparator = "\x00"

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + pathSeparator + key
}

// Origin is where a definition was read from.
type Origin struct {
	Name      string    `yaml:"-" json:"name"` // from the file's name
	Path      string    `yaml:"-" json:"path"` // relative to the project's folder, with slashes
	Positions Positions `yaml:"-" json:"-"`
}
